"""Contacts that wait: lists by type in order of age, patience, further visits."""

from __future__ import annotations

import numpy as np

from policies.sim.kernel.floor import (
    ABANDONED,
    AGAIN_N,
    BLOCKED,
    DEADLINES_N,
    IN_CENTRE,
    SILENT,
    VISITS_N,
    WAITING,
    WAITING_N,
    Centre,
    Floor,
    Reserve,
    Visits,
)
from policies.sim.kernel.jit import compiled
from policies.sim.kernel.ordering import heap_pop, heap_push, keyed
from policies.sim.kernel.staff import FRESH, NOTICE, RETRY


@compiled
def enqueue(f: Floor, v: Visits, visit: int) -> None:
    """Let the visit wait behind every older one of its type, until its patience ends."""
    kind = v.type[visit]
    older = f.queues[kind].tail
    while older >= 0 and v.aged[older] > v.aged[visit]:
        older = v.fate[older].earlier
    younger = v.fate[older].later if older >= 0 else f.queues[kind].head
    v.fate[visit].earlier, v.fate[visit].later = older, younger
    if older >= 0:
        v.fate[older].later = visit
    else:
        f.queues[kind].head = visit
    if younger >= 0:
        v.fate[younger].earlier = visit
    else:
        f.queues[kind].tail = visit
    f.queues[kind].count += 1
    f.n[WAITING_N] += 1
    v.fate[visit].outcome = WAITING
    v.fate[visit].started = np.nan
    v.fate[visit].ended = np.nan
    v.fate[visit].agent = -1
    if v.patience.size > 0 and v.patience[visit] < np.inf:
        deadline = v.arrived[visit] + v.patience[visit]
        heap_push(f.deadlines, f.n[DEADLINES_N], deadline, visit)
        f.n[DEADLINES_N] += 1


@compiled
def dequeue(f: Floor, v: Visits, visit: int) -> None:
    """Take a waiting visit out of its queue."""
    kind = v.type[visit]
    older, younger = v.fate[visit].earlier, v.fate[visit].later
    if older >= 0:
        v.fate[older].later = younger
    else:
        f.queues[kind].head = younger
    if younger >= 0:
        v.fate[younger].earlier = older
    else:
        f.queues[kind].tail = older
    f.queues[kind].count -= 1
    f.n[WAITING_N] -= 1


@compiled
def maybe_again(c: Centre, f: Floor, v: Visits, r: Reserve, visit: int, now: float) -> None:
    """Throw whether this blocked or impatient contact will try again, and when."""
    kind = v.type[visit]
    if c.kinds[kind].retry == 0.0 or v.kin[visit].attempt >= c.kinds[kind].retry_most:
        return
    if keyed(r.seed, visit, RETRY) >= c.kinds[kind].retry:
        return
    delay = r.table[kind, int(keyed(r.seed, visit, FRESH) * r.table.shape[1])].delay
    heap_push(f.again, f.n[AGAIN_N], now + delay, visit)
    f.n[AGAIN_N] += 1


@compiled
def block(c: Centre, f: Floor, v: Visits, r: Reserve, visit: int, now: float) -> None:
    """Turn the visit away: every line is taken."""
    v.fate[visit].outcome = BLOCKED
    v.fate[visit].started = np.nan
    v.fate[visit].ended = now
    v.fate[visit].agent = -1
    maybe_again(c, f, v, r, visit, now)


@compiled
def lose_patience(c: Centre, f: Floor, v: Visits, r: Reserve) -> None:
    """Handle the earliest deadline; it may be of a visit that was answered long ago."""
    now = f.deadlines[0].at
    visit = heap_pop(f.deadlines, f.n[DEADLINES_N])
    f.n[DEADLINES_N] -= 1
    if v.fate[visit].outcome != WAITING:
        return
    v.fate[visit].ended = now
    if keyed(r.seed, visit, NOTICE) < c.kinds[v.type[visit]].silent:
        v.fate[visit].outcome = SILENT
        return
    v.fate[visit].outcome = ABANDONED
    dequeue(f, v, visit)
    f.n[IN_CENTRE] -= 1
    maybe_again(c, f, v, r, visit, now)


@compiled
def new_visit(
    f: Floor, v: Visits, r: Reserve, parent: int, kind: int, aged: float, now: float
) -> int:
    """Append a visit of the same contact, with dice of its own; -1 when the rows are used up."""
    visit = f.n[VISITS_N]
    if visit == v.type.size:
        return -1
    f.n[VISITS_N] = visit + 1
    column = int(keyed(r.seed, visit, FRESH) * r.table.shape[1])
    v.type[visit] = kind
    v.arrived[visit] = now
    v.aged[visit] = aged
    if v.patience.size > 0:
        v.patience[visit] = r.table[kind, column].patience
    v.work[visit] = r.table[kind, column].work
    if v.wrap_up.size > 0:
        v.wrap_up[visit] = r.table[kind, column].wrap_up
    v.kin[visit].origin = v.kin[parent].origin
    return int(visit)
