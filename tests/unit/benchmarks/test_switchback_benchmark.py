"""The switchback benchmark, small: a day of switching holds the true lift in its interval."""

import pytest

from benchmarks.switchback import SCENARIO, first_stop, row, run_experiment, true_lift
from policies.experiments.analysis import analyse
from policies.experiments.design import Design
from policies.sim import read_scenario


@pytest.mark.slow
def test_a_day_of_switching_holds_the_true_lift_in_its_interval():
    scenario = read_scenario(SCENARIO)
    base, lift = true_lift(scenario, 20)
    design = Design(0.0, 86_400.0, block_s=3_600.0, burn_in_s=900.0, hours=False, days="any")

    at, solved = run_experiment(scenario, design, seed=2)
    found = analyse(design, at, solved)

    assert 0 < base < base + lift.value < 1
    assert found.adjusted.low < lift.value < found.adjusted.high
    told = row(1, found, lift.value, first_stop(design, at, solved))
    assert told["pairs"] == 12
