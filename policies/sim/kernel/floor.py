"""The arrays that both engines share: the centre, the visits to it, and the floor at work.

A *visit* is one stay of a contact in the queue and with an agent; a transfer or a repeated
attempt is a further visit of the same contact. T types, G groups, A agents, V visits,
C the largest capacity. Tables are arrays of records: few arrays compile and run fast.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from policies.arrays import Floats, Ints

Small = NDArray[np.int32]
Words = NDArray[np.uint64]
Table = NDArray[Any]

WAITING, SERVED, ABANDONED, SILENT, BLOCKED = 0, 1, 2, 3, 4
"""Outcomes. SILENT left without a word: the queue still holds the contact, and the agent who
takes it needs a while to notice."""

KIND = np.dtype(
    [
        ("head_start", "f8"),  # seconds by which priority ages a contact on arrival
        ("silent", "f8"),  # share of abandonments that nobody sees
        ("retry", "f8"),  # share of blocked or impatient contacts that try again ...
        ("retry_most", "i4"),  # ... at most so often
        ("units", "i4"),  # of capacity that a contact takes
        ("reward", "f8"),  # what solving one is worth
    ],
    align=True,
)
CREW = np.dtype(
    [("first_agent", "i4"), ("agents", "i4"), ("capacity", "i4"), ("on", "i4")], align=True
)
FIT = np.dtype(
    [
        ("mean", "f8"),  # mean handle time; the policies may see it
        ("solve", "f8"),  # probability that the group solves the type
        ("rank", "i4"),  # order in which the group's skills are meant to be used: 1 first
        ("level", "i4"),  # lowest level of the group in what the type needs
    ],
    align=True,
)
SHIFT = np.dtype([("at", "f8"), ("crew", "i4"), ("on", "i4")], align=True)


class Prices(NamedTuple):
    """A priced rule in numbers, see `policies.prices`: the score of a pair is what it is worth less
    what waiting for a better agent would be."""

    worth: Floats
    """(G, T)."""
    hope: Floats
    """(T,) what a contact is worth that is served where it belongs."""
    flow: Floats
    """(T,) contacts per second served there."""
    leave: Floats
    """(T,) rate at which one who waits gives up."""


class Centre(NamedTuple):
    """A scenario in numbers; nothing here changes during a run. Seconds throughout."""

    kinds: Table
    """(T,) of KIND."""
    transfer: Floats
    """(T, T) cumulative: a served contact of the row goes on to the column's type."""
    crews_of: Small
    """(T, G+1) the groups that serve each type, -1 behind the last."""
    kinds_of: Small
    """(G, T+1) the types that each group serves, -1 behind the last."""
    crews: Table
    """(G,) of CREW: a group's agents are neighbours, equal in everything; `on` at the start."""
    pace: Floats
    """(G, C+1) seconds of work that one contact loses per second when n are held."""
    fit: Table
    """(G, T) of FIT."""
    prices: Prices
    """What a priced rule compares; no rows for the others."""
    shifts: Table
    """(S,) of SHIFT: when a shift begins or ends, in order."""
    lines: int
    """Contacts in the centre at once; one more is blocked, even if an agent is idle."""
    warm_up: float
    length: float
    """Arrivals stop here; the contacts inside are served to their end."""


FATE = np.dtype(
    [
        ("started", "f8"),  # given to an agent; nan: never
        ("ended", "f8"),  # the customer was gone
        ("later", "i4"),  # links of the queue
        ("earlier", "i4"),
        ("agent", "i4"),
        ("outcome", "i4"),
    ],
    align=True,
)
KIN = np.dtype([("origin", "i4"), ("attempt", "i4")], align=True)


class Visits(NamedTuple):
    """One replication: first the dice, then what became of each visit.

    The first rows are arrivals, drawn before the run and equal for every policy (common random
    numbers). Rows behind them are filled by transfers and further attempts.
    """

    type: Small
    arrived: Floats
    aged: Floats
    """The arrival that the contact's age counts from."""
    patience: Floats
    """Seconds; no rows when nobody is impatient."""
    work: Floats
    """Handle time divided by its mean."""
    wrap_up: Floats
    """Seconds; no rows when there is none."""
    kin: Table
    """(V,) of KIN: the contact's first visit, and how often it was blocked or gave up before;
    no rows when nobody comes back."""
    fate: Table
    """(V,) of FATE."""


RESERVE = np.dtype(
    [
        ("work", "f8"),
        ("patience", "f8"),
        ("wrap_up", "f8"),
        ("notice", "f8"),  # seconds in which an agent notices that nobody is there
        ("delay", "f8"),  # seconds until a further attempt
    ],
    align=True,
)


class Reserve(NamedTuple):
    """Dice for what no arrival brings along, found by hash: equal for every policy."""

    table: Table
    """(T, R) of RESERVE."""
    seed: np.uint64


EVENT = np.dtype([("at", "f8"), ("item", "i8")], align=True)
BENCH = np.dtype([("head", "i4"), ("tail", "i4"), ("count", "i4"), ("spare", "i4")], align=True)
AGENT = np.dtype(
    [
        ("since", "f8"),  # when it came to its present load
        ("touched", "f8"),  # until when work and busy time are accounted
        ("busy", "f8"),  # seconds with a contact, within warm-up and length
        ("load", "f8"),  # unit-seconds, within the same
        ("after", "i4"),  # links of its bench
        ("before", "i4"),
        ("crew", "i4"),
        ("used", "i4"),
        ("held", "i4"),
        ("listed", "i4"),  # on a bench: on shift and has room
    ],
    align=True,
)
SLOT = np.dtype([("left", "f8"), ("visit", "i4"), ("wrap", "i4")], align=True)
QUEUE = np.dtype([("head", "i4"), ("tail", "i4"), ("count", "i4"), ("spare", "i4")], align=True)


class Floor(NamedTuple):
    """The centre at one instant."""

    finish: Table
    """Tournament tree of EVENT over the agents' next completion: the root, node 1, is first."""
    benches: Table
    """(G, C+1) of BENCH: agents with room by load, in order of arrival there."""
    agents: Table
    """(A,) of AGENT."""
    slots: Table
    """(A, C) of SLOT: the contacts each agent holds, the work left, whether only wrap-up is."""
    queues: Table
    """(T,) of QUEUE: waiting visits by age."""
    on: Small
    """(G,) on shift."""
    deadlines: Table
    """Heap of EVENT: when patience ends."""
    again: Table
    """Heap of EVENT: further attempts."""
    dice: Words
    """(1,) state of the policy's own dice."""
    n: Ints
    """The counters below."""


IN_CENTRE, WAITING_N, VISITS_N, DEADLINES_N, AGAIN_N, EVENTS_N = 0, 1, 2, 3, 4, 5
