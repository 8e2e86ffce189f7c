"""The keeper's notes in Redis."""

from __future__ import annotations

from typing import cast

from redis.asyncio import Redis

from actors.addresses import KINDS, PARTITION_N, Address, Kind
from actors.placement import Placement
from infra.journal import keys
from infra.journal.redis_journal import parse_address

HOSTS = "raydesk:hosts"


class RedisRegistry:
    """The keeper's notes in Redis (implements `actors.keeper.Registry`)."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def next_epoch(self) -> int:
        return int(await self._redis.incr(keys.EPOCH))

    async def hosts(self) -> dict[str, str]:
        found = cast("dict[bytes, bytes]", await self._redis.hgetall(HOSTS))
        return {role.decode(): name.decode() for role, name in found.items()}

    async def put(self, role: str, name: str) -> None:
        await self._redis.hset(HOSTS, role, name)

    async def drop(self, role: str) -> None:
        await self._redis.hdel(HOSTS, role)

    async def live_roles(self, placement: Placement) -> list[str]:
        kinds = [kind for kind in KINDS if placement.rule(kind) == "per-entity"]
        return [str(a) for kind in kinds for a in await self._live_entities(kind)]

    async def _live_entities(self, kind: Kind) -> list[Address]:
        pipe = self._redis.pipeline(transaction=False)
        for partition in range(PARTITION_N):
            pipe.smembers(keys.live(kind, partition))
        return [parse_address(m) for members in await pipe.execute() for m in sorted(members)]
