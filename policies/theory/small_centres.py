"""Exact answers for three small centres that no formula of Erlang's covers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np

from policies.theory.birth_death import Steady, state_weights
from policies.theory.chains import solve_chain

IdleRule = Literal["random", "longest_idle", "last_idle", "fastest_first"]
ChatRule = Literal["least_busy", "most_busy"]
Idle = tuple[int, ...]


def _after_arrival(idle: Idle, rates: Sequence[float], rule: IdleRule) -> list[tuple[float, Idle]]:
    if rule == "random":
        chosen = [(1.0 / len(idle), agent) for agent in idle]
    elif rule == "longest_idle":
        chosen = [(1.0, idle[0])]
    elif rule == "last_idle":
        chosen = [(1.0, idle[-1])]
    else:
        chosen = [(1.0, max(idle, key=lambda agent: rates[agent]))]
    return [(share, tuple(a for a in idle if a != agent)) for share, agent in chosen]


def idle_order(
    arrivals: float, rates: Sequence[float], rule: IdleRule, longest_queue: int = 250
) -> tuple[float, float]:
    """Return (P(wait), mean wait) of one type served by agents of different speed.

    The state holds the idle agents in the order in which they became idle, and the queue.
    """
    agents = tuple(range(len(rates)))

    def moves(state: tuple[Idle, int]) -> Iterator[tuple[float, tuple[Idle, int]]]:
        idle, queue = state
        if idle:
            for share, left in _after_arrival(idle, rates, rule):
                yield arrivals * share, (left, 0)
        elif queue < longest_queue:
            yield arrivals, (idle, queue + 1)
        for agent in agents:
            if agent not in idle:
                yield rates[agent], (idle, queue - 1) if queue else ((*idle, agent), 0)

    long_run = solve_chain((agents, 0), moves)
    p_wait = sum(p for (idle, _), p in long_run.items() if not idle)
    return p_wait, sum(p * queue for (_, queue), p in long_run.items()) / arrivals


Held = tuple[int, ...]


def _shift(held: Held, chats: int, step: int) -> Held:
    counts = list(held)
    counts[chats] -= 1
    counts[chats + step] += 1
    return tuple(counts)


def chat_centre(
    arrivals: float,
    agents: int,
    rates: Sequence[float],
    patience: float,
    rule: ChatRule,
    *,
    longest_queue: int = 120,
) -> Steady:
    """Solve a chat centre whose agents finish `rates[n-1]` chats per unit of time in all
    while they hold n, at most `len(rates)`.

    The state counts the agents who hold 0, 1, 2, ... chats, and the queue. Source: Tezcan and
    Zhang (2014), "Routing and staffing in customer service chat systems".
    """
    most = len(rates)

    def moves(state: tuple[Held, int]) -> Iterator[tuple[float, tuple[Held, int]]]:
        held, queue = state
        room = [n for n in range(most) if held[n]]
        if room:
            chosen = room[0] if rule == "least_busy" else room[-1]
            yield arrivals, (_shift(held, chosen, 1), 0)
        elif queue < longest_queue:
            yield arrivals, (held, queue + 1)
        if queue:
            yield held[most] * rates[-1] + queue * patience, (held, queue - 1)
            return
        for n in range(1, most + 1):
            if held[n]:
                yield held[n] * rates[n - 1], (_shift(held, n, -1), 0)

    long_run = solve_chain(((agents, *[0] * most), 0), moves)
    queue = sum(p * q for (_, q), p in long_run.items())
    chats = sum(
        p * sum(n * count for n, count in enumerate(held)) for (held, _), p in long_run.items()
    )
    return Steady(
        p_wait=sum(p for (held, _), p in long_run.items() if held[most] == agents),
        p_abandon=patience * queue / arrivals,
        p_block=0.0,
        mean_wait=queue / arrivals,
        mean_in_system=(queue + chats) / arrivals,
        occupancy=1.0 - sum(p * held[0] for (held, _), p in long_run.items()) / agents,
    )


def shared_lines(
    arrivals: Sequence[float], service: float, agents: Sequence[int], lines: int
) -> tuple[float, float]:
    """Return (P(block), mean wait) of types with agents of their own and lines in common.

    Truncating a reversible chain keeps its product form, so the types' weights convolve.
    Source: Kelly (1979), "Reversibility and stochastic networks".
    """
    total = np.ones(1)
    queued = np.zeros(1)
    for rate, staff in zip(arrivals, agents, strict=True):
        weights = state_weights(rate, service, staff, lines=lines)
        waiting = np.maximum(np.arange(len(weights)) - staff, 0) * weights
        queued = np.convolve(queued, weights) + np.convolve(total, waiting)
        total = np.convolve(total, weights)
    mass = total[: lines + 1].sum()
    p_block = float(total[lines] / mass)
    mean_queue = float(queued[: lines + 1].sum() / mass)
    return p_block, mean_queue / (sum(arrivals) * (1.0 - p_block))
