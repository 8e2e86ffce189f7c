"""Carries acts of supervision from Redis to the audit: each once, none lost.

Sessions commit their acts with what they did (`infra.journal`), the doors append theirs; both stay
in a stream until they stand in SQL. A carrier that dies between the two makes the next one try the
act again, and the directory knows it by its id.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from typing import cast

import msgspec
import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from actors.acts import TABLE, Act, decode_act, encode_act
from actors.addresses import PARTITION_N
from actors.cancelling import raise_if_cancelled
from infra.directory import audit
from infra.directory.refusals import RefusedError
from infra.directory.store import Directory
from infra.journal import keys
from infra.reader_lease import ReaderLease

DOORS = "{acts}doors"
"""Acts at the doors themselves: no session knows of them."""
CARRIER = "{acts}carrier"
LEASE_S = 10.0
PAUSE_S = 0.5
READ_N = 100

log = structlog.get_logger()


class Waiting(msgspec.Struct, frozen=True):
    """One entry of a stream: where it is, and what it says."""

    stream: str
    entry: bytes
    org: str
    data: bytes


class ActStreams:
    """Every act that is not yet in the audit."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._streams = [*(keys.acts(partition) for partition in range(PARTITION_N)), DOORS]

    async def append(self, org: str, act: Act) -> None:
        """Keep an act of the doors; when this returns it is as durable as a message."""
        await self._redis.xadd(DOORS, {f"{TABLE}/{org}/0": encode_act(act)})

    async def read(self, limit: int = READ_N) -> list[Waiting]:
        """Return the oldest entries of each stream."""
        pipe = self._redis.pipeline(transaction=False)
        for stream in self._streams:
            pipe.xrange(stream, count=limit)
        return [
            Waiting(stream, entry, name.decode().split("/")[1], data)
            for stream, entries in zip(self._streams, await pipe.execute(), strict=True)
            for entry, pairs in cast("list[tuple[bytes, dict[bytes, bytes]]]", entries)
            for name, data in pairs.items()
        ]

    async def forget(self, waiting: Sequence[Waiting]) -> None:
        """The entries are in the audit."""
        pipe = self._redis.pipeline(transaction=False)
        for one in waiting:
            pipe.xdel(one.stream, one.entry)
        await pipe.execute()


class ActCarrier:
    """Carries while it runs. One in every gateway: who holds the lease works, the others wait."""

    def __init__(self, redis: Redis, directory: Directory) -> None:
        self._streams = ActStreams(redis)
        self._directory = directory
        self._lease = ReaderLease(redis, CARRIER, secrets.token_hex(8), LEASE_S)

    async def run(self) -> None:
        """Carry until cancelled; a store that fails is tried again, and the acts wait."""
        while True:
            carried = 0
            try:
                if await self._lease.hold():
                    carried = await self.carry()
            except (RedisError, OSError, SQLAlchemyError) as error:
                log.warning("acts.not_carried", error=str(error))
            raise_if_cancelled()
            if not carried:
                await asyncio.sleep(PAUSE_S)

    async def carry(self) -> int:
        """Bring what waits to the audit; return how many acts that was."""
        waiting = await self._streams.read()
        for one in waiting:
            await self._record(one)
        if waiting:
            await self._streams.forget(waiting)
        return len(waiting)

    async def _record(self, one: Waiting) -> None:
        try:
            act = decode_act(one.data)
            by = audit.By(
                subject=act.actor,
                role=act.role,
                client=act.source.client,
                address=act.source.address,
            )
            what = audit.Act(
                action=act.action,
                resource=act.resource,
                row=act.row,
                before=act.before,
                after=act.after,
            )
            await self._directory.record_once(one.org, by, what, key=act.id, at=act.at)
        except (msgspec.MsgspecError, RefusedError) as error:
            # It would fail again for ever and hold up the others: the log is its place then.
            log.exception("acts.not_recorded", org=one.org, data=repr(one.data), error=str(error))
