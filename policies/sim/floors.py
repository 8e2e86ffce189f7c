"""An empty floor at the start of a run."""

from __future__ import annotations

import numpy as np

from policies.sim.draws import Dice
from policies.sim.kernel.floor import (
    AGENT,
    BENCH,
    EVENT,
    QUEUE,
    SLOT,
    VISITS_N,
    Centre,
    Floor,
    Table,
)


def empty_floor(c: Centre, dice: Dice) -> Floor:
    """Return the floor before the first arrival: nobody waits, every agent is idle."""
    most = int(c.crews["capacity"].max())
    rows = len(dice.visits.type)
    agents = np.zeros(int(c.crews["agents"].sum()), dtype=AGENT)
    agents["crew"] = np.repeat(np.arange(len(c.crews)), c.crews["agents"])
    counters = np.zeros(8, dtype=np.int64)
    counters[VISITS_N] = dice.fresh
    return Floor(
        finish=_nobody_busy(len(agents)),
        benches=_empty_lists((len(c.crews), most + 1), BENCH),
        agents=agents,
        slots=np.zeros((len(agents), most), dtype=SLOT),
        queues=_empty_lists((len(c.kinds),), QUEUE),
        on=c.crews["on"].astype(np.int32),
        deadlines=np.empty(rows if len(dice.visits.patience) else 1, dtype=EVENT),
        again=np.empty(rows if len(dice.visits.kin) else 1, dtype=EVENT),
        dice=np.array([dice.policy_seed], dtype=np.uint64),
        n=counters,
    )


def _empty_lists(shape: tuple[int, ...], record: np.dtype[np.void]) -> Table:
    lists = np.zeros(shape, dtype=record)
    lists["head"] = lists["tail"] = -1
    return lists


def _nobody_busy(agents: int) -> Table:
    """Return the tournament tree of agents who complete nothing."""
    leaves = 1 << max(agents - 1, 1).bit_length()
    tree = np.zeros(2 * leaves, dtype=EVENT)
    tree["at"] = np.inf
    tree["item"][leaves:] = np.arange(leaves)
    return tree
