"""Policies by name for simulation: rules of the compiled engine, and their Python twins."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from policies import registry
from policies.batch_assignment import BatchAssignment
from policies.fastest_first import FastestFirst
from policies.generalised_cmu import GeneralisedCMu
from policies.last_idle import LastIdle
from policies.least_busy import LeastBusy
from policies.linear_bandit import LinearBandit
from policies.longest_idle import LongestIdle
from policies.lp_value import LpValue
from policies.marginal_rate import MarginalRate
from policies.max_weight import MaxWeight
from policies.most_busy import MostBusy
from policies.prices import Prices
from policies.random_eligible import RandomEligible
from policies.sim import facts
from policies.sim.kernel import choice
from policies.sim.scenario import Scenario
from policies.skill_bandit import Centre, ThompsonSkills, UcbSkills
from policies.static_skill_priority import StaticSkillPriority
from policies.value_greedy import ValueGreedy
from policies.view import Policy


class UnknownPolicyError(LookupError):
    """There is no policy of that name, or the engine asked for cannot run it."""


class Rule(NamedTuple):
    """How the compiled engine chooses the agent, and the contact for an agent who got free."""

    pick: int
    take: int


RULES = {
    RandomEligible.name: Rule(choice.RANDOM, choice.OLDEST),
    LongestIdle.name: Rule(choice.LONGEST_IDLE, choice.OLDEST),
    LastIdle.name: Rule(choice.LAST_IDLE, choice.OLDEST),
    FastestFirst.name: Rule(choice.FASTEST, choice.OLDEST),
    LeastBusy.name: Rule(choice.LEAST_BUSY, choice.OLDEST),
    MostBusy.name: Rule(choice.MOST_BUSY, choice.OLDEST),
    StaticSkillPriority.name: Rule(choice.RANKED, choice.RANK_FIRST),
    GeneralisedCMu.name: Rule(choice.LONGEST_IDLE, choice.C_MU),
    MaxWeight.name: Rule(choice.LONGEST_IDLE, choice.LONGEST_QUEUE),
    ValueGreedy.name: Rule(choice.PRICED, choice.NOBODY),
    LpValue.name: Rule(choice.PRICED, choice.NOBODY),
}
"""What the compiled engine can do."""


def lp_value(scenario: Scenario, hold_s: float = float("inf")) -> LpValue:
    """Return the rule priced for the scenario; it holds contacts back for `hold_s` at most."""
    return LpValue(
        facts.worths(scenario),
        facts.mean_work(scenario),
        arrivals_per_s=facts.arrivals_per_s(scenario),
        agents=facts.staff(scenario),
        leave_per_s=facts.leave_per_s(scenario),
        hold_s=hold_s,
    )


def known_to_bandits(scenario: Scenario) -> Centre:
    """Return what a bandit may know before it has learned anything."""
    return Centre(
        mean_s=facts.mean_work(scenario),
        arrivals_per_s=facts.arrivals_per_s(scenario),
        agents=facts.staff(scenario),
        leave_per_s=facts.leave_per_s(scenario),
        reward={name: kind.reward for name, kind in scenario.types.items()},
        hold_s=float("inf"),
    )


PRICED: dict[str, Callable[[Scenario], Prices]] = {
    LpValue.name: lambda scenario: lp_value(scenario).prices,
    ValueGreedy.name: lambda scenario: Prices(facts.worths(scenario)),
}
"""The prices that the compiled engine needs for a rule."""

KNOWING: dict[str, Callable[[Scenario], Policy]] = {
    BatchAssignment.name: lambda scenario: BatchAssignment(facts.worths(scenario)),
    MarginalRate.name: lambda scenario: MarginalRate(
        {name: group.rates for name, group in scenario.groups.items()}
    ),
    FastestFirst.name: lambda scenario: FastestFirst(facts.mean_handles(scenario)),
    StaticSkillPriority.name: lambda scenario: StaticSkillPriority(facts.ranks(scenario)),
    GeneralisedCMu.name: lambda scenario: GeneralisedCMu(mean_s=facts.mean_handles(scenario)),
    MaxWeight.name: lambda scenario: MaxWeight(facts.mean_handles(scenario)),
    ValueGreedy.name: lambda scenario: ValueGreedy(facts.worths(scenario)),
    LpValue.name: lp_value,
    ThompsonSkills.name: lambda scenario: ThompsonSkills(known_to_bandits(scenario)),
    UcbSkills.name: lambda scenario: UcbSkills(known_to_bandits(scenario)),
    LinearBandit.name: lambda scenario: LinearBandit(
        reward={name: kind.reward for name, kind in scenario.types.items()}
    ),
}
"""Policies that are told what the scenario knows."""


def policy_names() -> list[str]:
    """Return every name that `make_policy` knows, sorted."""
    return sorted({*KNOWING, *RULES, *registry.names()})


def make_policy(name: str, scenario: Scenario) -> Policy:
    """Return a fresh policy; one that needs handle times or ranks gets the scenario's.

    Raises:
        UnknownPolicyError: there is none of that name; the text lists those there are.
    """
    if name in KNOWING:
        return KNOWING[name](scenario)
    if name not in registry.names():
        raise UnknownPolicyError(f"policy: no {name!r}; allowed: {', '.join(policy_names())}")
    return registry.make(name)
