"""The queue of outcomes: a Redis stream between those who answer and SQL. At least once.

Whoever answers only appends to a bounded buffer in memory; `OutcomeStream.run` carries it to the
stream in batches. A gateway reads batches as a member of one group and acknowledges what is in SQL;
what a dead member left is taken over by the others.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError
from sqlalchemy.exc import SQLAlchemyError

from actors.cancelling import raise_if_cancelled
from infra.knowledge.outcomes import OutcomeStore

STREAM = "{knowledge}:outcomes"
GROUP = "sql"
BATCH_N = 500
BUFFER_N = 10_000
STREAM_N = 200_000
"""Outcomes that wait at most: in a process, in the store. A full store holds up the processes; what
finds its process full is dropped, and counted by whoever put it (`outcomes_dropped_total`)."""
RETRY_S = 0.5
PURGE_S = 3600.0

log = structlog.get_logger()
Entry = tuple[bytes, bytes]
"""Its id in the stream, and the outcome."""


class OutcomeStream:
    """Implements the writing side. `put` never waits."""

    def __init__(self, redis: Redis, *, buffer_n: int = BUFFER_N, stream_n: int = STREAM_N) -> None:
        self._redis = redis
        self._buffer: deque[bytes] = deque()
        self._buffer_n = buffer_n
        self._stream_n = stream_n
        self._news = asyncio.Event()

    def put(self, piece: bytes) -> bool:
        """Take a piece along; False: the buffer is full, it is dropped."""
        if len(self._buffer) >= self._buffer_n:
            return False
        self._buffer.append(piece)
        self._news.set()
        return True

    async def run(self) -> None:
        """Carry until cancelled; then what is left is carried once more."""
        try:
            while True:
                await self._news.wait()
                self._news.clear()
                await self._carry_all()
                raise_if_cancelled()
        finally:
            await self.flush()

    async def flush(self) -> None:
        """Carry what there is; a store that fails now keeps it from arriving."""
        why = "the stream is full"
        try:
            while self._buffer and await self._carry():
                continue
        except (RedisError, OSError) as error:
            why = str(error)
        if self._buffer:
            log.warning("outcomes.lost", n=len(self._buffer), error=why)

    async def _carry_all(self) -> None:
        while self._buffer:
            why = "the stream is full"
            try:
                if await self._carry():
                    continue
            except (RedisError, OSError) as error:
                why = str(error)
            log.warning("outcomes.wait", n=len(self._buffer), error=why)
            raise_if_cancelled()
            await asyncio.sleep(RETRY_S)

    async def _carry(self) -> int:
        """Carry a batch as far as the stream has room; return its size."""
        room = self._stream_n - await self._redis.xlen(STREAM)
        batch = list(itertools.islice(self._buffer, max(min(BATCH_N, room), 0)))
        async with self._redis.pipeline(transaction=False) as pipe:
            for piece in batch:
                pipe.xadd(STREAM, {"o": piece})
            await pipe.execute()
        for _ in batch:  # only now: a batch that failed is carried again, perhaps twice
            self._buffer.popleft()
        return len(batch)


class OutcomeCarrier:
    """Brings the stream into SQL.

    Args:
        name: this process's, never used by another.
        dead_s: what a member of the group has not acknowledged for this long is taken over.
    """

    def __init__(
        self,
        redis: Redis,
        store: OutcomeStore,
        name: str,
        *,
        wait_s: float = 0.5,
        dead_s: float = 30.0,
    ) -> None:
        self._redis = redis
        self._store = store
        self._name = name
        self._wait_s = wait_s
        self._dead_s = dead_s
        self._purged_at = 0.0

    async def run(self) -> None:
        """Carry until cancelled; a store that fails is tried again."""
        while True:
            try:
                await self._join()
                while True:
                    await self.carry()
                    raise_if_cancelled()
                    await self._purge()
            except (RedisError, OSError, SQLAlchemyError) as error:
                log.warning("outcomes.not_stored", error=str(error))
                raise_if_cancelled()
                await asyncio.sleep(RETRY_S)

    async def carry(self) -> int:
        """Bring one batch into SQL, waiting a little for one; return its size."""
        entries = await self._left_behind() or await self._next()
        if entries:
            await self._store.write([piece for _, piece in entries])
            ids = [number for number, _ in entries]
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.xack(STREAM, GROUP, *ids)
                pipe.xdel(STREAM, *ids)
                await pipe.execute()
        return len(entries)

    async def _join(self) -> None:
        try:
            await self._redis.xgroup_create(STREAM, GROUP, id="0", mkstream=True)
        except ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise

    async def _left_behind(self) -> list[Entry]:
        """Return what was handed out and never acknowledged: by the dead, or by us."""
        idle_ms = int(self._dead_s * 1000)
        found = await self._redis.xautoclaim(
            STREAM, GROUP, self._name, min_idle_time=idle_ms, count=BATCH_N
        )
        return _entries(found[1])

    async def _next(self) -> list[Entry]:
        found: Any = await self._redis.xreadgroup(
            GROUP, self._name, {STREAM: ">"}, count=BATCH_N, block=int(self._wait_s * 1000)
        )
        return _entries(found[0][1]) if found else []

    async def _purge(self) -> None:
        if time.monotonic() - self._purged_at > PURGE_S or not self._purged_at:
            self._purged_at = time.monotonic()
            gone = await self._store.purge()
            log.info("outcomes.purged", n=gone)


def _entries(raw: Sequence[tuple[bytes, dict[bytes, bytes]]]) -> list[Entry]:
    return [(number, fields.get(b"o", b"")) for number, fields in raw if fields]
