"""Brings outcomes from their stream (`infra.knowledge.stream`) into SQL. At least once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError
from sqlalchemy.exc import SQLAlchemyError

from actors.cancelling import raise_if_cancelled
from infra.knowledge.outcomes import OutcomeStore
from infra.knowledge.stream import BATCH_N, RETRY_S, STREAM

GROUP = "sql"
PURGE_S = 3600.0

log = structlog.get_logger()
Entry = tuple[bytes, bytes]
"""Its id in the stream, and the outcome."""


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
