"""The recorder: brings committed facts to the stores they belong in, beside the actors' processes.

    round       dispatch decided              -> rows of `decisions/`, Parquet
    outcome     what came of a decision       -> rows of `outcomes/`, Parquet
    ticket      nobody could serve a customer -> tickets, in SQL
    bot_rating  a customer rated a bot        -> its sessions and questions, in SQL

At least once: facts are forgotten only when the files that hold them are stored, so a recorder that
dies makes its successor write some rows again, under the same ids. Nothing here delays an actor.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Protocol, TypeVar

import msgspec
import structlog

from actors.cancelling import raise_if_cancelled
from actors.ports import Fact, FactStream, Objects, ReaderReplacedError
from actors.session.outcomes import BotRating
from actors.session.tickets import Ticket
from policies.decision_files import DECISIONS, OUTCOMES, encode
from policies.decisions import Decision, Outcome
from policies.rounds import Round, rows_of

FILE_BYTES = 4_000_000
"""Of facts, as committed: what a file holds at most, about."""
READ_N = 500
WAIT_S = 1.0
RETRY_S = 2.0

R = TypeVar("R", Decision, Outcome)
D = TypeVar("D")

log = structlog.get_logger()
_round = msgspec.msgpack.Decoder(Round).decode
_outcome = msgspec.msgpack.Decoder(Outcome).decode


class DecisionIndex(Protocol):
    """Remembers which file holds what."""

    async def add(
        self, org: str, folder: str, key: str, upto: float, decisions: Sequence[str] = ()
    ) -> None:
        """Remember a file. `upto`: the time of its last row; `decisions`: which ones the outcomes
        in it are about, some of them long past."""
        ...


Work = Callable[[Callable[[list[bytes]], "list[File]"], list[bytes]], Awaitable["list[File]"]]
"""Runs a function elsewhere (a thread, another process), so that nobody waits for its CPU."""


class File(msgspec.Struct, frozen=True):
    """A file to be stored: its name below the organisation, and the time of its last row; of
    outcomes also the decisions that they are about."""

    name: str
    data: bytes
    upto: float
    decisions: list[str] = []


class Rows(Protocol):
    """A table in SQL that people look at."""

    async def add(self, org: str, rows: Sequence[Any], /) -> None:
        """Store rows; each may come again."""
        ...


AT_ONCE: Mapping[str, Callable[[bytes], Any]] = MappingProxyType(
    {
        "ticket": msgspec.msgpack.Decoder(Ticket).decode,
        "bot_rating": msgspec.msgpack.Decoder(BotRating).decode,
    }
)
"""Tables that wait for no file, and how a row is read."""


class Recorder:
    """Reads facts, keeps them for a while, writes them in files. Soft state: the facts at hand."""

    def __init__(
        self,
        stream: FactStream,
        objects: Objects,
        index: DecisionIndex,
        *,
        file_s: float,
        rows: Mapping[str, Rows] = MappingProxyType({}),
        work: Work = asyncio.to_thread,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._stream = stream
        self._objects = objects
        self._index = index
        self._file_s = file_s
        self._rows = rows
        self._work = work
        self._clock = clock
        self._held: list[Fact] = []
        self._bytes = 0
        self._due_at = 0.0

    async def run(self) -> None:
        """Record until cancelled. A store that does not answer is tried again for ever; meanwhile
        the facts stay where they are. When another reader has taken over, begin anew."""
        while True:
            raise_if_cancelled()
            try:
                await self.step()
            except ReaderReplacedError:
                self._held, self._bytes = [], 0
            except Exception as error:  # noqa: BLE001 - whatever a store does, go on
                log.warning("recorder.failed", error=repr(error), retry_s=RETRY_S)
                await asyncio.sleep(RETRY_S)

    async def step(self) -> None:
        """Read what there is; write files when it is time."""
        if self._bytes < FILE_BYTES:
            fresh = await self._stream.read(READ_N, self._wait_s())
            self._hold(fresh)
            await self._write_at_once(fresh)
        if self._held and (self._bytes >= FILE_BYTES or self._clock() >= self._due_at):
            await self.flush()

    async def flush(self) -> None:
        """Write everything at hand, then forget it."""
        held = self._held
        by_place: dict[tuple[str, str], list[Fact]] = {}
        for fact in held:
            by_place.setdefault((fact.table, fact.org), []).append(fact)
        for (table, org), facts in by_place.items():
            await self._write(table, org, facts)
        await self._stream.forget(held)
        self._held, self._bytes = [], 0

    def _hold(self, facts: list[Fact]) -> None:
        if facts and not self._held:
            self._due_at = self._clock() + self._file_s
        self._held += facts
        self._bytes += sum(len(fact.data) for fact in facts)

    def _wait_s(self) -> float:
        if not self._held:
            return WAIT_S
        return max(0.001, min(WAIT_S, self._due_at - self._clock()))

    async def _write_at_once(self, facts: list[Fact]) -> None:
        """People wait for these: now, and again with the next file (each may come twice)."""
        for table, org in {(fact.table, fact.org) for fact in facts if fact.table in AT_ONCE}:
            mine = [fact for fact in facts if (fact.table, fact.org) == (table, org)]
            await self._write(table, org, mine)

    async def _write(self, table: str, org: str, facts: list[Fact]) -> None:
        if table in self._rows:
            rows = readable(AT_ONCE[table], [fact.data for fact in facts])
            await self._rows[table].add(org, rows)
            return
        if table not in _TABLES:
            log.error("recorder.unknown_table", table=table, facts=len(facts))
            return
        folder, made_of = _TABLES[table]
        for file in await self._work(made_of, [fact.data for fact in facts]):
            key = f"{folder}/{org}/{file.name}.parquet"
            await self._objects.put(key, file.data)
            await self._index.add(org, folder, key, file.upto, file.decisions)
            log.info("recorder.wrote", key=key, bytes=len(file.data))


def readable(decode: Callable[[bytes], D], data: list[bytes]) -> list[D]:
    """Return what can be decoded. A fact of another version would fail for ever and hold up all
    behind it: it is left out, and the log is its place."""
    found: list[D] = []
    for one in data:
        try:
            found.append(decode(one))
        except msgspec.MsgspecError as error:
            log.error("recorder.unreadable", data=repr(one[:2000]), error=str(error))  # noqa: TRY400 - the trace says nothing
    return found


def decision_files(data: list[bytes]) -> list[File]:
    """Return the files of some rounds, one a day."""
    rows = [row for one in readable(_round, data) for row in rows_of(one)]
    return [
        File(f"{day}/{_span([row.id for row in of])}", encode(of, Decision), upto)
        for day, of, upto in _by_day(rows)
    ]


def outcome_files(data: list[bytes]) -> list[File]:
    """Return the files of some outcomes, one a day."""
    files = []
    for day, of, upto in _by_day(readable(_outcome, data)):
        about = sorted({row.decision for row in of}, key=int)
        name = f"{day}/{about[0]}-{about[-1]}-{int(upto * 1000)}"
        files.append(File(name, encode(of, Outcome), upto, about))
    return files


_TABLES: dict[str, tuple[str, Callable[[list[bytes]], list[File]]]] = {
    "round": (DECISIONS, decision_files),
    "outcome": (OUTCOMES, outcome_files),
}


def _by_day(rows: list[R]) -> list[tuple[str, list[R], float]]:
    """Return (date, its rows, the time of the last) of every day."""
    days: dict[str, list[R]] = {}
    for row in rows:
        day = datetime.fromtimestamp(row.at, UTC).date().isoformat()
        days.setdefault(day, []).append(row)
    return [(day, of, max(row.at for row in of)) for day, of in days.items()]


def _span(ids: list[str]) -> str:
    """The smallest and the largest id: what a reader looks for in a file's name."""
    numbers = [int(one) for one in ids]
    return f"{min(numbers)}-{max(numbers)}"


def span_of(key: str) -> tuple[int, int]:
    """Return the smallest and the largest decision id in a file, by its key."""
    first, last = key.rpartition("/")[2].removesuffix(".parquet").split("-")[:2]
    return int(first), int(last)
