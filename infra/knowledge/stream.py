"""The queue of outcomes: a Redis stream between those who answer and SQL. At least once.

Whoever answers only appends to a bounded buffer in memory; `OutcomeStream.run` carries it to the
stream in batches. A gateway reads batches as a member of one group and acknowledges what is in SQL
(`infra.knowledge.carrier`); what a dead member left is taken over by the others.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import deque

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from actors.cancelling import raise_if_cancelled

STREAM = "{knowledge}:outcomes"
BATCH_N = 500
BUFFER_N = 10_000
STREAM_N = 200_000
"""Outcomes that wait at most: in a process, in the store. A full store holds up the processes; what
finds its process full is dropped, and counted by whoever put it (`outcomes_dropped_total`)."""
RETRY_S = 0.5

log = structlog.get_logger()


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
