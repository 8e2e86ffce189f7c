"""Committed facts on their way to their stores: the journal's streams, read until forgotten
(implements `actors.ports.FactStream`)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from redis.asyncio import Redis

from actors.addresses import PARTITION_N
from actors.ports import Fact, ReaderReplacedError
from infra.journal import keys
from infra.reader_lease import ReaderLease

READER = "facts:reader"
LEASE_S = 15.0
"""A reader silent for this long is taken for dead."""
PAUSE_S = 0.2
"""Between looks in a Redis Cluster, where one call cannot wait for several streams."""


class RedisFacts:
    """Reads every partition's stream from its beginning; what was forgotten is no longer there, so
    a reader that died is succeeded by simply starting another.

    Args:
        name: this reader's; the one whose name stands in the lease reads.
    """

    def __init__(self, redis: Redis, name: str, *, cluster: bool = False) -> None:
        self._redis = redis
        self._name = name
        self._lease = ReaderLease(redis, READER, name, LEASE_S)
        self._cluster = cluster
        self._reads = False
        self._at: dict[str, str] = {}

    async def read(self, limit: int, wait_s: float) -> list[Fact]:
        """See `FactStream.read`. An entry of a stream is never split."""
        if not await self._lease.hold():
            if self._reads:
                self._reads = False
                raise ReaderReplacedError(self._name)
            await asyncio.sleep(wait_s)
            return []
        if not self._reads:
            self._reads = True
            self._at = {keys.facts(partition): "0" for partition in range(PARTITION_N)}
        return await self._read(limit, wait_s)

    async def _read(self, limit: int, wait_s: float) -> list[Fact]:
        if not self._cluster:
            wait_ms = max(1, int(wait_s * 1000))
            return self._taken(await self._redis.xread(self._streams(), limit, block=wait_ms))
        found = []
        for name, after in self._streams().items():
            found += self._taken(await self._redis.xread({name: after}, limit))
        if not found:
            await asyncio.sleep(min(wait_s, PAUSE_S))
        return found

    async def forget(self, facts: Sequence[Fact]) -> None:
        """See `FactStream.forget`."""
        entries: dict[str, dict[str, None]] = {}
        for fact in facts:
            name, _, entry = fact.token.rpartition(" ")
            entries.setdefault(name, {})[entry] = None
        pipe = self._redis.pipeline(transaction=False)
        for name, ids in entries.items():
            pipe.xdel(name, *ids)
        await pipe.execute()

    def _streams(self) -> dict[Any, Any]:
        return dict(self._at)

    def _taken(self, answer: Any) -> list[Fact]:
        found: list[Fact] = []
        streams = answer.items() if isinstance(answer, dict) else answer or []
        for name, entries in streams:
            stream = name.decode()
            for entry, pairs in entries:
                self._at[stream] = entry.decode()
                found += [fact_of(f"{stream} {entry.decode()}", *pair) for pair in pairs.items()]
        return found


def fact_of(token: str, field: bytes, data: bytes) -> Fact:
    """Return the fact of one pair of an entry."""
    table, org, _ = field.decode().split("/")
    return Fact(token, table, org, data)
