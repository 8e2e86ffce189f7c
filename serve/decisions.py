"""Decisions of live routing, found by id or newest first, wherever they are: not yet in a file, or
in one of the object store."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec

from actors.ports import Fact, Objects
from actors.recording import readable, span_of
from infra.decision_index import RedisDecisionIndex
from infra.ids import millis_of
from policies.decision_files import DECISIONS, OUTCOMES, decode
from policies.decisions import Decision, Outcome
from policies.joining import join
from policies.rounds import Round, rows_of

SLACK_S = 5.0
"""By how much the clocks of hosts may differ: an id is made a little before or after its row."""
FILES_N = 50
"""Files looked into for one decision or its outcome, at most."""
_round = msgspec.msgpack.Decoder(Round).decode
_outcome = msgspec.msgpack.Decoder(Outcome).decode


class DecisionReader:
    """Finds decisions without a scan: an id says its time, the index the file of that time."""

    def __init__(self, objects: Objects, index: RedisDecisionIndex) -> None:
        self._objects = objects
        self._index = index

    async def find(self, org: str, decision: str) -> Decision | None:
        """Return a decision with what is known of its outcome, None if there is none."""
        if not (decision.isascii() and decision.isdigit() and len(decision) < 20):
            return None
        # An id stands in a fact as it is: nothing else need be decoded.
        named = [one for one in await self._index.pending(org) if decision.encode() in one.data]
        row = _first(_rows(named), decision) or await self._filed(org, decision)
        if row is None:
            return None
        named += await self._index.pending(org, row.contact.session)
        told = [one for one in _outcomes(named) if one.decision == decision]
        return join([row], [*told, *await self._filed_outcomes(org, decision)])[0]

    async def recent(self, org: str, limit: int, session: str = "") -> list[Decision]:
        """Return the newest decisions (about a session), newest first."""
        pending = await self._index.pending(org)
        about = [one for one in pending if session.encode() in one.data]
        rows, outcomes = await asyncio.to_thread(_newest, about, limit, session)
        for key in await self._index.newest(org, DECISIONS, FILES_N):
            if len(_about(rows, session)) >= limit:
                break
            rows |= {row.id: row for row in await self._read(key)}
        newest = sorted(_about(rows, session), key=lambda row: (row.at, int(row.id)), reverse=True)[
            :limit
        ]
        return join(newest, outcomes)

    async def _filed(self, org: str, decision: str) -> Decision | None:
        at = millis_of(decision) / 1000
        indexed = await self._index.files(org, DECISIONS, at - SLACK_S, FILES_N)
        row = await self._in(indexed, decision)
        if row is not None:
            return row
        day = datetime.fromtimestamp(at, UTC).date().isoformat()
        return await self._in(await self._of_day(f"{DECISIONS}/{org}/{day}/"), decision)

    async def _in(self, keys: Iterable[str], decision: str) -> Decision | None:
        for key in keys:
            first, last = span_of(key)
            if first <= int(decision) <= last:
                row = _first(await self._read(key), decision)
                if row is not None:
                    return row
        return None

    async def _of_day(self, prefix: str) -> list[str]:
        """Every file of a day: the index has forgotten it."""
        keys: list[str] = []
        while True:
            page = await self._objects.keys(prefix, after=keys[-1] if keys else "")
            keys += page
            if len(page) < 1000:
                return keys

    async def _filed_outcomes(self, org: str, decision: str) -> list[Outcome]:
        since = millis_of(decision) / 1000 - SLACK_S
        soon = await self._index.files(org, OUTCOMES, since, FILES_N)
        found: list[Outcome] = []
        for key in dict.fromkeys([*soon, *await self._index.late(org, decision)]):
            first, last = span_of(key)
            if first <= int(decision) <= last:
                data = await self._objects.get(key) or b""
                rows = await asyncio.to_thread(decode, data, Outcome, key) if data else []
                found += [row for row in rows if row.decision == decision]
        return found

    async def _read(self, key: str) -> list[Decision]:
        data = await self._objects.get(key)
        return [] if data is None else await asyncio.to_thread(decode, data, Decision, key)


def _newest(
    facts: list[Fact], limit: int, session: str
) -> tuple[dict[str, Decision], list[Outcome]]:
    """Return the rows of the newest rounds, `limit` or a few more of the session, and all
    outcomes."""
    rows: dict[str, Decision] = {}
    for fact in facts:
        if len(_about(rows, session)) >= limit:
            break
        rows |= {row.id: row for row in _rows([fact])}
    return rows, _outcomes(facts)


def _about(rows: dict[str, Decision], session: str) -> list[Decision]:
    return [row for row in rows.values() if session in ("", row.contact.session)]


def _rows(facts: Iterable[Fact]) -> list[Decision]:
    rounds = readable(_round, [fact.data for fact in facts if fact.table == "round"])
    return [row for one in rounds for row in rows_of(one)]


def _outcomes(facts: Iterable[Fact]) -> list[Outcome]:
    return readable(_outcome, [fact.data for fact in facts if fact.table == "outcome"])


def _first(rows: Iterable[Decision], decision: str) -> Decision | None:
    return next((row for row in rows if row.id == decision), None)
