"""The built-in rules: which agent takes an arriving contact, which contact a free agent takes."""

from __future__ import annotations

import numpy as np

from policies.sim.kernel.floor import Centre, Floor, Visits
from policies.sim.kernel.jit import compiled
from policies.sim.kernel.ordering import throw

RANDOM, LONGEST_IDLE, LAST_IDLE, FASTEST, LEAST_BUSY, MOST_BUSY, RANKED, LEVEL, PRICED = range(9)
"""How an agent is chosen. All but RANDOM and LAST_IDLE settle ties by longest idle. PRICED chooses
contact and agent together, see `priced`."""

OLDEST, RANK_FIRST, C_MU, LONGEST_QUEUE, NOBODY = range(5)
"""How a free agent chooses a contact: by virtual age; by the rank of its skills, then age; by
cost x wait x completion rate; by queue length x completion rate; none, where PRICED chooses."""


@compiled
def _random_agent(c: Centre, f: Floor, kind: int) -> int:
    total = 0
    for at in range(c.crews_of.shape[1]):
        g = c.crews_of[kind, at]
        if g < 0:
            break
        for load in range(c.crews[g].capacity - c.kinds[kind].units + 1):
            total += f.benches[g, load].count
    if total == 0:
        return -1
    left = int(throw(f.dice) * total)
    for at in range(c.crews_of.shape[1]):
        g = c.crews_of[kind, at]
        if g < 0:
            break
        for load in range(c.crews[g].capacity - c.kinds[kind].units + 1):
            if left >= f.benches[g, load].count:
                left -= f.benches[g, load].count
                continue
            agent = f.benches[g, load].head
            for _ in range(left):
                agent = f.agents[agent].after
            return int(agent)
    return -1


@compiled
def _score(c: Centre, rule: int, g: int, load: int, kind: int) -> float:
    """Return what the rule compares before idle time: lower is better."""
    if rule == FASTEST:
        return float(c.fit[g, kind].mean)
    if rule == LEAST_BUSY:
        return float(load / c.crews[g].capacity)
    if rule == MOST_BUSY:
        return float(-load / c.crews[g].capacity)
    if rule == RANKED:
        return float(c.fit[g, kind].rank)
    if rule == LEVEL:
        return -float(c.fit[g, kind].level)
    if rule == LONGEST_IDLE:
        return 0.0 if load == 0 else 1.0
    return 0.0


@compiled
def _first(f: Floor, g: int, load: int) -> int:
    """Return the agent who came first to this load, -1 if there is none. Ties: lower agent."""
    best = f.benches[g, load].head
    if best < 0:
        return -1
    since = f.agents[best].since
    agent = f.agents[best].after
    while agent >= 0 and f.agents[agent].since == since:
        best = min(best, agent)
        agent = f.agents[agent].after
    return int(best)


@compiled
def _last(f: Floor, g: int, load: int) -> int:
    """Return the agent who came last to this load, -1 if there is none. Ties: lower agent."""
    best = f.benches[g, load].tail
    if best < 0:
        return -1
    since = f.agents[best].since
    agent = f.agents[best].before
    while agent >= 0 and f.agents[agent].since == since:
        best = min(best, agent)
        agent = f.agents[agent].before
    return int(best)


@compiled
def first_idle(c: Centre, f: Floor, g: int, units: int) -> int:
    """Return the crew's agent with room who holds nothing, else came first to its load; or -1."""
    best, best_load, best_since = -1, 2, np.inf
    for load in range(c.crews[g].capacity - units + 1):
        agent = _first(f, g, load)
        if agent < 0:
            continue
        some, since = min(load, 1), f.agents[agent].since
        if some < best_load or (some == best_load and (since, agent) < (best_since, best)):
            best, best_load, best_since = agent, some, since
    return best


@compiled
def choose_agent(c: Centre, f: Floor, rule: int, kind: int) -> int:
    """Return the agent who takes a contact of this type now, or -1 when nobody may."""
    if rule == RANDOM:
        return _random_agent(c, f, kind)
    if rule == PRICED:
        return -1
    best, best_score, best_since = -1, np.inf, np.inf
    for at in range(c.crews_of.shape[1]):
        g = c.crews_of[kind, at]
        if g < 0:
            break
        for load in range(c.crews[g].capacity - c.kinds[kind].units + 1):
            agent = _last(f, g, load) if rule == LAST_IDLE else _first(f, g, load)
            if agent < 0:
                continue
            score = _score(c, rule, g, load, kind)
            since = -f.agents[agent].since if rule == LAST_IDLE else f.agents[agent].since
            if score > best_score or (score == best_score and since > best_since):
                continue
            if score == best_score and since == best_since and agent > best >= 0:
                continue
            best, best_score, best_since = agent, score, since
    return best


@compiled
def _urgency(c: Centre, f: Floor, v: Visits, rule: int, g: int, kind: int, now: float) -> float:
    """Return what the rule compares before age: lower is sooner."""
    if rule == RANK_FIRST:
        return float(c.fit[g, kind].rank)
    if rule == C_MU:
        wait = now - v.aged[f.queues[kind].head] + c.kinds[kind].head_start
        return float(-wait / c.fit[g, kind].mean)
    if rule == LONGEST_QUEUE:
        return float(-f.queues[kind].count / c.fit[g, kind].mean)
    return 0.0


@compiled
def choose_contact(c: Centre, f: Floor, v: Visits, rule: int, agent: int, now: float) -> int:
    """Return the waiting visit that this agent takes now, or -1 when there is none for it."""
    if rule == NOBODY:
        return -1
    g = f.agents[agent].crew
    room = c.crews[g].capacity - f.agents[agent].used
    best, best_score, best_age = -1, np.inf, np.inf
    for at in range(c.kinds_of.shape[1]):
        kind = c.kinds_of[g, at]
        if kind < 0:
            break
        visit = f.queues[kind].head
        if visit < 0 or c.kinds[kind].units > room:
            continue
        score = _urgency(c, f, v, rule, g, kind, now)
        age = v.aged[visit] - c.kinds[kind].head_start
        if score < best_score or (score == best_score and age < best_age):
            best, best_score, best_age = visit, score, age
    return best
