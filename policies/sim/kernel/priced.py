"""The priced rule: of all pairs of a waiting type and a free agent, serve the most worthwhile.

A pair that is worth less than what waiting promises is not served: the contact waits for an agent
who suits it, the agent for a contact that suits it.
"""

from __future__ import annotations

import numpy as np

from policies.sim.kernel.choice import first_idle
from policies.sim.kernel.floor import WAITING_N, Centre, Floor, Reserve, Visits
from policies.sim.kernel.jit import compiled
from policies.sim.kernel.staff import begin, relist, schedule, unlink
from policies.sim.kernel.waiting import dequeue


@compiled
def hold_worth(c: Centre, kind: int, waiting: int) -> float:
    """Return what it promises to let one more contact wait, with `waiting` of its type there.

    Worth of being served where it belongs, times the chance to be reached before giving up.
    """
    flow = c.prices.flow[kind]
    return float(c.prices.hope[kind] * (flow / (flow + c.prices.leave[kind] * waiting)))


@compiled
def best_pair(c: Centre, f: Floor, v: Visits) -> tuple[int, int]:
    """Return the type and the agent of the best pair, (-1, -1) when it is better to wait.

    Ties: the older contact, then the agent who is idle for longer, then the lower agent.
    """
    best, best_agent = -1, -1
    best_score, best_age, best_load, best_since = -np.inf, np.inf, 2, np.inf
    for kind in range(c.kinds.size):
        visit = f.queues[kind].head
        if visit < 0:
            continue
        hold = hold_worth(c, kind, f.queues[kind].count)
        age = v.aged[visit] - c.kinds[kind].head_start
        for at in range(c.crews_of.shape[1]):
            g = c.crews_of[kind, at]
            if g < 0:
                break
            agent = first_idle(c, f, g, c.kinds[kind].units)
            if agent < 0:
                continue
            score = c.prices.worth[g, kind] - hold
            if score < 0.0:
                continue
            load = 0 if f.agents[agent].held == 0 else 1
            since = f.agents[agent].since
            if score < best_score:
                continue
            if score == best_score and (age, load, since, agent) >= (
                best_age,
                best_load,
                best_since,
                best_agent,
            ):
                continue
            best, best_agent = kind, agent
            best_score, best_age, best_load, best_since = score, age, load, since
    return best, best_agent


@compiled
def serve_priced(c: Centre, f: Floor, v: Visits, r: Reserve, now: float) -> None:
    """Serve the best pair again and again, until nobody is left or waiting is better."""
    while f.n[WAITING_N] > 0:
        kind, agent = best_pair(c, f, v)
        if kind < 0:
            return
        visit = f.queues[kind].head
        dequeue(f, v, visit)
        unlink(f, agent)
        begin(c, f, v, r, agent, visit, now)
        relist(c, f, agent, now)
        schedule(c, f, agent, now)
