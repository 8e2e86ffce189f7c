"""The arrays that both engines share: the centre, the visits to it, and the floor at work.

A *visit* is one stay of a contact in the queue and with an agent; a transfer or a repeated
attempt is a further visit of the same contact. T types, G groups, A agents, V visits,
C the largest capacity.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Small = NDArray[np.int32]
Bytes = NDArray[np.int8]
Words = NDArray[np.uint64]

WAITING, SERVED, ABANDONED, SILENT, BLOCKED = 0, 1, 2, 3, 4
"""Outcomes. SILENT left without a word: the queue still holds the contact, and the agent who
takes it needs a while to notice."""


class Centre(NamedTuple):
    """A scenario in numbers; nothing here changes during a run. Seconds throughout."""

    units: Ints
    """(T,) capacity units that a contact takes."""
    head_start: Floats
    """(T,) seconds by which priority ages a contact on arrival."""
    silent: Floats
    """(T,) share of abandonments that nobody sees."""
    retry: Floats
    """(T,) share of blocked or abandoned contacts that try again ..."""
    retry_most: Ints
    """(T,) ... at most so often."""
    transfer: Floats
    """(T, T) cumulative: a served contact of the row goes on to the column's type."""
    groups_start: Ints
    """(T+1,) where each type's groups begin in `groups_list`: compressed rows."""
    groups_list: Ints
    types_start: Ints
    """(G+1,) where each group's types begin in `types_list`."""
    types_list: Ints
    group: Ints
    """(A,) group of each agent; a group's agents are neighbours, equal in everything."""
    first_agent: Ints
    """(G+1,) the group's first agent."""
    capacity: Ints
    """(G,) units held at once."""
    pace: Floats
    """(G, C+1) seconds of work that one contact loses per second when n are held."""
    mean: Floats
    """(G, T) mean handle time; the policies may see it."""
    rank: Ints
    """(G, T) order in which the group's skills are meant to be used: 1 first."""
    level: Ints
    """(G, T) lowest level of the group in what the type needs."""
    on_at_start: Bytes
    """(G,) on shift when the run begins."""
    shift_at: Floats
    """(S,) when a shift begins or ends, in order."""
    shift_group: Ints
    shift_on: Bytes
    lines: int
    """Contacts in the centre at once; one more is blocked, even if an agent is idle."""
    warm_up: float
    length: float
    """Arrivals stop here; the contacts inside are served to their end."""


class Visits(NamedTuple):
    """One replication: first the dice, then what became of each visit.

    The first `fresh` rows are arrivals, drawn before the run and equal for every policy
    (common random numbers). Rows behind them are filled by transfers and further attempts.
    """

    type: Small
    arrived: Floats
    aged: Floats
    """Arrival of the contact's first visit that its age counts from."""
    patience: Floats
    work: Floats
    """Handle time divided by its mean."""
    wrap_up: Floats
    """Seconds; empty when no type has wrap-up."""
    origin: Ints
    """Row of the contact's first visit."""
    attempt: Small
    """How often this contact was blocked or gave up before."""
    started: Floats
    ended: Floats
    """When the customer was gone."""
    agent: Small
    outcome: Bytes


class Reserve(NamedTuple):
    """(T, R) dice for what no arrival brings along, found by hash: equal for every policy."""

    work: Floats
    patience: Floats
    wrap_up: Floats
    notice: Floats
    """Seconds in which an agent notices that nobody is there."""
    delay: Floats
    """Seconds until a further attempt."""
    seed: int


class Floor(NamedTuple):
    """The centre at one instant."""

    finish: Floats
    """Tournament tree over the agents' next completion: the root, node 1, is the earliest."""
    finisher: Small
    head: Small
    """(G, C+1) first agent of the group at each load that has room, in order of arrival there."""
    tail: Small
    count: Small
    after: Small
    """(A,) links of those lists."""
    before: Small
    listed: Bytes
    since: Floats
    """(A,) when the agent came to its present load."""
    used: Small
    held: Small
    slot_visit: Small
    """(A, C) the contacts each agent holds ..."""
    slot_left: Floats
    """... the work left in each ..."""
    slot_wrap: Bytes
    """... and whether only wrap-up is left."""
    touched: Floats
    """(A,) until when work and busy time are accounted."""
    busy: Floats
    """(A,) seconds with at least one contact, within warm-up and length."""
    load: Floats
    """(A,) unit-seconds, within the same."""
    on: Bytes
    """(G,) on shift."""
    queue_head: Ints
    """(T,) waiting visits by age, linked through `later` and `earlier`."""
    queue_tail: Ints
    queue_n: Ints
    later: Ints
    earlier: Ints
    deadline: Floats
    """Heap of the instants at which patience ends."""
    deadline_visit: Ints
    again: Floats
    """Heap of further attempts."""
    again_visit: Ints
    dice: Words
    """(1,) state of the policy's own dice."""
    n: Ints
    """The counters below."""


IN_CENTRE, WAITING_N, VISITS_N, DEADLINES_N, AGAIN_N, EVENTS_N = 0, 1, 2, 3, 4, 5
