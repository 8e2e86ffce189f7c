"""Agents at work: who has room, what each holds, how fast it goes, when something ends.

An agent who holds n contacts works on all of them at the pace of its group for n, so the total
completion rate may rise, level off or fall with n.
"""

from __future__ import annotations

import numpy as np

from policies.sim.kernel.floor import (
    SERVED,
    SILENT,
    WAITING,
    Centre,
    Floor,
    Reserve,
    Visits,
)
from policies.sim.kernel.jit import compiled
from policies.sim.kernel.ordering import keyed, set_finish

NOTICE, TRANSFER, RETRY, FRESH, SOLVE = 0, 1, 2, 3, 4
"""Purposes of the keyed dice."""


@compiled
def link(f: Floor, agent: int, now: float) -> None:
    """List the agent, who has room and is on shift, as the last to come to its load."""
    g, load = f.agents[agent].crew, f.agents[agent].used
    last = f.benches[g, load].tail
    f.agents[agent].before = last
    f.agents[agent].after = -1
    if last >= 0:
        f.agents[last].after = agent
    else:
        f.benches[g, load].head = agent
    f.benches[g, load].tail = agent
    f.benches[g, load].count += 1
    f.agents[agent].listed = 1
    f.agents[agent].since = now


@compiled
def unlink(f: Floor, agent: int) -> None:
    """Take the agent off the list of those with room."""
    g, load = f.agents[agent].crew, f.agents[agent].used
    before, after = f.agents[agent].before, f.agents[agent].after
    if before >= 0:
        f.agents[before].after = after
    else:
        f.benches[g, load].head = after
    if after >= 0:
        f.agents[after].before = before
    else:
        f.benches[g, load].tail = before
    f.benches[g, load].count -= 1
    f.agents[agent].listed = 0


@compiled
def relist(c: Centre, f: Floor, agent: int, now: float) -> None:
    """List the agent again if it is on shift and has room."""
    g = f.agents[agent].crew
    if f.on[g] and f.agents[agent].used < c.crews[g].capacity:
        link(f, agent, now)


@compiled
def work_until(c: Centre, f: Floor, agent: int, now: float) -> None:
    """Let the agent have worked until `now`, and account for the time."""
    n = f.agents[agent].held
    since = f.agents[agent].touched
    f.agents[agent].touched = now
    if n == 0:
        return
    done = (now - since) * c.pace[f.agents[agent].crew, n]
    for k in range(n):
        f.slots[agent, k].left -= done
    counted = min(now, c.length) - max(since, c.warm_up)
    if counted > 0.0:
        f.agents[agent].busy += counted
        f.agents[agent].load += counted * f.agents[agent].used


@compiled
def schedule(c: Centre, f: Floor, agent: int, now: float) -> None:
    """Note when the agent next completes something, if nothing changes before."""
    n = f.agents[agent].held
    if n == 0:
        set_finish(f, agent, np.inf)
        return
    least = f.slots[agent, 0].left
    for k in range(1, n):
        least = min(least, f.slots[agent, k].left)
    set_finish(f, agent, now + max(least, 0.0) / c.pace[f.agents[agent].crew, n])


@compiled
def begin(c: Centre, f: Floor, v: Visits, r: Reserve, agent: int, visit: int, now: float) -> None:
    """Give the visit to the agent. The caller unlists before and schedules after."""
    work_until(c, f, agent, now)
    kind, n = v.type[visit], f.agents[agent].held
    f.slots[agent, n].visit = visit
    f.slots[agent, n].wrap = 0
    if v.fate[visit].outcome == WAITING:
        f.slots[agent, n].left = v.work[visit] * c.fit[f.agents[agent].crew, kind].mean
        v.fate[visit].outcome = SERVED
    else:
        column = int(keyed(r.seed, visit, NOTICE) * r.table.shape[1])
        f.slots[agent, n].left = r.table[kind, column].notice
        v.fate[visit].outcome = SILENT
    f.agents[agent].held = n + 1
    f.agents[agent].used += c.kinds[kind].units
    v.fate[visit].started = now
    v.fate[visit].agent = agent


@compiled
def first_done(f: Floor, agent: int) -> int:
    """Return the agent's slot with the least work left. Ties: the older slot."""
    best = 0
    for k in range(1, f.agents[agent].held):
        if f.slots[agent, k].left < f.slots[agent, best].left:
            best = k
    return best


@compiled
def release(c: Centre, f: Floor, v: Visits, agent: int, slot: int) -> None:
    """Empty one slot; the younger ones move up."""
    f.agents[agent].used -= c.kinds[v.type[f.slots[agent, slot].visit]].units
    f.agents[agent].held -= 1
    for k in range(slot, f.agents[agent].held):
        f.slots[agent, k].visit = f.slots[agent, k + 1].visit
        f.slots[agent, k].left = f.slots[agent, k + 1].left
        f.slots[agent, k].wrap = f.slots[agent, k + 1].wrap
