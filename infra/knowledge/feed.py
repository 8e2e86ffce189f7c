"""What is live of every knowledge base, in Redis: written from SQL, watched by whoever answers.

As settings are (`infra.configs`): a body and its generation are stored together and announced; a
watcher also compares the generations once in a while, so that a lost announcement costs `check_s`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast
from urllib.parse import quote, unquote

import msgspec
import structlog
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from actors.cancelling import raise_if_cancelled

GENERATIONS = "{knowledge}:generations"
CHANNEL = "{knowledge}:changed"

_PUBLISH = """
-- KEYS: body, generations. ARGV: name, generation, body, channel. 0: a newer one is stored.
local stored = tonumber(redis.call('HGET', KEYS[2], ARGV[1]) or '-1')
if stored > tonumber(ARGV[2]) then return 0 end
redis.call('SET', KEYS[1], ARGV[3])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
if stored < tonumber(ARGV[2]) then redis.call('PUBLISH', ARGV[4], ARGV[1]) end
return 1
"""
_REMOVE = """
-- KEYS: body, generations. ARGV: name, generation, channel. 0: another one is stored.
if redis.call('HGET', KEYS[2], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('DEL', KEYS[1])
redis.call('HDEL', KEYS[2], ARGV[1])
redis.call('PUBLISH', ARGV[3], ARGV[1])
return 1
"""

log = structlog.get_logger()
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
        self._redis = redis
        self._check_s = check_s
        self._publish = redis.register_script(_PUBLISH)
        self._remove = redis.register_script(_REMOVE)

    async def publish(self, live: Live) -> bool:
        """Store and announce it; may be repeated. False: a newer generation is stored."""
        name = (live.org, live.base)
        body = msgspec.msgpack.encode(live)
        args: list[str | int | bytes] = [_field(name), live.generation, body, CHANNEL]
        return bool(await self._publish(keys=[body_key(name), GENERATIONS], args=args))

    async def remove(self, name: Name, generation: int) -> bool:
        """Take back what is stored of a base, if it is this generation."""
        args: list[str | int] = [_field(name), generation, CHANNEL]
        return bool(await self._remove(keys=[body_key(name), GENERATIONS], args=args))

    async def get(self, name: Name) -> Live | None:
        """Return what is live, None: nothing."""
        body = cast("bytes | None", await self._redis.get(body_key(name)))
        return None if body is None else msgspec.msgpack.decode(body, type=Live)

    async def generations(self) -> dict[Name, int]:
        """Return the generation stored of every base, in one round trip."""
        stored = cast("dict[bytes, bytes]", await self._redis.hgetall(GENERATIONS))
        return {_name(field.decode()): int(number) for field, number in stored.items()}

    async def watch(
        self, changed: Callable[[Live], None], gone: Callable[[Name], None] = lambda _: None
    ) -> None:
        """Call `changed` with everything live now, then with every change, and `gone` with every
        base that is taken back, until cancelled."""
        seen: dict[Name, int] = {}
        while True:
            try:
                await self._follow(seen, changed, gone)
            except (RedisError, OSError) as error:
                log.warning("knowledge.watch_broken", error=str(error))
                await asyncio.sleep(min(0.2, self._check_s))

    async def _follow(
        self,
        seen: dict[Name, int],
        changed: Callable[[Live], None],
        gone: Callable[[Name], None],
    ) -> None:
        """Subscribe first, read second: what changes in between is announced."""
        pubsub: PubSub
        async with self._redis.pubsub(ignore_subscribe_messages=True) as pubsub:
            await pubsub.subscribe(CHANNEL)
            while True:
                await self._read_changes(seen, changed, gone)
                raise_if_cancelled()
                timeout: float = self._check_s
                while await pubsub.get_message(timeout=timeout) is not None:
                    timeout = 0.0

    async def _read_changes(
        self,
        seen: dict[Name, int],
        changed: Callable[[Live], None],
        gone: Callable[[Name], None],
    ) -> None:
        stored = await self.generations()
        for name in [one for one in seen if one not in stored]:
            del seen[name]
            gone(name)
        for name, generation in stored.items():
            if seen.get(name) == generation:
                continue
            live = await self.get(name)
            if live is not None:
                seen[name] = live.generation
                changed(live)


def body_key(name: Name) -> str:
    """Return the Redis key of what is live of a base."""
    return f"{{knowledge}}:of:{_field(name)}"


def _field(name: Name) -> str:
    return "/".join(quote(part, safe="") for part in name)


def _name(field: str) -> Name:
    org, _, base = field.partition("/")
    return unquote(org), unquote(base)
