"""Policies that need what only a scenario knows: the exam, and what each of them is for."""

from __future__ import annotations

from copy import deepcopy
from random import Random
from typing import Any

import pytest

from policies.checks import exam
from policies.fixed_cap import FixedCap
from policies.generalised_cmu import GeneralisedCMu
from policies.idle_threshold_reserve import IdleThresholdReserve
from policies.max_weight import MaxWeight
from policies.sim import Scenario, compare, make_policy, simulate
from policies.sim.built_in import KNOWING, RULES
from policies.view import AgentView, ContactView, Demand, View
from tests.unit.policies_sim.known_centres import chats, one_type, scenario


def two_types(contacts: float) -> Scenario:
    """Return short and long contacts before agents who do both, and a few who do one."""
    short: dict[str, Any] = {"arrivals": {"per_hour": 240}, "handle": {"mean_s": 60}}
    long: dict[str, Any] = {"arrivals": {"per_hour": 60}, "handle": {"mean_s": 300}}
    groups = {
        "both": {"agents": 6, "skills": {"short": 1, "long": 1}, "priority": {"long": 2}},
        "long only": {"agents": 4, "skills": {"long": 1}, "handle_factor": {"long": 0.8}},
    }
    return scenario({"short": short, "long": long}, groups, length=contacts * 12)


@pytest.mark.parametrize("name", sorted(KNOWING))
def test_every_policy_that_knows_the_scenario_passes_the_exam(name: str) -> None:
    made = make_policy(name, two_types(100))
    exam(lambda: deepcopy(made))


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(RULES))
def test_both_engines_agree_on_the_mean_wait(name: str) -> None:
    fast = simulate(two_types(400), name, replications=10, seed=8, engine="compiled")
    slow = simulate(two_types(400), name, replications=10, seed=8, engine="python")

    gap = fast.difference(slow, "mean_wait_s")
    assert abs(gap.value) <= 3 * gap.se + 1e-9
    assert fast.measure("mean_wait_s").value > 0


def test_generalised_cmu_serves_the_short_ones_sooner_than_first_come_first_served() -> None:
    fair, weighed = compare(two_types(20_000), ["longest_idle", "generalised_cmu"], seed=8)

    assert weighed.difference(fair, "mean_wait_s", "short").high < 0
    assert weighed.difference(fair, "mean_wait_s").high < 0


def test_max_weight_takes_from_the_longest_queue() -> None:
    demand = {name: Demand(queue=name) for name in ("few", "many")}
    contacts = [ContactView(id="1", demand=demand["few"], arrived_at=0, virtual_at=0)]
    contacts += [
        ContactView(id=str(n), demand=demand["many"], arrived_at=n, virtual_at=n)
        for n in range(2, 5)
    ]
    view = View.of(contacts, [AgentView(id="a")], now=9)

    assert [match.contact for match in MaxWeight().decide(view, Random(0))] == ["2"]
    assert [match.contact for match in GeneralisedCMu().decide(view, Random(0))] == ["1"]


def test_a_cap_of_one_is_a_centre_with_one_chat_each() -> None:
    wide, narrow = chats([1.0, 1.6, 1.9], 400), chats([1.0], 400)

    capped = simulate(wide, FixedCap(1), replications=4)
    single = simulate(narrow, "least_busy", replications=4, engine="python")

    assert (capped.sums == single.sums).all()


@pytest.mark.parametrize("cap", [0, -2])
def test_a_cap_that_lets_nobody_work_is_refused(cap: int) -> None:
    with pytest.raises(ValueError, match="allowed: whole numbers from 1"):
        FixedCap(cap)


def test_a_reserve_keeps_agents_for_the_contacts_they_are_meant_for() -> None:
    centre = two_types(1000)
    kept = IdleThresholdReserve({("both", "long"): 2})

    plain, reserved = compare(centre, ["longest_idle", kept], replications=10, seed=8)

    assert reserved.difference(plain, "mean_wait_s", "short").high < 0
    assert reserved.difference(plain, "mean_wait_s", "long").low > 0


def test_without_a_reserve_it_is_longest_idle() -> None:
    centre = one_type(arrivals=0.1, mean_s=60, agents=7, contacts=500)

    plain = simulate(centre, "longest_idle", replications=2, engine="python")
    kept = simulate(centre, "idle_threshold_reserve", replications=2)

    assert (plain.sums == kept.sums).all()
