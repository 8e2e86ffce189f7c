"""Named bodies in Redis, each with a generation: written by one side, watched by everybody else.

A body and its generation are stored together and announced on a channel. A watcher also compares
the generations once in a while and after every reconnect, so a lost announcement costs `check_s`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import cast
from urllib.parse import quote, unquote

import structlog
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from actors.cancelling import raise_if_cancelled

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

BATCH_N = 20
"""Bodies read at once: some are megabytes."""

Name = tuple[str, ...]
"""An organisation, and what of it is meant."""
Changed = Callable[[Name, bytes], None]
Gone = Callable[[Name], None]

log = structlog.get_logger()


class Announced:
    """Both sides of it. Holds no state of its own.

    Args:
        kind: begins every key; one slot of a Redis Cluster.
        check_s: between two looks for what was not announced.
    """

    def __init__(self, redis: Redis, kind: str, *, check_s: float) -> None:
        self._redis = redis
        self._kind = kind
        self._check_s = check_s
        self._generations = f"{{{kind}}}:generations"
        self._channel = f"{{{kind}}}:changed"
        self._publish = redis.register_script(_PUBLISH)
        self._remove = redis.register_script(_REMOVE)

    async def publish(self, name: Name, generation: int, body: bytes) -> bool:
        """Store and announce it; may be repeated. False: a newer generation is stored."""
        keys = [body_key(self._kind, name), self._generations]
        args: list[str | int | bytes] = [_field(name), generation, body, self._channel]
        return bool(await self._publish(keys=keys, args=args))

    async def remove(self, name: Name, generation: int) -> bool:
        """Take back what is stored, if it is this generation."""
        keys = [body_key(self._kind, name), self._generations]
        return bool(await self._remove(keys=keys, args=[_field(name), generation, self._channel]))

    async def get(self, name: Name) -> bytes | None:
        """Return the body, None: nothing is stored."""
        return cast("bytes | None", await self._redis.get(body_key(self._kind, name)))

    async def generations(self) -> dict[Name, int]:
        """Return the generation stored of every name, in one round trip."""
        stored = cast("dict[bytes, bytes]", await self._redis.hgetall(self._generations))
        return {_name(field.decode()): int(number) for field, number in stored.items()}

    async def watch(self, changed: Changed, gone: Gone = lambda _: None) -> None:
        """Call `changed` with everything stored now, then with every change, and `gone` with every
        name that is taken back, until cancelled. What is replaced at once may be skipped."""
        seen: dict[Name, int] = {}
        while True:
            try:
                await self._follow(seen, changed, gone)
            except (RedisError, OSError) as error:
                log.warning("announced.watch_broken", kind=self._kind, error=str(error))
                await asyncio.sleep(min(0.2, self._check_s))

    async def _follow(self, seen: dict[Name, int], changed: Changed, gone: Gone) -> None:
        """Subscribe first, read second: what changes in between is announced."""
        pubsub: PubSub
        async with self._redis.pubsub(ignore_subscribe_messages=True) as pubsub:
            await pubsub.subscribe(self._channel)
            while True:
                await self._read_changes(seen, changed, gone)
                raise_if_cancelled()
                await self._announcement(pubsub)

    async def _announcement(self, pubsub: PubSub) -> None:
        """Wait for news, at most `check_s`; several at once are one reason to look."""
        timeout: float = self._check_s
        while await pubsub.get_message(timeout=timeout) is not None:
            timeout = 0.0

    async def _read_changes(self, seen: dict[Name, int], changed: Changed, gone: Gone) -> None:
        stored = await self.generations()
        for name in [one for one in seen if one not in stored]:
            del seen[name]
            gone(name)
        news = [name for name, generation in stored.items() if seen.get(name) != generation]
        for names in (news[at : at + BATCH_N] for at in range(0, len(news), BATCH_N)):
            for name, body in zip(names, await self._bodies(names), strict=True):
                if body is not None:
                    # It may be newer than the generation read before: then it is told once more.
                    seen[name] = stored[name]
                    changed(name, body)

    async def _bodies(self, names: Sequence[Name]) -> list[bytes | None]:
        keys = [body_key(self._kind, name) for name in names]
        return cast("list[bytes | None]", await self._redis.mget(keys))


def body_key(kind: str, name: Name) -> str:
    """Return the Redis key of a body."""
    return f"{{{kind}}}:of:{_field(name)}"


def _field(name: Name) -> str:
    return "/".join(quote(part, safe="") for part in name)


def _name(field: str) -> Name:
    return tuple(unquote(part) for part in field.split("/"))
