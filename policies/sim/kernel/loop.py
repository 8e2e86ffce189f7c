"""One replication from the first arrival until the last contact has left.

At one instant shifts come first, then completions, patience, further attempts and arrivals; the
engine for Python policies keeps the same order.
"""

from __future__ import annotations

import numpy as np

from policies.sim.kernel.choice import PRICED, choose_agent, choose_contact
from policies.sim.kernel.floor import (
    AGAIN_N,
    DEADLINES_N,
    EVENTS_N,
    IN_CENTRE,
    SILENT,
    WAITING_N,
    Centre,
    Floor,
    Reserve,
    Visits,
)
from policies.sim.kernel.jit import compiled, kernel
from policies.sim.kernel.ordering import heap_pop, keyed
from policies.sim.kernel.priced import serve_priced
from policies.sim.kernel.staff import (
    TRANSFER,
    begin,
    first_done,
    release,
    relist,
    schedule,
    unlink,
    work_until,
)
from policies.sim.kernel.waiting import (
    block,
    dequeue,
    enqueue,
    lose_patience,
    maybe_again,
    new_visit,
)


@compiled
def hand_over(
    c: Centre, f: Floor, v: Visits, r: Reserve, agent: int, visit: int, now: float
) -> None:
    """Give the visit to a listed agent, and list and schedule the agent anew."""
    unlink(f, agent)
    begin(c, f, v, r, agent, visit, now)
    relist(c, f, agent, now)
    schedule(c, f, agent, now)


@compiled
def arrive(c: Centre, f: Floor, v: Visits, r: Reserve, pick: int, visit: int, now: float) -> None:
    """Block the visit, give it to an agent, or let it wait."""
    if f.n[IN_CENTRE] >= c.lines:
        block(c, f, v, r, visit, now)
        return
    f.n[IN_CENTRE] += 1
    v.fate[visit].outcome = 0
    agent = choose_agent(c, f, pick, v.type[visit])
    if agent >= 0:
        hand_over(c, f, v, r, agent, visit, now)
    else:
        enqueue(f, v, visit)


@compiled
def transferred(c: Centre, f: Floor, v: Visits, r: Reserve, visit: int, now: float) -> int:
    """Queue the next visit of a contact just served: -1 when it goes home, -2 without rows."""
    kind = v.type[visit]
    last = c.transfer.shape[1] - 1
    if c.transfer[kind, last] == 0.0:
        return -1
    u = keyed(r.seed, visit, TRANSFER)
    for to in range(last + 1):
        if u < c.transfer[kind, to]:
            further = new_visit(f, v, r, visit, to, v.aged[visit], now)
            if further < 0:
                return -2
            v.kin[further].attempt = 0
            enqueue(f, v, further)
            return further
    return -1


@compiled
def customer_left(c: Centre, f: Floor, v: Visits, r: Reserve, visit: int, now: float) -> int:
    """End the visit for the customer; return a further visit as `transferred` does."""
    if v.fate[visit].outcome == SILENT:
        f.n[IN_CENTRE] -= 1
        maybe_again(c, f, v, r, visit, now)
        return -1
    v.fate[visit].ended = now
    further = transferred(c, f, v, r, visit, now)
    if further == -1:
        f.n[IN_CENTRE] -= 1
    return further


@compiled
def take_waiting(
    c: Centre, f: Floor, v: Visits, r: Reserve, take: int, agent: int, now: float
) -> None:
    """Let an unlisted agent who is on shift take contacts while it has room and some wait."""
    g = f.agents[agent].crew
    while f.n[WAITING_N] > 0 and f.on[g] and f.agents[agent].used < c.crews[g].capacity:
        visit = choose_contact(c, f, v, take, agent, now)
        if visit < 0:
            return
        dequeue(f, v, visit)
        begin(c, f, v, r, agent, visit, now)


@compiled
def complete(c: Centre, f: Floor, v: Visits, r: Reserve, pick: int, take: int) -> bool:
    """Handle the earliest completion. False when the rows for further visits are used up."""
    agent, now = f.finish[1].item, f.finish[1].at
    work_until(c, f, agent, now)
    slot = first_done(f, agent)
    visit = f.slots[agent, slot].visit
    further = -1
    if f.slots[agent, slot].wrap == 0:
        further = customer_left(c, f, v, r, visit, now)
        if v.wrap_up.size > 0 and v.wrap_up[visit] > 0.0:
            f.slots[agent, slot].wrap = 1
            f.slots[agent, slot].left = v.wrap_up[visit]
            slot = -1
    if slot >= 0:
        if f.agents[agent].listed:
            unlink(f, agent)
        release(c, f, v, agent, slot)
        if further < 0:
            take_waiting(c, f, v, r, take, agent, now)
        relist(c, f, agent, now)
    schedule(c, f, agent, now)
    if further >= 0:
        settle(c, f, v, r, pick, take, agent, further, now)
    return further != -2


@compiled
def settle(
    c: Centre,
    f: Floor,
    v: Visits,
    r: Reserve,
    pick: int,
    take: int,
    agent: int,
    further: int,
    now: float,
) -> None:
    """Serve who waits after a transfer: the one who made it is one of those who may take it."""
    waits = True
    while f.agents[agent].listed:
        visit = choose_contact(c, f, v, take, agent, now)
        if visit < 0:
            break
        if visit == further:
            waits = not offer_queued(c, f, v, r, pick, further, now)
        else:
            dequeue(f, v, visit)
            hand_over(c, f, v, r, agent, visit, now)
    if waits:
        offer_queued(c, f, v, r, pick, further, now)


@compiled
def offer_queued(
    c: Centre, f: Floor, v: Visits, r: Reserve, pick: int, visit: int, now: float
) -> bool:
    """Give a waiting visit to an agent with room, if there is one."""
    agent = choose_agent(c, f, pick, v.type[visit])
    if agent < 0:
        return False
    dequeue(f, v, visit)
    hand_over(c, f, v, r, agent, visit, now)
    return True


@compiled
def oldest_head(c: Centre, f: Floor, v: Visits, after: float) -> int:
    """Return the type whose first visit is the oldest of those with virtual age > `after`."""
    best, best_age = -1, np.inf
    for kind in range(c.kinds.size):
        if f.queues[kind].head >= 0:
            age = v.aged[f.queues[kind].head] - c.kinds[kind].head_start
            if after < age < best_age:
                best, best_age = kind, age
    return best


@compiled
def change_shift(c: Centre, f: Floor, v: Visits, r: Reserve, pick: int, at: int) -> None:
    """Start a shift and serve who waits, oldest first; or end one: nobody gets a new contact."""
    g, now = c.shifts[at].crew, c.shifts[at].at
    f.on[g] = c.shifts[at].on
    for agent in range(c.crews[g].first_agent, c.crews[g].first_agent + c.crews[g].agents):
        if f.agents[agent].listed:
            unlink(f, agent)
        relist(c, f, agent, now)
    after = -np.inf
    while f.n[WAITING_N] > 0:
        kind = oldest_head(c, f, v, after)
        if kind < 0:
            return
        visit = f.queues[kind].head
        if not offer_queued(c, f, v, r, pick, visit, now):
            after = v.aged[visit] - c.kinds[kind].head_start


@compiled
def try_again(c: Centre, f: Floor, v: Visits, r: Reserve, pick: int) -> bool:
    """Let the earliest further attempt arrive. False when the rows are used up."""
    now = f.again[0].at
    before = heap_pop(f.again, f.n[AGAIN_N])
    f.n[AGAIN_N] -= 1
    visit = new_visit(f, v, r, before, v.type[before], now, now)
    if visit < 0:
        return False
    v.kin[visit].attempt = v.kin[before].attempt + 1
    arrive(c, f, v, r, pick, visit, now)
    return True


@compiled
def start_floor(c: Centre, f: Floor) -> None:
    """Put every agent on shift at the start on the lists, in order."""
    for agent in range(f.agents.size):
        relist(c, f, agent, 0.0)


@kernel
def run_visits(
    c: Centre, f: Floor, v: Visits, r: Reserve, fresh: int, pick: int, take: int
) -> bool:
    """Run one replication in place. False when the rows for further visits are used up."""
    arrival, shift, events = 0, 0, 0
    start_floor(c, f)
    room = True
    while room:
        events += 1
        done = f.finish[1].at
        came = v.arrived[arrival] if arrival < fresh else np.inf
        turned = c.shifts[shift].at if shift < c.shifts.size else np.inf
        gave_up = f.deadlines[0].at if f.n[DEADLINES_N] > 0 else np.inf
        back = f.again[0].at if f.n[AGAIN_N] > 0 else np.inf
        first = min(turned, done, gave_up, back, came)
        if first == np.inf:
            break
        if first == turned:
            change_shift(c, f, v, r, pick, shift)
            shift += 1
        elif first == done:
            room = complete(c, f, v, r, pick, take)
        elif first == gave_up:
            lose_patience(c, f, v, r)
        elif first == back:
            room = try_again(c, f, v, r, pick)
        else:
            arrive(c, f, v, r, pick, arrival, came)
            arrival += 1
        if pick == PRICED:
            serve_priced(c, f, v, r, first)
    f.n[EVENTS_N] = events
    return room
