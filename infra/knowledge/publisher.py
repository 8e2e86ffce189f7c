"""Brings what is live from SQL to Redis: a commit is looked for every half second."""

from __future__ import annotations

import asyncio

import msgspec
import structlog
from redis.exceptions import RedisError
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from actors.cancelling import raise_if_cancelled
from infra.directory.refusals import RefusedError
from infra.knowledge import tables as t
from infra.knowledge.feed import Live, LiveVersion, Name, RedisKnowledge
from infra.knowledge.rows import find_base, find_version

log = structlog.get_logger()


class KnowledgePublisher:
    """Publishes what Redis has not got, takes back what is gone. One in each gateway does no harm:
    the same generation is the same content."""

    def __init__(self, engine: AsyncEngine, feed: RedisKnowledge, check_s: float = 0.5) -> None:
        self._engine = engine
        self._feed = feed
        self._check_s = check_s

    async def publish_changes(self) -> list[Name]:
        """Bring Redis up to date; return which bases changed."""
        stored = await self._feed.generations()  # first: what is there was committed before
        wanted = await self._generations()
        done = [name for name, number in wanted.items() if stored.get(name, -1) < number]
        for name in done:
            live = await self._read(name)
            if live is not None:
                await self._feed.publish(live)
        for name in [one for one in stored if one not in wanted]:
            await self._feed.remove(name, stored[name])
            done.append(name)
        return done

    async def run(self) -> None:
        """Publish until cancelled; a store that fails is tried again."""
        while True:
            try:
                for org, base in await self.publish_changes():
                    log.info("knowledge.published", org=org, base=base)
            except (RedisError, OSError, SQLAlchemyError) as error:
                log.warning("knowledge.not_published", error=str(error))
            raise_if_cancelled()
            await asyncio.sleep(self._check_s)

    async def _generations(self) -> dict[Name, int]:
        table = t.KnowledgeBase
        wanted = select(table.org, table.id, table.generation).where(table.live > 0)
        async with AsyncSession(self._engine) as session:
            rows = await session.execute(wanted)
            return {(org, base): generation for org, base, generation in rows}

    async def _read(self, name: Name) -> Live | None:
        async with AsyncSession(self._engine) as session:
            try:
                row = await find_base(session, *name)
                version = await find_version(session, *name, row.live)
                trial = await find_version(session, *name, row.candidate) if row.candidate else None
            except RefusedError:  # removed meanwhile: the next look finds out
                return None
            return Live(
                org=row.org,
                base=row.id,
                generation=row.generation,
                settings=msgspec.json.encode(row.settings),
                version=_version(version),
                candidate=None if trial is None else _version(trial),
                stage=row.stage,
            )


def _version(row: t.KnowledgeVersion) -> LiveVersion:
    return LiveVersion(
        number=row.number,
        at=row.at,
        by=row.actor,
        note=row.note,
        restored=row.restored,
        body=row.body,
    )
