"""What is live of every knowledge base, in Redis: written from SQL, watched by whoever answers."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from redis.asyncio import Redis

from infra.announced import Announced

KIND = "knowledge"
Name = tuple[str, str]
"""An organisation and one of its bases."""


class LiveVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A version as it is stored: `body` is the base as zlib-compressed JSON."""

    number: int
    at: float
    by: str
    note: str
    restored: int
    body: bytes


class Live(msgspec.Struct, frozen=True, kw_only=True):
    """All that is live of one base. `settings` is JSON; `stage` is the candidate's."""

    org: str
    base: str
    generation: int
    settings: bytes
    version: LiveVersion
    candidate: LiveVersion | None = None
    stage: str = ""


class RedisKnowledge:
    """Both sides of the feed. Holds no state of its own."""

    def __init__(self, redis: Redis, *, check_s: float = 1.0) -> None:
        self._bodies = Announced(redis, KIND, check_s=check_s)

    async def publish(self, live: Live) -> bool:
        """Store and announce it; may be repeated. False: a newer generation is stored."""
        body = msgspec.msgpack.encode(live)
        return await self._bodies.publish((live.org, live.base), live.generation, body)

    async def remove(self, name: Name, generation: int) -> bool:
        """Take back what is stored of a base, if it is this generation."""
        return await self._bodies.remove(name, generation)

    async def get(self, name: Name) -> Live | None:
        """Return what is live, None: nothing."""
        body = await self._bodies.get(name)
        return None if body is None else _read(body)

    async def generations(self) -> dict[Name, int]:
        """Return the generation stored of every base, in one round trip."""
        stored = await self._bodies.generations()
        return {(org, base): generation for (org, base), generation in stored.items()}

    async def watch(
        self, changed: Callable[[Live], None], gone: Callable[[Name], None] = lambda _: None
    ) -> None:
        """Call `changed` with everything live now, then with every change, and `gone` with every
        base that is taken back, until cancelled."""
        await self._bodies.watch(
            lambda _, body: changed(_read(body)), lambda name: gone((name[0], name[1]))
        )


def _read(body: bytes) -> Live:
    return msgspec.msgpack.decode(body, type=Live)
