"""Priority: one number per contact that says who is next, with ageing built in."""

from __future__ import annotations

SECONDS_PER_POINT = 60.0
"""What one priority point is worth, in seconds of having waited already."""


def virtual_at(arrived_at: float, points: float) -> float:
    """Return the virtual enqueue time: the smallest of all waiting contacts is served first.

    A contact with `points` more than another overtakes it if it arrived less than 60 s per point
    later. The order of two contacts never changes while they wait, so nobody starves. This is the
    accumulating-priority rule with equal slopes: Kleinrock, Queueing Systems II (1976), 3.7, with
    head starts in place of slopes.
    """
    return arrived_at - SECONDS_PER_POINT * points
