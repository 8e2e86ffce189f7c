"""The keeper's notes in Redis."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar, cast

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from actors.addresses import KINDS, PARTITION_N, Address, Kind
from actors.cancelling import raise_if_cancelled
from actors.placement import Placement
from infra.journal import keys
from infra.journal.redis_journal import parse_address

HOSTS = "raydesk:hosts"
RETRY_S = 0.2

T = TypeVar("T")
log = structlog.get_logger()


class RedisRegistry:
    """The keeper's notes in Redis (implements `actors.keeper.Registry`).

    Every method waits for a store that is away, and may be repeated by it: without its notes the
    keeper can do nothing, and whoever reported a dead host waits for the store as well.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def next_epoch(self) -> int:
        return int(await _until_there(lambda: self._redis.incr(keys.EPOCH)))

    async def hosts(self) -> dict[str, str]:
        found = cast("dict[bytes, bytes]", await _until_there(lambda: self._redis.hgetall(HOSTS)))
        return {role.decode(): name.decode() for role, name in found.items()}

    async def put(self, role: str, name: str) -> None:
        await _until_there(lambda: self._redis.hset(HOSTS, role, name))

    async def drop(self, role: str) -> None:
        await _until_there(lambda: self._redis.hdel(HOSTS, role))

    async def live_roles(self, placement: Placement) -> list[str]:
        kinds = [kind for kind in KINDS if placement.rule(kind) == "per-entity"]
        return [str(a) for kind in kinds for a in await self._live_entities(kind)]

    async def _live_entities(self, kind: Kind) -> list[Address]:
        def ask() -> Awaitable[list[set[bytes]]]:
            pipe = self._redis.pipeline(transaction=False)
            for partition in range(PARTITION_N):
                pipe.smembers(keys.live(kind, partition))
            return pipe.execute()

        return [parse_address(m) for members in await _until_there(ask) for m in sorted(members)]


async def _until_there(ask: Callable[[], Awaitable[T]]) -> T:
    while True:
        try:
            return await ask()
        except (RedisError, OSError) as error:
            log.warning("registry.store_away", error=str(error))
        raise_if_cancelled()
        await asyncio.sleep(RETRY_S)
