"""A switchback experiment on the value scenario: the lift it finds beside the true one.

    python -m benchmarks.switchback [--json FILE] [--days 42] [--experiments 3] [--quick]

`examples/scenarios/value.yaml` under longest_idle (arm 0) and lp_value (arm 1). The true lift, in
contacts solved per contact that arrived, comes from long runs of each arm alone, on the same
contacts. Each experiment then runs the centre once, changing policy by block as a live one would,
sees only whether each contact was solved, and is analysed as one: burn-in thrown away, blocks
paired by time of day, adjusted for arrivals. An always-valid interval says after how many pairs one
could have stopped.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks import report
from policies.arrays import Floats
from policies.experiments.analysis import Finding, analyse, paired_blocks
from policies.experiments.arms import ByBlock
from policies.experiments.design import Design
from policies.experiments.sequential import AlwaysValid
from policies.sim import Estimate, Scenario, compare, make_policy, read_scenario
from policies.sim.kernel.floor import SERVED
from policies.sim.scenario import DAY_S
from policies.sim.simulation import Setting, replicate

SCENARIO = Path(__file__).parents[1] / "examples/scenarios/value.yaml"
ARMS = ("longest_idle", "lp_value")
TRUTH_SEED = 1_000

Row = dict[str, report.Cell]


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the command line, checked."""
    parser = report.parser(__doc__ or "")
    parser.add_argument("--days", type=int, default=42, help="of each experiment")
    parser.add_argument("--experiments", type=int, default=3)
    parser.add_argument("--block-min", type=float, default=120.0)
    parser.add_argument("--burn-in-min", type=float, default=30.0)
    parser.add_argument("--truth-replications", type=int, default=200, help="of 48 hours an arm")
    parser.add_argument("--quick", action="store_true", help="two days and two experiments")
    return parser.parse_args(arguments)


def true_lift(scenario: Scenario, replications: int) -> tuple[float, Estimate]:
    """Return arm 0's mean and the difference to arm 1, from runs of each arm alone."""
    base, other = compare(scenario, ARMS, replications=replications, seed=TRUTH_SEED)
    return base.measure("worth").value, other.difference(base, "worth")


def run_experiment(scenario: Scenario, design: Design, seed: int) -> tuple[Floats, Floats]:
    """Return when each contact arrived and whether it was solved, under alternating policies."""
    longer = scenario.model_copy(update={"length": design.end, "warm_up": 0.0})
    setting = Setting.of(longer)
    live, candidate = (make_policy(name, scenario) for name in ARMS)
    policy = ByBlock(live, candidate, design, "value")
    done = replicate(setting, policy, "python", seed, 0)
    fate = done.visits.fate[: done.rows]
    served = fate["outcome"] == SERVED
    crew = done.agents["crew"][np.where(served, fate["agent"], 0)]
    chance = setting.centre.fit[crew, done.visits.type[: done.rows]]["solve"]
    solved = served & (np.random.default_rng(seed).random(done.rows) < chance)
    return done.visits.arrived[: done.rows], solved.astype(np.float64)


def first_stop(design: Design, at: Floats, solved: Floats) -> int | None:
    """Return after how many pairs an experimenter who looks after each could have stopped."""
    pairs = paired_blocks(design, at, solved)
    difference = pairs.treated - pairs.control
    rule = AlwaysValid(planned_n=len(difference))
    looks = (rule.look(difference[:n]) for n in range(1, len(difference) + 1))
    return next((look.pairs_n for look in looks if look.stop), None)


def row(number: int, found: Finding, truth: float, stop: int | None) -> Row:
    """Return one experiment as a row of the table; lifts in contacts solved per thousand."""
    return {
        "experiment": number,
        "contacts": found.contacts_n,
        "pairs": found.pairs_n,
        "true lift": round(1000 * truth, 2),
        "estimate": round(1000 * found.adjusted.value, 2),
        "low": round(1000 * found.adjusted.low, 2),
        "high": round(1000 * found.adjusted.high, 2),
        "off by, %": round(100 * (found.adjusted.value / truth - 1), 2),
        "Horvitz-Thompson off, %": round(100 * (found.horvitz_thompson.value / truth - 1), 2),
        "p": round(found.p_value, 4),
        "could stop after pairs": stop,
    }


def main() -> None:
    """Measure, show a table, write JSON."""
    given = options()
    days, experiments = (2, 2) if given.quick else (given.days, given.experiments)
    replications = 10 if given.quick else given.truth_replications
    scenario = read_scenario(SCENARIO)
    base, lift = true_lift(scenario, replications)
    report.say(f"solved per contact: {ARMS[0]} {base:.4f}; true lift of {ARMS[1]}: {lift}")
    rows = []
    for number in range(1, experiments + 1):
        design = Design(
            start=0.0,
            end=days * DAY_S,
            block_s=60 * given.block_min,
            burn_in_s=60 * given.burn_in_min,
            seed=number,
            days="any",
        )
        at, solved = run_experiment(scenario, design, seed=number)
        found = analyse(design, at, solved, seed=number)
        rows.append(row(number, found, lift.value, first_stop(design, at, solved)))
        report.say(f"experiment {number}: off by {rows[-1]['off by, %']} %")
    report.say(report.table(rows))
    errors = [abs(float(one["off by, %"] or 0)) for one in rows]
    result = {
        "machine": report.machine_facts(),
        "arms": ARMS,
        "base": base,
        "true_lift": lift._asdict(),
        "rows": rows,
        "largest_error_percent": max(errors),
        "mean_error_percent": float(np.mean(errors)),
    }
    report.write(result, given.json)


if __name__ == "__main__":
    main()
