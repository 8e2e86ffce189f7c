"""Where decisions are: which file holds which, newest first, bounded; and those in no file yet."""

from __future__ import annotations

from typing import Any, cast

from redis.asyncio import Redis

from actors.addresses import Address
from actors.ports import Fact
from infra.facts import fact_of
from infra.journal import keys

FILES_N = 100_000
"""Files remembered of each folder and organisation; older ones are found by listing their day."""
PENDING_N = 2_000
"""Entries (turns) looked at that no file holds yet."""


class RedisDecisionIndex:
    """Implements `actors.recording.DecisionIndex` and the reading side of the doors."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def add(self, org: str, folder: str, key: str, upto: float) -> None:
        """Remember a file. `upto`: the time of its last row."""
        name = _name(folder, org)
        pipe = self._redis.pipeline(transaction=False)
        pipe.zadd(name, {key: upto})
        pipe.zremrangebyrank(name, 0, -FILES_N - 1)
        await pipe.execute()

    async def files(self, org: str, folder: str, since: float, limit: int) -> list[str]:
        """Return the first files whose last row is not before `since`, oldest first."""
        found = await self._redis.zrangebyscore(_name(folder, org), since, "+inf", 0, limit)
        return [key.decode() for key in cast("list[bytes]", found)]

    async def newest(self, org: str, folder: str, limit: int) -> list[str]:
        """Return the newest files, newest first."""
        found = cast("list[bytes]", await self._redis.zrevrange(_name(folder, org), 0, limit - 1))
        return [key.decode() for key in found]

    async def pending(self, org: str) -> list[Fact]:
        """Return the facts of the organisation's dispatch that are in no file yet, newest first."""
        partition = Address("dispatch", org, "main").partition
        stream = keys.facts(partition)
        found: list[Fact] = []
        answer: Any = await self._redis.xrevrange(stream, count=PENDING_N)
        for entry, pairs in answer:
            facts = [fact_of(f"{stream} {entry.decode()}", *pair) for pair in pairs.items()]
            found += [fact for fact in reversed(facts) if fact.org == org]
        return found


def _name(folder: str, org: str) -> str:
    return f"files:{folder}:{org}"
