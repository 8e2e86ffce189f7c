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
import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from actors.addresses import PARTITION_N
from actors.cancelling import raise_if_cancelled
from actors.ports import Metrics
from infra.journal import keys
from infra.reader_lease import ReaderLease

COUNTER = "facts:counter"
EVERY_S = 5.0
LEASE_S = 15.0

log = structlog.get_logger()


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
            try:
                await self.step()
            except (RedisError, OSError) as error:
                log.warning("facts.not_counted", error=str(error))
            raise_if_cancelled()
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
        pipe = self._redis.pipeline(transaction=False)
        for partition in range(PARTITION_N):
            pipe.xlen(keys.facts(partition))
            pipe.xrange(keys.facts(partition), count=1)
        answers: list[Any] = await pipe.execute()
        firsts = [entry for found in answers[1::2] for entry, _ in found]
        begun_ms = min((int(entry.partition(b"-")[0]) for entry in firsts), default=None)
        oldest_s = 0.0 if begun_ms is None else max(0.0, self._clock() - begun_ms / 1000)
        return Backlog(sum(answers[::2]), oldest_s)

    def _set(self, found: Backlog) -> None:
        self._metrics.set("facts_waiting", found.entries_n)
        self._metrics.set("facts_oldest_seconds", found.oldest_s)
