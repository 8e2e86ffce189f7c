"""Each organisation's compiled settings in Redis: written by the directory, watched by everyone.

A body and its version are stored together and announced on a channel. A watcher also compares the
versions once in a while and after every reconnect, so that a lost announcement costs at most
`check_s`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast
from urllib.parse import quote

import msgspec
import structlog
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from actors.cancelling import raise_if_cancelled
from actors.config import OrgConfig

VERSIONS = "{config}:versions"
CHANNEL = "{config}:changed"

_PUBLISH = """
-- KEYS: body, versions. ARGV: organisation, version, body, channel. 0: a newer one is stored.
local stored = tonumber(redis.call('HGET', KEYS[2], ARGV[1]) or '-1')
if stored > tonumber(ARGV[2]) then return 0 end
redis.call('SET', KEYS[1], ARGV[3])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
if stored < tonumber(ARGV[2]) then redis.call('PUBLISH', ARGV[4], ARGV[1]) end
return 1
"""

log = structlog.get_logger()


class RedisConfigs:
    """`actors.ports.ConfigSource`, and the writer's side of it. Holds no state of its own."""

    def __init__(self, redis: Redis, *, check_s: float = 1.0) -> None:
        self._redis = redis
        self._check_s = check_s
        self._publish = redis.register_script(_PUBLISH)

    async def publish(self, config: OrgConfig) -> bool:
        """Store and announce the settings; may be repeated. False: a newer version is stored."""
        body = msgspec.json.encode(config)
        args: list[str | int | bytes] = [config.org, config.version, body, CHANNEL]
        return bool(await self._publish(keys=[config_key(config.org), VERSIONS], args=args))

    async def get(self, org: str) -> OrgConfig | None:
        """Return the newest settings, None for an unknown organisation."""
        body = cast("bytes | None", await self._redis.get(config_key(org)))
        return None if body is None else msgspec.json.decode(body, type=OrgConfig)

    async def versions(self) -> dict[str, int]:
        """Return organisation -> version stored, in one round trip."""
        stored = cast("dict[bytes, bytes]", await self._redis.hgetall(VERSIONS))
        return {org.decode(): int(version) for org, version in stored.items()}

    async def watch(self, changed: Callable[[OrgConfig], None]) -> None:
        """Call `changed` with every organisation's settings now, then with every new version,
        until cancelled. Versions only grow; one that is replaced at once may be skipped."""
        seen: dict[str, int] = {}
        while True:
            try:
                await self._follow(seen, changed)
            except (RedisError, OSError) as error:
                log.warning("config.watch_broken", error=str(error))
                await asyncio.sleep(min(0.2, self._check_s))

    async def _follow(self, seen: dict[str, int], changed: Callable[[OrgConfig], None]) -> None:
        """Subscribe first, read second: what changes in between is announced."""
        pubsub: PubSub
        async with self._redis.pubsub(ignore_subscribe_messages=True) as pubsub:
            await pubsub.subscribe(CHANNEL)
            while True:
                await self._read_changes(seen, changed)
                raise_if_cancelled()
                await self._announcement(pubsub)

    async def _announcement(self, pubsub: PubSub) -> None:
        """Wait for news, at most `check_s`; several at once are one reason to look."""
        timeout: float = self._check_s
        while await pubsub.get_message(timeout=timeout) is not None:
            timeout = 0.0

    async def _read_changes(
        self, seen: dict[str, int], changed: Callable[[OrgConfig], None]
    ) -> None:
        for org, version in (await self.versions()).items():
            if version <= seen.get(org, -1):
                continue
            config = await self.get(org)
            if config is not None:
                seen[org] = config.version
                changed(config)


def config_key(org: str) -> str:
    """Return the Redis key of an organisation's settings."""
    return f"{{config}}:of:{quote(org, safe='')}"
