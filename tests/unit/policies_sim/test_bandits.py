"""Policies that learn who solves what, while they serve."""

from __future__ import annotations

from random import Random

import msgspec
import pytest

from policies import registry
from policies.learning import Learner, Outcome
from policies.linear_bandit import LinearBandit
from policies.sim import Scenario, compare, simulate
from policies.sim.built_in import known_to_bandits
from policies.sim.regret import regret, worth_so_far
from policies.sim.simulation import Setting, replicate
from policies.skill_bandit import PRIOR_N, SkillBandit, ThompsonSkills, UcbSkills
from policies.view import AgentView, ContactView, Demand
from tests.unit.policies_sim.known_centres import scenario


def two_specialists() -> Scenario:
    """Return two types and two groups, each of which solves one type far better."""
    types = {name: {"arrivals": {"per_hour": 120}, "handle": {"mean_s": 60}} for name in "xy"}
    groups = {
        name: {"agents": 5, "skills": {"x": 1, "y": 1}, "solve": {name: 0.9, other: 0.3}}
        for name, other in (("x", "y"), ("y", "x"))
    }
    return scenario(types, groups, length=3600.0)


def outcome(queue: str, group: str, *, solved: bool) -> Outcome:
    """Return how a contact ended."""
    return Outcome(
        contact=ContactView(id="1", demand=Demand(queue=queue), arrived_at=0, virtual_at=0),
        agent=AgentView(id="a", groups=frozenset({group})),
        decided_at=0.0,
        handle_s=60.0,
        solved=solved,
    )


@pytest.mark.parametrize("make", [ThompsonSkills, UcbSkills])
def test_the_first_outcomes_of_a_pair_are_shrunk_to_the_rate_of_all(
    make: type[SkillBandit],
) -> None:
    bandit = make(known_to_bandits(two_specialists()))
    assert isinstance(bandit, Learner)
    for n in range(98):
        bandit.learn(outcome("x", "x", solved=n % 2 == 0))
    bandit.learn(outcome("y", "y", solved=True))

    seen, once, never = (
        solved / (solved + lost)
        for solved, lost in map(bandit.posterior, [("x", "x"), ("y", "y"), ("x", "y")])
    )

    assert never == pytest.approx(0.5, abs=0.01)
    assert once == pytest.approx((PRIOR_N * never + 1) / (PRIOR_N + 1))
    assert seen == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("name", ["ucb", "thompson"])
def test_a_bandit_loses_little_more_after_it_has_learned(name: str) -> None:
    early, late, later = regret(
        two_specialists(), name, "lp_value", [400, 1200, 1500], replications=4, seed=3
    )

    assert early.lost.value > 0
    assert later.lost.value - late.lost.value < early.lost.value


def test_a_linear_bandit_learns_what_depends_on_the_context() -> None:
    bandit, dice = LinearBandit(width=0.3), Random(4)
    for _ in range(600):
        level = dice.randint(1, 5)
        told = outcome("x", "x", solved=dice.random() < level / 5)
        skilled = msgspec.structs.replace(told.agent, skills={"x": level})
        needs = msgspec.structs.replace(told.contact.demand, needs=(("x", 1),))
        contact = msgspec.structs.replace(told.contact, demand=needs)
        bandit.learn(msgspec.structs.replace(told, agent=skilled, contact=contact))
        last = (contact, skilled)

    weak, strong = (
        bandit.bound(last[0], msgspec.structs.replace(last[1], skills={"x": level}), 0.0)
        for level in (1, 5)
    )

    assert weak == pytest.approx(0.2, abs=0.15)
    assert strong == pytest.approx(1.0, abs=0.15)


def test_a_linear_bandit_solves_more_than_one_that_is_blind() -> None:
    blind, learning = compare(
        two_specialists(), ["random_eligible", "linear_bandit"], replications=3, seed=5
    )

    assert learning.difference(blind, "solved").low > 0


def test_regret_is_what_the_flows_say() -> None:
    setting = Setting.of(two_specialists())
    blind = replicate(setting, "longest_idle", "compiled", 1, 0)
    found = simulate(two_specialists().model_copy(update={"warm_up": 0.0}), "longest_idle", seed=1)

    assert worth_so_far(setting, blind)[-1] == pytest.approx(found.sums["worth"][0].sum())


def test_what_was_seen_before_comes_with_the_settings() -> None:
    made = registry.make("ucb", {"seen": {"x": {"x": [100, 90]}}, "mean_s": {"x": {"x": 60}}})

    assert isinstance(made, UcbSkills)
    solved, lost = made.posterior(("x", "x"))
    assert solved == pytest.approx(90 + PRIOR_N * 91 / 102)
    assert solved + lost == pytest.approx(100 + PRIOR_N)


def test_the_same_outcomes_teach_the_same() -> None:
    one, two = (simulate(two_specialists(), "thompson", replications=2, seed=9) for _ in range(2))

    assert (one.sums == two.sums).all()
