"""The recorder: brings committed facts to the stores they belong in, beside the actors' processes.

    round    dispatch decided              -> rows of `decisions/`, Parquet
    outcome  what came of a decision       -> rows of `outcomes/`, Parquet

At least once: facts are forgotten only when the files that hold them are stored, so a recorder that
dies makes its successor write some rows again, under the same ids. Nothing here delays an actor.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Protocol, TypeVar

import msgspec
import structlog

from actors.ports import Fact, FactStream, Objects
from policies.decision_files import DECISIONS, OUTCOMES, encode
from policies.decisions import Decision, Outcome
from policies.rounds import Round, rows_of

FILE_BYTES = 4_000_000
"""Of facts, as committed: what a file holds at most, about."""
READ_N = 500
WAIT_S = 1.0
RETRY_S = 2.0

R = TypeVar("R", Decision, Outcome)

log = structlog.get_logger()
_round = msgspec.msgpack.Decoder(Round).decode
_outcome = msgspec.msgpack.Decoder(Outcome).decode


class DecisionIndex(Protocol):
    """Remembers which file holds what."""

    async def add(self, org: str, folder: str, key: str, upto: float) -> None:
        """Remember a file; `upto`: the time of its last row."""
        ...


class Recorder:
    """Reads facts, keeps them for a while, writes them in files. Soft state: the facts at hand."""

    def __init__(
        self,
        stream: FactStream,
        objects: Objects,
        index: DecisionIndex,
        *,
        file_s: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._stream = stream
        self._objects = objects
        self._index = index
        self._file_s = file_s
        self._clock = clock
        self._held: list[Fact] = []
        self._bytes = 0
        self._due_at = 0.0

    async def run(self) -> None:
        """Record until cancelled. A store that does not answer is tried again for ever; meanwhile
        the facts stay where they are."""
        while True:
            try:
                await self.step()
            except Exception as error:  # noqa: BLE001 - whatever a store does, go on
                log.warning("recorder.failed", error=repr(error), retry_s=RETRY_S)
                await asyncio.sleep(RETRY_S)

    async def step(self) -> None:
        """Read what there is; write files when it is time."""
        if self._bytes < FILE_BYTES:
            self._hold(await self._stream.read(READ_N, self._wait_s()))
        if self._held and (self._bytes >= FILE_BYTES or self._clock() >= self._due_at):
            await self.flush()

    async def flush(self) -> None:
        """Write everything at hand, then forget it."""
        held = self._held
        by_place: dict[tuple[str, str], list[Fact]] = {}
        for fact in held:
            by_place.setdefault((fact.table, fact.org), []).append(fact)
        for (table, org), facts in by_place.items():
            if table == "round":
                await self._write_decisions(org, facts)
            elif table == "outcome":
                await self._write_outcomes(org, facts)
            else:
                log.warning("recorder.unknown_table", table=table, facts=len(facts))
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

    async def _write_decisions(self, org: str, facts: list[Fact]) -> None:
        rows = [row for fact in facts for row in rows_of(_round(fact.data))]
        for day, of_day in _by_day(rows):
            data = await asyncio.to_thread(encode, of_day, Decision)
            ids = [row.id for row in of_day]
            upto = max(row.at for row in of_day)
            await self._store(org, DECISIONS, f"{day}/{_span(ids)}", data, upto)

    async def _write_outcomes(self, org: str, facts: list[Fact]) -> None:
        rows = [_outcome(fact.data) for fact in facts]
        for day, of_day in _by_day(rows):
            data = await asyncio.to_thread(encode, of_day, Outcome)
            upto = max(row.at for row in of_day)
            ids = [row.decision for row in of_day]
            name = f"{day}/{_span(ids)}-{int(upto * 1000)}"
            await self._store(org, OUTCOMES, name, data, upto)

    async def _store(self, org: str, folder: str, name: str, data: bytes, upto: float) -> None:
        key = f"{folder}/{org}/{name}.parquet"
        await self._objects.put(key, data)
        await self._index.add(org, folder, key, upto)
        log.info("recorder.wrote", key=key, bytes=len(data))


def _by_day(rows: Iterable[R]) -> Iterable[tuple[str, list[R]]]:
    days: dict[str, list[R]] = {}
    for row in rows:
        day = datetime.fromtimestamp(row.at, UTC).date().isoformat()
        days.setdefault(day, []).append(row)
    return days.items()


def _span(ids: list[str]) -> str:
    """The smallest and the largest id: what a reader looks for in a file's name."""
    numbers = [int(one) for one in ids]
    return f"{min(numbers)}-{max(numbers)}"


def span_of(key: str) -> tuple[int, int]:
    """Return the smallest and the largest decision id in a file, by its key."""
    first, last = key.rpartition("/")[2].removesuffix(".parquet").split("-")[:2]
    return int(first), int(last)
