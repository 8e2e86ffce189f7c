"""Policies by the name that a queue's settings use."""

from __future__ import annotations

from collections.abc import Callable

from policies.fastest_first import FastestFirst
from policies.fixed_cap import FixedCap
from policies.generalised_cmu import GeneralisedCMu
from policies.idle_threshold_reserve import IdleThresholdReserve
from policies.last_idle import LastIdle
from policies.least_busy import LeastBusy
from policies.longest_idle import LongestIdle
from policies.lp_value import LpValue
from policies.max_weight import MaxWeight
from policies.most_busy import MostBusy
from policies.random_eligible import RandomEligible
from policies.static_skill_priority import StaticSkillPriority
from policies.value_greedy import ValueGreedy
from policies.view import Policy

FALLBACK = "longest_idle"
"""The last step of the ladder: needs nothing, cannot fail, and no queue is ever without it."""

_MADE: tuple[Callable[[], Policy], ...] = (
    LongestIdle,
    LastIdle,
    LeastBusy,
    MostBusy,
    RandomEligible,
    FastestFirst,
    StaticSkillPriority,
    GeneralisedCMu,
    MaxWeight,
    FixedCap,
    IdleThresholdReserve,
    ValueGreedy,
    LpValue,
)
_makers: dict[str, Callable[[], Policy]] = {make().name: make for make in _MADE}


def register(name: str, make: Callable[[], Policy]) -> None:
    """Offer a policy of one's own under `name`, to queues of this process.

    Raises:
        ValueError: the name is taken.
    """
    if name in _makers:
        raise ValueError(f"a policy named {name!r} exists already")
    _makers[name] = make


def names() -> list[str]:
    """Return every name that `make` knows, sorted."""
    return sorted(_makers)


def make(name: str) -> Policy:
    """Return a fresh policy.

    Raises:
        LookupError: there is none of that name; the text lists those there are.
    """
    maker = _makers.get(name)
    if maker is None:
        raise LookupError(f"no policy named {name!r}; there are {', '.join(names())}")
    return maker()
