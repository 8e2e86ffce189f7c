"""Each organisation's compiled settings in Redis: written by the directory, watched by everyone."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from redis.asyncio import Redis

from actors.config import OrgConfig
from infra.announced import Announced

KIND = "config"


class RedisConfigs:
    """`actors.ports.ConfigSource`, and the writer's side of it. Holds no state of its own."""

    def __init__(self, redis: Redis, *, check_s: float = 1.0) -> None:
        self._bodies = Announced(redis, KIND, check_s=check_s)

    async def publish(self, config: OrgConfig) -> bool:
        """Store and announce the settings; may be repeated. False: a newer version is stored."""
        body = msgspec.json.encode(config)
        return await self._bodies.publish((config.org,), config.version, body)

    async def get(self, org: str) -> OrgConfig | None:
        """Return the newest settings, None for an unknown organisation."""
        body = await self._bodies.get((org,))
        return None if body is None else _read(body)

    async def versions(self) -> dict[str, int]:
        """Return organisation -> version stored, in one round trip."""
        return {org: version for (org,), version in (await self._bodies.generations()).items()}

    async def watch(self, changed: Callable[[OrgConfig], None]) -> None:
        """Call `changed` with every organisation's settings now, then with every new version,
        until cancelled. One that is replaced at once may be skipped."""
        await self._bodies.watch(lambda _, body: changed(_read(body)))


def _read(body: bytes) -> OrgConfig:
    return msgspec.json.decode(body, type=OrgConfig)
