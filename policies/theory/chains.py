"""Any small Markov chain: name the moves, get the long run."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

State = TypeVar("State", bound=Hashable)


def stationary(rates: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the long-run probabilities of a chain; `rates[i, j]` leads from i to j.

    The diagonal is ignored. Solves pQ = 0 with one balance equation replaced by sum(p) = 1.
    """
    flow = rates.copy()
    np.fill_diagonal(flow, 0.0)
    np.fill_diagonal(flow, -flow.sum(axis=1))
    balance = flow.T
    balance[-1, :] = 1.0
    right = np.zeros(len(flow))
    right[-1] = 1.0
    return np.asarray(np.linalg.solve(balance, right), dtype=np.float64)


def solve_chain(
    start: State, moves: Callable[[State], Iterable[tuple[float, State]]]
) -> dict[State, float]:
    """Return the long-run probability of every state that can be reached from `start`.

    `moves(state)` yields (rate, next state) and must make the reachable set finite.
    """
    number = {start: 0}
    states = [start]
    arcs: list[tuple[int, int, float]] = []
    for here in states:  # grows as new states are met
        for rate, there in moves(here):
            if there not in number:
                number[there] = len(states)
                states.append(there)
            arcs.append((number[here], number[there], rate))
    rates = np.zeros((len(states), len(states)))
    for i, j, rate in arcs:
        rates[i, j] += rate
    return dict(zip(states, stationary(rates).tolist(), strict=True))
