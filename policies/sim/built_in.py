"""Policies by name for simulation: rules of the compiled engine, and their Python twins."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from policies import registry
from policies.fastest_first import FastestFirst
from policies.fixed_cap import FixedCap
from policies.generalised_cmu import GeneralisedCMu
from policies.idle_threshold_reserve import IdleThresholdReserve
from policies.last_idle import LastIdle
from policies.least_busy import LeastBusy
from policies.longest_idle import LongestIdle
from policies.max_weight import MaxWeight
from policies.most_busy import MostBusy
from policies.random_eligible import RandomEligible
from policies.sim.kernel import choice
from policies.sim.scenario import Scenario
from policies.static_skill_priority import StaticSkillPriority
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
}
"""What the compiled engine can do."""


def _means(scenario: Scenario) -> dict[tuple[str, str], float]:
    return {
        (group, queue): kind.handle.mean * given.handle_factor.get(queue, 1.0)
        for group, given in scenario.groups.items()
        for queue, kind in scenario.types.items()
    }


def _ranks(scenario: Scenario) -> dict[tuple[str, str], float]:
    return {
        (group, queue): float(given.priority.get(queue, 1))
        for group, given in scenario.groups.items()
        for queue in scenario.types
    }


_MAKERS: dict[str, Callable[[Scenario], Policy]] = {
    LastIdle.name: lambda _: LastIdle(),
    MostBusy.name: lambda _: MostBusy(),
    FastestFirst.name: lambda scenario: FastestFirst(_means(scenario)),
    StaticSkillPriority.name: lambda scenario: StaticSkillPriority(_ranks(scenario)),
    GeneralisedCMu.name: lambda scenario: GeneralisedCMu(mean_s=_means(scenario)),
    MaxWeight.name: lambda scenario: MaxWeight(_means(scenario)),
    FixedCap.name: lambda _: FixedCap(),
    IdleThresholdReserve.name: lambda _: IdleThresholdReserve(),
}


def policy_names() -> list[str]:
    """Return every name that `make_policy` knows, sorted."""
    return sorted({*_MAKERS, *RULES, *registry.names()})


def make_policy(name: str, scenario: Scenario) -> Policy:
    """Return a fresh policy; one that needs handle times or ranks gets the scenario's.

    Raises:
        UnknownPolicyError: there is none of that name; the text lists those there are.
    """
    if name in _MAKERS:
        return _MAKERS[name](scenario)
    if name not in registry.names():
        raise UnknownPolicyError(f"policy: no {name!r}; allowed: {', '.join(policy_names())}")
    return registry.make(name)
