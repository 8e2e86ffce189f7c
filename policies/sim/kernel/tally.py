"""Sums over the visits of one replication, from which every measure is made."""

from __future__ import annotations

from typing import Any

import numpy as np

from policies.arrays import Floats
from policies.sim.kernel.floor import (
    ABANDONED,
    BLOCKED,
    SERVED,
    SILENT,
    Centre,
    Table,
    Visits,
)
from policies.sim.kernel.jit import compiled, kernel
from policies.sim.kernel.ordering import keyed
from policies.sim.kernel.staff import SOLVE

TALLY = np.dtype(
    [
        ("arrived_n", "f8"),  # visits, further ones included
        ("entered_n", "f8"),  # not blocked
        ("closed_n", "f8"),  # served, or gave up
        ("served_n", "f8"),
        ("abandoned_n", "f8"),  # silent ones included
        ("silent_n", "f8"),
        ("blocked_n", "f8"),
        ("left_n", "f8"),  # nobody on duty ever took them
        ("waited_n", "f8"),
        ("within_n", "f8"),  # answered within the type's service level
        ("wait_s", "f8"),  # of all closed
        ("answer_s", "f8"),  # wait of the served
        ("in_system_s", "f8"),  # of all closed, without wrap-up
        ("handle_s", "f8"),  # of the served, with wrap-up
        ("solved_n", "f8"),  # of the served, by lot
        ("worth", "f8"),  # expected reward of the served: as `solved_n`, less its chance
    ],
    align=True,
)


@compiled
def _count(v: Visits, visit: int, level: float, t: Any) -> None:
    """Add one visit to the sums of its period and type."""
    fate, arrived = v.fate[visit], v.arrived[visit]
    t.arrived_n += 1.0
    if fate.outcome == BLOCKED:
        t.blocked_n += 1.0
        return
    t.entered_n += 1.0
    stay = fate.ended - arrived
    wait = stay
    if fate.outcome == SERVED:
        wait = fate.started - arrived
        t.served_n += 1.0
        t.answer_s += wait
        t.within_n += wait <= level
        t.handle_s += stay - wait
        if v.wrap_up.size > 0:
            t.handle_s += v.wrap_up[visit]
    elif fate.outcome in (ABANDONED, SILENT):
        t.abandoned_n += 1.0
        t.silent_n += fate.outcome == SILENT
    else:
        t.left_n += 1.0
        t.waited_n += 1.0
        return
    t.closed_n += 1.0
    t.waited_n += wait > 0.0
    t.wait_s += wait
    t.in_system_s += stay


@kernel
def tally_visits(
    c: Centre,
    v: Visits,
    rows: int,
    seed: np.uint64,
    agents: Table,
    level: Floats,
    period: float,
    sums: Table,
    flows: Floats,
) -> None:
    """Add up visits that arrived between warm-up and the end.

    `sums` (P, T) of TALLY by period of arrival; `flows` (G, T) counts who served what.
    """
    for visit in range(rows):
        arrived, kind = v.arrived[visit], v.type[visit]
        if arrived < c.warm_up or arrived >= c.length:
            continue
        t = sums[int(arrived / period), kind]
        _count(v, visit, level[kind], t)
        if v.fate[visit].outcome == SERVED:
            crew = agents[v.fate[visit].agent].crew
            flows[crew, kind] += 1.0
            solve = c.fit[crew, kind].solve
            t.solved_n += keyed(seed, visit, SOLVE) < solve
            t.worth += solve * c.kinds[kind].reward
