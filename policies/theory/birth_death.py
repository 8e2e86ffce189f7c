"""Erlang's formulas and their family: one type of contact, equal agents, one line of waiting.

Rates and durations share one unit of time, whichever the caller likes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from policies.arrays import Floats

_NEGLIGIBLE = 1e-15
_MOST_STATES = 1_000_000


class Steady(NamedTuple):
    """The long run of a centre. Waits average over every contact that was not blocked."""

    p_wait: float
    p_abandon: float
    p_block: float
    mean_wait: float
    mean_in_system: float
    occupancy: float


def erlang_b(load: float, agents: int) -> float:
    """Return the share of contacts blocked when nobody may wait.

    Source: Erlang (1917), by the recursion B(n) = aB(n-1) / (n + aB(n-1)).
    """
    blocked = 1.0
    for n in range(1, agents + 1):
        blocked = load * blocked / (n + load * blocked)
    return blocked


def erlang_c(load: float, agents: int) -> float:
    """Return the share of contacts that wait when all wait as long as it takes.

    Raises:
        ValueError: the load is not below the number of agents, so the queue grows for ever.
    """
    if load >= agents:
        raise ValueError(f"load: {load} needs more than {agents} agents")
    blocked = erlang_b(load, agents)
    return blocked / (1.0 - load / agents * (1.0 - blocked))


def answered_within(load: float, agents: int, mean_handle: float, limit: float) -> float:
    """Return the share answered within `limit` under Erlang C."""
    return float(1.0 - erlang_c(load, agents) * np.exp(-(agents - load) * limit / mean_handle))


def state_weights(
    arrivals: float, service: float, agents: int, patience: float = 0.0, lines: int | None = None
) -> Floats:
    """Return the long-run probability of 0, 1, 2, ... contacts in the centre.

    Raises:
        ValueError: the queue has no long run (all wait for ever and the load is too high).
    """
    weights = [1.0]
    while lines is None or len(weights) <= lines:
        n = len(weights)
        departures = min(n, agents) * service + max(n - agents, 0) * patience
        weights.append(weights[-1] * arrivals / departures)
        if n > agents and weights[-1] < _NEGLIGIBLE * max(weights[agents], _NEGLIGIBLE):
            break
        if n > _MOST_STATES or (patience == 0.0 and lines is None and arrivals >= agents * service):
            raise ValueError(f"arrivals: {arrivals} has no long run with {agents} agents")
    return np.array(weights) / sum(weights)


def many_servers(
    arrivals: float, service: float, agents: int, patience: float = 0.0, lines: int | None = None
) -> Steady:
    """Solve M/M/s/K+M: Erlang A, and with patience rate 0 or a number of lines B and C too.

    `patience` is the rate at which one who waits gives up; `lines` bounds contacts in the
    centre, waiting or served. Source: Garnett, Mandelbaum, Reiman (2002).
    """
    weights = state_weights(arrivals, service, agents, patience, lines)
    n = np.arange(len(weights))
    p_block = float(weights[-1]) if lines is not None and len(weights) == lines + 1 else 0.0
    queue = float((np.maximum(n - agents, 0) * weights).sum())
    busy = float((np.minimum(n, agents) * weights).sum())
    entered = arrivals * (1.0 - p_block)
    all_busy = float(weights[agents:].sum()) - p_block
    return Steady(
        p_wait=all_busy / (1.0 - p_block),
        p_abandon=patience * queue / entered,
        p_block=p_block,
        mean_wait=queue / entered,
        mean_in_system=(queue + busy) / entered,
        occupancy=busy / agents,
    )
