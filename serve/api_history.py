"""Reads session timelines from Redis for the history page: one page at a time, never a write."""

from __future__ import annotations

from typing import cast

import msgspec
from redis.asyncio import Redis

from actors.addresses import Address
from actors.ports import Track
from infra.journal import keys

SCAN_N = 5000
"""Frames read to learn who took part."""


class _Someone(msgspec.Struct):
    id: str = ""


class _Opening(msgspec.Struct):
    customer: _Someone


class _Seen(msgspec.Struct):
    """What a stored frame says of who was there."""

    from_: _Someone | None = msgspec.field(default=None, name="from")
    by: _Someone | None = None
    agent: str = ""


class _Seat(msgspec.Struct):
    person: _Someone


class _Routing(msgspec.Struct):
    queue: str = ""
    serving: _Seat | None = None


_routing = msgspec.json.Decoder(_Routing)
_opening = msgspec.json.Decoder(_Opening)
_seen = msgspec.json.Decoder(_Seen)


class RedisHistory:
    """Implements `serve.doors.History` on the journal's timelines."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def customer(self, org: str, session: str) -> str | None:
        """Return the id of the session's customer; None for an unknown session."""
        address = Address("session", org, session)
        stored = cast("bytes | None", await self._redis.hget(keys.records(address), "opening"))
        return None if stored is None else _opening.decode(stored).customer.id

    async def took_part(self, org: str, session: str, agent: str) -> bool:
        """Tell whether the agent appears in the session's timeline."""
        address = Address("session", org, session)
        found = await self._redis.zrange(keys.timeline(address, "main"), 0, SCAN_N)
        frames = cast("list[bytes]", found)
        return any(_names(frame, agent) for frame in frames)

    async def place(self, org: str, session: str) -> tuple[str, str]:
        """Return the session's queue and the agent who serves or served it ('' for none)."""
        address = Address("session", org, session)
        stored = cast("bytes | None", await self._redis.hget(keys.records(address), "routing"))
        if stored is None:
            return "", ""
        found = _routing.decode(stored)
        return found.queue, "" if found.serving is None else found.serving.person.id

    async def page(
        self, org: str, session: str, track: Track, after: int, limit: int
    ) -> list[bytes]:
        """Return up to `limit` encoded frames with seq > after, ascending."""
        key = keys.timeline(Address("session", org, session), track)
        found = await self._redis.zrangebyscore(key, f"({after}", "+inf", start=0, num=limit)
        return cast("list[bytes]", found)


def _names(frame: bytes, agent: str) -> bool:
    seen = _seen.decode(frame)
    people = (person.id for person in (seen.from_, seen.by) if person is not None)
    return agent in (seen.agent, *people)
