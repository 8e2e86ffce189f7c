"""What is live, in memory, as whoever answers asks for it (`bot.published.KnowledgeSource`)."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import cast

import msgspec
import structlog

from bot.knowledge import Base, Version
from bot.published import BaseSettings, Candidate, Published, Stage
from infra.knowledge.feed import Live, LiveVersion, Name, RedisKnowledge

log = structlog.get_logger()


class KnowledgeStore:
    """The live bases of every organisation. Soft state: `run` fills it and keeps it current."""

    def __init__(self, feed: RedisKnowledge) -> None:
        self._feed = feed
        self._live: dict[Name, Published] = {}
        self._listeners: list[Callable[[Published], None]] = []

    def serving(self, org: str) -> list[Published]:
        """Return everything live of an organisation, by the ids of the bases."""
        return [self._live[name] for name in sorted(self._live) if name[0] == org]

    def listen(self, changed: Callable[[Published], None]) -> None:
        """Call `changed` with everything live now, and with every change. A base that is gone
        comes as version 0 without topics."""
        self._listeners.append(changed)
        for one in self._live.values():
            changed(one)

    async def run(self) -> None:
        """Follow every change until cancelled."""
        await self._feed.watch(self._keep, self._drop)

    def _keep(self, live: Live) -> None:
        try:
            found = read_live(live)
        except (msgspec.MsgspecError, zlib.error, ValueError) as error:
            # What cannot be read must not end the watch: the version before goes on answering.
            log.exception("knowledge.unreadable", org=live.org, base=live.base, error=str(error))
            return
        self._live[live.org, live.base] = found
        self._tell(found)

    def _drop(self, name: Name) -> None:
        found = self._live.pop(name, None)
        if found is not None:
            nothing = Version(number=0, base=Base(id=name[1], name="", org=name[0]), at=0.0)
            self._tell(msgspec.structs.replace(found, version=nothing, candidate=None))

    def _tell(self, found: Published) -> None:
        for changed in self._listeners:
            changed(found)


def read_live(live: Live) -> Published:
    """Return what Redis holds of a base, decoded.

    Raises:
        msgspec.MsgspecError, zlib.error: it is not readable.
    """
    trial = live.candidate
    return Published(
        org=live.org,
        generation=live.generation,
        version=read_version(live.version),
        settings=msgspec.json.decode(live.settings, type=BaseSettings),
        candidate=None
        if trial is None
        else Candidate(version=read_version(trial), stage=cast("Stage", live.stage)),
    )


def read_version(stored: LiveVersion) -> Version:
    """Return a stored version, decoded."""
    return Version(
        number=stored.number,
        base=read_base(stored.body),
        at=stored.at,
        by=stored.by,
        note=stored.note,
        restored=stored.restored,
    )


def read_base(body: bytes) -> Base:
    """Return the base of a version's stored body."""
    return msgspec.json.decode(zlib.decompress(body), type=Base)
