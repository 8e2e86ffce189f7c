"""How many committed facts wait to be recorded, and for how long: gauges for the operator.

Counted beside the recorder, not by it: one that stands still could not say so. One process at a
time counts, whichever holds the lease.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import msgspec
from redis.asyncio import Redis

from actors.addresses import PARTITION_N
from actors.cancelling import raise_if_cancelled
from actors.ports import Metrics
from infra.journal import keys
from infra.reader_lease import ReaderLease

COUNTER = "facts:counter"
EVERY_S = 5.0
LEASE_S = 15.0


class Backlog(msgspec.Struct, frozen=True):
    """What no store has yet. `entries_n`: of the streams, one per turn of a host that said
    something; `oldest_s`: since that turn's commit, 0 if nothing waits."""

    entries_n: int
    oldest_s: float


class BacklogGauge:
    """Sets `facts_waiting` and `facts_oldest_seconds`. Holds nothing.

    Args:
        name: this process's; the one whose name stands in the lease counts.
        clock: seconds since 1970.
    """

    def __init__(
        self, redis: Redis, name: str, metrics: Metrics, clock: Callable[[], float] = time.time
    ) -> None:
        self._redis = redis
        self._lease = ReaderLease(redis, COUNTER, name, LEASE_S)
        self._metrics = metrics
        self._clock = clock
        self._counts = False

    async def run(self) -> None:
        """Count every few seconds, until cancelled."""
        while True:
            raise_if_cancelled()
            await self.step()
            await asyncio.sleep(EVERY_S)

    async def step(self) -> None:
        """Set the gauges if it is this process that counts; to 0 when another has taken over."""
        held = await self._lease.hold()
        if held:
            self._set(await self.read())
        elif self._counts:
            self._set(Backlog(0, 0.0))
        self._counts = held

    async def read(self) -> Backlog:
        """Return the backlog over all partitions."""
        entries_n, oldest_ms = 0, float("inf")
        for partition in range(PARTITION_N):
            stream = keys.facts(partition)
            entries_n += await self._redis.xlen(stream)
            first: Any = await self._redis.xrange(stream, count=1)
            for entry, _ in first:
                oldest_ms = min(oldest_ms, int(entry.partition(b"-")[0]))
        oldest_s = max(0.0, self._clock() - oldest_ms / 1000) if entries_n else 0.0
        return Backlog(entries_n, oldest_s)

    def _set(self, found: Backlog) -> None:
        self._metrics.set("facts_waiting", found.entries_n)
        self._metrics.set("facts_oldest_seconds", found.oldest_s)
