"""What contacts are worth: chances of solving them, the bound of the fluid plan, priced rules."""

from __future__ import annotations

import numpy as np
import pytest

from policies.fluid import best_plan
from policies.sim import Scenario, compare, read_scenario, simulate
from policies.sim.facts import arrivals_per_s
from policies.sim.reading import ScenarioError, make_scenario
from policies.sim.simulation import Engine
from policies.theory.value_bound import value_bound
from tests.unit.policies_sim.known_centres import both_engines, scenario

VALUE = "examples/scenarios/value.yaml"


def two_pools() -> Scenario:
    """Return one type before agents who solve half, and agents who solve all but are few."""
    return scenario(
        {"help": {"arrivals": {"per_hour": 360}, "handle": {"mean_s": 60}, "reward": 3}},
        {
            "few": {"agents": 4, "skills": {"help": 1}},
            "many": {"agents": 9, "skills": {"help": 1}, "solve": {"help": 0.5}},
        },
        length=400_000,
    )


def test_the_bound_fills_the_best_agents_first() -> None:
    bound = value_bound(two_pools())

    # 4 of 6 contacts a minute are solved for sure, 2 with chance 1/2; each is worth 3.
    assert bound.worth_per_s * 60 == pytest.approx(3 * (4 + 2 * 0.5))
    assert bound.flow.ravel() * 60 == pytest.approx([4, 2])
    assert bound.contact_price == pytest.approx([1.5])
    assert bound.second_price == pytest.approx([1.5 / 60, 0])


def test_a_pair_that_is_not_allowed_has_no_part_in_the_plan() -> None:
    worth = np.array([[1.0, -np.inf], [0.5, 0.2]])

    plan = best_plan(worth, np.full((2, 2), 2.0), np.array([1.0, 1.0]), np.array([1.0, 9.0]))

    assert plan.flow == pytest.approx(np.array([[0.5, 0], [0.5, 1]]))


@both_engines
def test_solved_by_lot_and_worth_by_expectation_agree_with_who_served(engine: Engine) -> None:
    centre = two_pools().model_copy(update={"length": 40_000.0, "warm_up": 0.0})
    found = simulate(centre, "random_eligible", replications=4, engine=engine)

    served = found.flows.sum(axis=(0, 2))
    expected = served[0] + served[1] / 2
    chance_sd = float(np.sqrt(served[1] / 4))
    assert found.sums["worth"].sum() == pytest.approx(3 * expected)
    assert abs(found.sums["solved_n"].sum() - expected) < 4 * chance_sd


def test_the_bound_of_the_value_scenario_and_how_near_the_policies_come() -> None:
    centre = read_scenario(VALUE)
    most = value_bound(centre).worth_per_s / sum(arrivals_per_s(centre).values())

    blind, greedy, priced = compare(centre, ["longest_idle", "value_greedy", "lp_value"])

    assert most == pytest.approx(8.466 / 10.58)
    gaps = [1 - found.measure("worth").value / most for found in (blind, greedy, priced)]
    assert gaps[0] > 0.15
    assert gaps[1] == pytest.approx(0.062, abs=0.004)
    assert 0.03 < gaps[2] < 0.045
    assert priced.difference(greedy, "worth").low > 0


@pytest.mark.parametrize("policy", ["value_greedy", "lp_value"])
def test_both_engines_make_the_same_day_of_the_value_scenario(policy: str) -> None:
    centre = read_scenario(VALUE).model_copy(update={"length": 10_000.0})

    fast, slow = (
        simulate(centre, policy, replications=2, engine=engine) for engine in ("compiled", "python")
    )

    assert (fast.sums == slow.sums).all()
    assert (fast.flows == slow.flows).all()


def test_a_chance_of_solving_is_checked() -> None:
    data = two_pools().model_dump(by_alias=True)
    data["groups"]["few"]["solve"] = {"help": 1.2}
    with pytest.raises(ScenarioError, match=r"groups\.few\.solve\.help: .*less than or equal to 1"):
        make_scenario(data)
    data["groups"]["few"]["solve"] = {"hlep": 1.0}
    with pytest.raises(ScenarioError, match=r"solve: 'hlep' is no type; allowed: help"):
        make_scenario(data)
