"""Is anybody worse off? Service level and fairness, arm against arm and group against group."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from statistics import NormalDist

import msgspec

from policies.promotion.evidence import Comparison

SERVICE_LEVEL = "service_level"


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What counts as a breach. Shares, not per cents."""

    harm: float = 0.02
    """The candidate may be worse by so much, in any measure and any group."""
    gap: float = 0.05
    """A group may gain less than all contacts by so much."""
    floor: float = 0.0
    """Service level that the candidate must not fall below, whatever the live policy does."""
    least_n: int = 50
    """Contacts in each arm below which nothing is judged."""
    alpha: float = 0.05
    """Chance of a false alarm per look, over all comparisons together (Bonferroni)."""


def breaches(comparisons: Sequence[Comparison], limits: Limits) -> list[str]:
    """Return a sentence for each breach that is more than chance; empty if nobody is worse off.

    One-sided tests of two independent shares, with the standard error of Agresti and Caffo (The
    American Statistician 54, 2000), which bears small numbers.
    """
    known = [c for c in comparisons if c.candidate_n >= limits.least_n]
    if not known:
        return []
    z = NormalDist().inv_cdf(1 - limits.alpha / (3 * len(known)))
    judged = [c for c in known if c.live_n >= limits.least_n]
    return [*_below_floor(known, limits, z), *_worse_off(judged, limits, z)]


def _below_floor(known: Sequence[Comparison], limits: Limits, z: float) -> list[str]:
    """Return whether the service level is too low, whatever the live policy does or did."""
    return [
        f"{one.measure}: {one.candidate:.3f}, below {limits.floor:.3f}"
        for one in known
        if one.measure == SERVICE_LEVEL
        and not one.group
        and one.candidate + z * sqrt(_variance(one.candidate, one.candidate_n)) < limits.floor
    ]


def _worse_off(judged: Sequence[Comparison], limits: Limits, z: float) -> list[str]:
    """Return who loses, or is left behind while others gain."""
    of_all = {c.measure: c for c in judged if not c.group}
    found = []
    for one in judged:
        where = f"{one.measure}{f' of {one.group}' if one.group else ''}"
        change, se = _change(one)
        if change < -limits.harm and change + z * se < 0:
            found.append(f"{where}: {one.candidate:.3f}, live {one.live:.3f}")
        elif one.group and one.measure in of_all:
            gain, gain_se = _change(of_all[one.measure])
            apart = sqrt(se**2 + gain_se**2)
            if change - gain < -limits.gap and change - gain + z * apart < 0:
                found.append(f"{where}: {change:+.3f}, while all contacts got {gain:+.3f}")
    return found


def _change(one: Comparison) -> tuple[float, float]:
    se = sqrt(_variance(one.live, one.live_n) + _variance(one.candidate, one.candidate_n))
    return one.candidate - one.live, se


def _variance(share: float, n: int) -> float:
    near = (share * n + 1) / (n + 2)
    return near * (1 - near) / (n + 2)
