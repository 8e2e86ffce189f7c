"""Policies by the name and the parameters that a queue's settings use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Generic, NamedTuple, TypeVar

from policies import parameters
from policies.batch_assignment import BatchAssignment
from policies.composed import COMPOSED, Composed
from policies.fastest_first import FastestFirst
from policies.fixed_cap import FixedCap
from policies.fixed_queue_ratio import FixedQueueRatio
from policies.generalised_cmu import GeneralisedCMu
from policies.idle_threshold_reserve import IdleThresholdReserve
from policies.last_idle import LastIdle
from policies.learned_policy import Learned, Limits, Worth
from policies.least_busy import LeastBusy
from policies.linear_bandit import LinearBandit
from policies.longest_idle import LongestIdle
from policies.lp_value import LpValue
from policies.marginal_rate import MarginalRate
from policies.max_weight import MaxWeight
from policies.most_busy import MostBusy
from policies.parameters import Nothing, Parameters, checked, flat
from policies.random_eligible import RandomEligible
from policies.round_robin import RoundRobin
from policies.skill_bandit import Centre, SkillBandit, ThompsonSkills, UcbSkills
from policies.static_skill_priority import StaticSkillPriority
from policies.value_greedy import ValueGreedy
from policies.view import Policy
from policies.weight_based import WeightBased
from policies.weighted import Weighted

FALLBACK = "longest_idle"
"""The last step of the ladder: needs nothing, cannot fail, and no queue is ever without it."""

P = TypeVar("P", bound=Parameters)


class _Entry(NamedTuple, Generic[P]):
    """What a policy's settings may say, and how it is made of them."""

    model: type[P]
    make: Callable[[P], Policy]


def _plain(make: Callable[[], Policy]) -> _Entry[Nothing]:
    return _Entry(Nothing, lambda _: make())


def _lp_value(given: parameters.Priced) -> LpValue:
    return LpValue(
        flat(given.worth),
        flat(given.mean_s),
        arrivals_per_s=given.arrivals_per_s(),
        agents=given.agents,
        leave_per_s=given.leave_per_s(),
        hold_s=given.hold_s,
    )


def _learned(given: parameters.Learned) -> Learned:
    limits = Limits(
        given.few, given.max_wait_s, given.max_occupancy, given.max_share, given.least_n
    )
    return Learned(limits=limits, worth=Worth(given.solved, given.rating, given.hour))


def _bandit(make: Callable[[Centre, int], SkillBandit]) -> _Entry[parameters.Counted]:
    def made(given: parameters.Counted) -> SkillBandit:
        centre = Centre(
            mean_s=flat(given.mean_s),
            arrivals_per_s=given.arrivals_per_s(),
            agents=given.agents,
            leave_per_s=given.leave_per_s(),
            reward=given.reward,
            hold_s=given.hold_s,
            seen=flat(given.seen),
        )
        return make(centre, given.seed)

    return _Entry(parameters.Counted, made)


_entries: dict[str, _Entry[Any]] = {
    LongestIdle.name: _plain(LongestIdle),
    LastIdle.name: _plain(LastIdle),
    RoundRobin.name: _plain(RoundRobin),
    LeastBusy.name: _plain(LeastBusy),
    MostBusy.name: _plain(MostBusy),
    RandomEligible.name: _plain(RandomEligible),
    Weighted.name: _Entry(parameters.Weights, lambda p: Weighted(p.weights)),
    FixedCap.name: _Entry(parameters.Cap, lambda p: FixedCap(p.cap)),
    MarginalRate.name: _Entry(parameters.Rates, lambda p: MarginalRate(p.rates)),
    FastestFirst.name: _Entry(parameters.Means, lambda p: FastestFirst(flat(p.mean_s))),
    MaxWeight.name: _Entry(parameters.Means, lambda p: MaxWeight(flat(p.mean_s))),
    GeneralisedCMu.name: _Entry(parameters.CMu, lambda p: GeneralisedCMu(p.cost, flat(p.mean_s))),
    StaticSkillPriority.name: _Entry(parameters.Ranks, lambda p: StaticSkillPriority(flat(p.rank))),
    IdleThresholdReserve.name: _Entry(
        parameters.Reserve, lambda p: IdleThresholdReserve(flat(p.reserve))
    ),
    FixedQueueRatio.name: _Entry(
        parameters.Ratios, lambda p: FixedQueueRatio(p.queue_ratio, p.idle_ratio)
    ),
    WeightBased.name: _Entry(
        parameters.PairWeights,
        lambda p: WeightBased(flat(p.offset), flat(p.wait_slope), flat(p.idle_slope)),
    ),
    BatchAssignment.name: _Entry(
        parameters.Worth, lambda p: BatchAssignment(flat(p.worth), p.per_hour)
    ),
    ValueGreedy.name: _Entry(
        parameters.Greedy, lambda p: ValueGreedy(flat(p.worth), sides=p.sides)
    ),
    LpValue.name: _Entry(parameters.Priced, _lp_value),
    LinearBandit.name: _Entry(
        parameters.Linear, lambda p: LinearBandit(flat(p.prior), p.reward, p.width)
    ),
    Learned.name: _Entry(parameters.Learned, _learned),
    UcbSkills.name: _bandit(UcbSkills),
    ThompsonSkills.name: _bandit(ThompsonSkills),
}


def register(name: str, make: Callable[..., Policy], model: type[Parameters] = Nothing) -> None:
    """Offer a policy of one's own under `name`, to queues of this process.

    `make` takes nothing, or the checked parameters where there is a `model` of them.

    Raises:
        ValueError: the name is taken.
    """
    if name in _entries:
        raise ValueError(f"a policy named {name!r} exists already")
    _entries[name] = _plain(make) if model is Nothing else _Entry(model, make)


def names() -> list[str]:
    """Return every name that `make` knows, sorted."""
    return sorted(_entries)


def make(name: str, params: Mapping[str, Any] | None = None) -> Policy:
    """Return a fresh policy.

    Raises:
        LookupError: there is none of that name; the text lists those there are.
        ParameterError: it cannot use these parameters; the text says which and what is allowed.
    """
    entry = _entry(name)
    made: Policy = entry.make(checked(name, entry.model, params or {}))
    return made


def check(name: str, params: Mapping[str, Any]) -> None:
    """Raise as `make` would, for settings that are about to be saved."""
    checked(name, _entry(name).model, params)


def schema(name: str) -> dict[str, Any]:
    """Return the JSON Schema of a policy's parameters.

    Raises:
        LookupError: there is none of that name.
    """
    found: dict[str, Any] = _entry(name).model.model_json_schema()
    return found


def _entry(name: str) -> _Entry[Any]:
    entry = _entries.get(name)
    if entry is None:
        raise LookupError(f"no policy named {name!r}; there are {', '.join(names())}")
    return entry


def _of_others(of: Composed) -> _Entry[Any]:
    return _Entry(of.model, lambda given: of.make(given, make))


_entries.update({name: _of_others(of) for name, of in COMPOSED.items()})
