"""Interference: decisions that compete for the same agents spoil per-contact estimates.

Every estimator here values one decision as if all others stayed as they were. But an agent given to
one contact is missing to the next: a policy that takes the best agents for easy contacts looks good
one by one, and is bad for the centre. So the log itself is asked how often that could happen, and
the reader is sent to a switchback experiment (`policies.experiments`) where it often does.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from policies.arrays import Floats, Ints

MUCH = 0.05
"""From this share of decisions on, the warning is given."""
MOST_N = 20_000
"""Decisions looked at, spread over the log."""


class Interference(NamedTuple):
    """How often a decision took room that a later one could have used."""

    looked_at_n: int
    competing_n: int
    """Decisions whose agent was also a candidate of another while still at work on them."""
    full_n: int
    """Of these, where the other could not have the agent: its capacity was used up."""
    share: float


def find(
    at: Floats, agent: Ints, busy_s: Floats, starts: Ints, candidate: Ints, *, full: Ints
) -> Interference:
    """Return how decisions compete.

    `at` (n,) seconds, ascending; `agent` (n,) who was chosen, -1 for nobody; `busy_s` (n,) for how
    long; `candidate` (m,) the agents that each decision weighed, from `starts` (n+1,); `full` (m,)
    is 1 where the agent was fit but had no room.
    """
    n = len(at)
    uses = _uses_by_agent(at, starts, candidate)
    looked = np.unique(np.linspace(0, n - 1, min(n, MOST_N)).astype(np.int64))
    competing = full_n = judged = 0
    for row in looked:
        if agent[row] < 0 or not np.isfinite(busy_s[row]):
            continue
        judged += 1
        decisions, times, places = uses.get(int(agent[row]), _NO_USES)
        first = np.searchsorted(decisions, row + 1)
        last = np.searchsorted(times, at[row] + busy_s[row])
        if first < last:
            competing += 1
            full_n += bool(full[places[first:last]].any())
    return Interference(judged, competing, full_n, competing / judged if judged else 0.0)


class _Uses(NamedTuple):
    """Of one agent, ascending."""

    decisions: Ints
    """That weighed it."""
    times: Floats
    places: Ints
    """Among all candidates."""


_NO_USES = _Uses(np.zeros(0, np.int64), np.zeros(0), np.zeros(0, np.int64))


def _uses_by_agent(at: Floats, starts: Ints, candidate: Ints) -> dict[int, _Uses]:
    """Return agent -> the decisions that weighed it."""
    decision = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    order = np.argsort(candidate, kind="stable")
    agents, first = np.unique(candidate[order], return_index=True)
    parts = np.split(order, first[1:])
    return {
        int(a): _Uses(decision[part], at[decision[part]], part)
        for a, part in zip(agents, parts, strict=True)
    }


def warning_of(found: Interference) -> str | None:
    """Return what a reader must know, or None if decisions hardly compete."""
    if found.looked_at_n == 0:
        return (
            "interference: the log does not tell when agents were busy (columns at, handle_s): "
            "whether decisions compete for the same agents is unknown"
        )
    if found.share < MUCH:
        return None
    return (
        f"interference: {found.competing_n} of {found.looked_at_n} decisions occupied an agent "
        f"whom a later decision also weighed ({found.full_n} times in vain): decisions compete for "
        "the same agents, and no estimate per contact holds for the centre as a whole; simulate "
        "the policy, then compare by switchback"
    )
