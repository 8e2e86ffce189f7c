"""What can be turned at each policy, how far, and how a policy is made of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from policies.batch_assignment import BatchAssignment
from policies.fixed_cap import FixedCap
from policies.fixed_queue_ratio import FixedQueueRatio
from policies.generalised_cmu import GeneralisedCMu
from policies.idle_threshold_reserve import IdleThresholdReserve
from policies.lp_value import LpValue
from policies.own_class import is_own, own_class
from policies.sim import facts
from policies.sim.built_in import lp_value, make_policy
from policies.sim.facts import served_pairs
from policies.sim.scenario import Scenario
from policies.static_skill_priority import StaticSkillPriority
from policies.view import Policy
from policies.weight_based import WeightBased

Values = Mapping[str, float]
"""Knob -> where it stands."""
AGENTS = "agents"
"""The knob that multiplies every group's agents."""


class Knob(NamedTuple):
    """A number between bounds; `usual` is where it stands untouched."""

    low: float
    high: float
    usual: float
    whole: bool = False
    log: bool = False
    """Steps are factors, not sums."""


class Tunable(NamedTuple):
    """A policy whose knobs depend on the scenario."""

    knobs: Callable[[Scenario], dict[str, Knob]]
    make: Callable[[Scenario, Values], Policy]


def _by_pair(name: str, knob: Knob) -> Callable[[Scenario], dict[str, Knob]]:
    return lambda scenario: {f"{name}.{g}.{q}": knob for g, q in served_pairs(scenario)}


def _by_type(name: str, knob: Knob) -> Callable[[Scenario], dict[str, Knob]]:
    return lambda scenario: {f"{name}.{q}": knob for q in scenario.types}


def _read_pairs(scenario: Scenario, name: str, at: Values) -> dict[tuple[str, str], float]:
    return {(g, q): at[f"{name}.{g}.{q}"] for g, q in served_pairs(scenario)}


def _read_types(scenario: Scenario, name: str, at: Values) -> dict[str, float]:
    return {q: at[f"{name}.{q}"] for q in scenario.types}


def _reserve_knobs(scenario: Scenario) -> dict[str, Knob]:
    staff = facts.staff(scenario)
    return {
        f"reserve.{g}.{q}": Knob(0, max(1.0, staff[g] // 3), 0, whole=True)
        for g, q in served_pairs(scenario)
    }


def _cap_knobs(scenario: Scenario) -> dict[str, Knob]:
    most = max(group.capacity for group in scenario.groups.values())
    return {"cap": Knob(1, max(2, most), most, whole=True)}


def _weights(scenario: Scenario, at: Values) -> Policy:
    return WeightBased(
        _read_pairs(scenario, "offset", at), _read_pairs(scenario, "wait_slope", at), {}
    )


TUNABLE: dict[str, Tunable] = {
    FixedCap.name: Tunable(_cap_knobs, lambda _, at: FixedCap(int(at["cap"]))),
    IdleThresholdReserve.name: Tunable(
        _reserve_knobs,
        lambda scenario, at: IdleThresholdReserve(
            {pair: int(n) for pair, n in _read_pairs(scenario, "reserve", at).items()}
        ),
    ),
    GeneralisedCMu.name: Tunable(
        _by_type("cost", Knob(0.1, 10, 1, log=True)),
        lambda scenario, at: GeneralisedCMu(
            _read_types(scenario, "cost", at), facts.mean_handles(scenario)
        ),
    ),
    StaticSkillPriority.name: Tunable(
        _by_pair("rank", Knob(1, 3, 1, whole=True)),
        lambda scenario, at: StaticSkillPriority(_read_pairs(scenario, "rank", at)),
    ),
    FixedQueueRatio.name: Tunable(
        _by_type("queue_ratio", Knob(0.05, 1, 0.5, log=True)),
        lambda scenario, at: FixedQueueRatio(_read_types(scenario, "queue_ratio", at), {}),
    ),
    WeightBased.name: Tunable(
        lambda scenario: {
            **_by_pair("offset", Knob(-120, 120, 0))(scenario),
            **_by_pair("wait_slope", Knob(0.1, 10, 1, log=True))(scenario),
        },
        _weights,
    ),
    BatchAssignment.name: Tunable(
        lambda _: {"per_hour": Knob(0.1, 100, 1, log=True)},
        lambda scenario, at: BatchAssignment(facts.worths(scenario), at["per_hour"]),
    ),
    LpValue.name: Tunable(
        lambda _: {"hold_s": Knob(1, 1800, 300, log=True)},
        lambda scenario, at: lp_value(scenario, at["hold_s"]),
    ),
}
"""By the policy's name."""


def knobs_of(
    policy: str, scenario: Scenario, agents: tuple[float, float] | None = None
) -> dict[str, Knob]:
    """Return the knobs of a policy, by name or FILE.py:CLASS with `knobs`; `agents`: bounds of a
    factor of every group's agents, None to leave them.

    Raises:
        ValueError: there is nothing to turn; the text says what could be.
    """
    found = dict(_own_knobs(policy) if is_own(policy) else _built_in(policy, scenario))
    if agents is not None:
        low, high = agents
        found[AGENTS] = Knob(low, high, min(max(1.0, low), high))
    if not found:
        raise ValueError(
            f"policy: {policy!r} has no knobs; allowed: {', '.join(sorted(TUNABLE))}, "
            "FILE.py:CLASS with `knobs`, or --agents"
        )
    return found


def policy_at(policy: str, scenario: Scenario, at: Values) -> Policy:
    """Return the policy with its knobs where `at` says."""
    if is_own(policy):
        made = own_class(policy)
        types = {name: int if knob.whole else float for name, knob in _own_knobs(policy).items()}
        mine: Policy = made(**{name: kind(at[name]) for name, kind in types.items()})
        return mine
    if policy in TUNABLE:
        return TUNABLE[policy].make(scenario, at)
    return make_policy(policy, scenario)


def _built_in(policy: str, scenario: Scenario) -> Mapping[str, Knob]:
    if policy in TUNABLE:
        return TUNABLE[policy].knobs(scenario)
    make_policy(policy, scenario)
    return {}


def _own_knobs(policy: str) -> dict[str, Knob]:
    """Return the knobs of one's own class: `knobs = {"keep": (0, 5)}`, whole if both ends are."""
    given: Mapping[str, Any] = getattr(own_class(policy), "knobs", {})
    found = {}
    for name, bounds in given.items():
        low, high = bounds
        whole = isinstance(low, int) and isinstance(high, int)
        middle = (low + high) // 2 if whole else (low + high) / 2
        found[name] = Knob(low, high, middle, whole=whole)
    return found
