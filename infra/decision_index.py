"""Where decisions are: which file holds which, newest first, bounded; and those in no file yet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from redis.asyncio import Redis

from actors.addresses import Address
from actors.ports import Fact
from infra.facts import fact_of
from infra.ids import millis_of
from infra.journal import keys

FILES_N = 100_000
"""Files remembered of each folder and organisation; older ones are found by listing their day."""
LATE_S = 3_600.0
"""What becomes known of a decision after this is looked up by the decision, not by time."""
PENDING_N = 2_000
"""Entries (turns) looked at that no file holds yet."""


class RedisDecisionIndex:
    """Implements `actors.recording.DecisionIndex` and the reading side of the doors."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def add(
        self, org: str, folder: str, key: str, upto: float, decisions: Sequence[str] = ()
    ) -> None:
        """Remember a file. `upto`: the time of its last row; `decisions`: which ones the outcomes
        in it are about. Those long past by then are remembered each."""
        name = _name(folder, org)
        pipe = self._redis.pipeline(transaction=False)
        pipe.zadd(name, {key: upto})
        pipe.zremrangebyrank(name, 0, -FILES_N - 1)
        before_ms = (upto - LATE_S) * 1000
        late = {f"{one} {key}": ms for one in decisions if (ms := millis_of(one)) < before_ms}
        if late:
            pipe.zadd(_late(org), late)
            pipe.zremrangebyrank(_late(org), 0, -FILES_N - 1)
        await pipe.execute()

    async def late(self, org: str, decision: str) -> list[str]:
        """Return the files with what became known of a decision long after it."""
        ms = millis_of(decision)
        found = cast("list[bytes]", await self._redis.zrangebyscore(_late(org), ms, ms))
        named = (one.decode().split(" ", 1) for one in found)
        return [key for about, key in named if about == decision]

    async def files(self, org: str, folder: str, since: float, limit: int) -> list[str]:
        """Return the first files whose last row is not before `since`, oldest first."""
        found = await self._redis.zrangebyscore(_name(folder, org), since, "+inf", 0, limit)
        return [key.decode() for key in cast("list[bytes]", found)]

    async def newest(self, org: str, folder: str, limit: int) -> list[str]:
        """Return the newest files, newest first."""
        found = cast("list[bytes]", await self._redis.zrevrange(_name(folder, org), 0, limit - 1))
        return [key.decode() for key in found]

    async def pending(self, org: str, session: str = "") -> list[Fact]:
        """Return the facts that are in no file yet, newest first: of dispatch, or of a session."""
        who = Address("session", org, session) if session else Address("dispatch", org, "main")
        stream = keys.facts(who.partition)
        found: list[Fact] = []
        answer: Any = await self._redis.xrevrange(stream, count=PENDING_N)
        for entry, pairs in answer:
            facts = [fact_of(f"{stream} {entry.decode()}", *pair) for pair in pairs.items()]
            found += [fact for fact in reversed(facts) if fact.org == org]
        return found


def _name(folder: str, org: str) -> str:
    return f"files:{folder}:{org}"


def _late(org: str) -> str:
    return f"files:late:{org}"
