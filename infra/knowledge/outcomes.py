"""What became of questions, in SQL: pieces of one id are merged, so that each may come twice.

A customer's rating comes from the session, perhaps long after its end and perhaps before the
question that it is about: whichever comes second brings them together.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
import structlog
from sqlalchemy import delete, func, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from actors.session.outcomes import BotRating
from infra.knowledge import tables as t

KEEP_DAYS = 180
"""How long outcomes are kept whose base is gone."""
DAY_MS = 24 * 3600 * 1000
MAX_TEXT = 2_000

log = structlog.get_logger()
_INSTANTS = ("at", "ended_at")
_RENAMED = {"version": "published", "at": "at_ms", "ended_at": "ended_ms"}
_OWN = ("org", "id")


class _Piece(msgspec.Struct, frozen=True, kw_only=True):
    """What every piece has."""

    type: str
    org: str
    id: str


class OutcomeStore:
    """Writes outcomes in batches, and forgets old ones."""

    def __init__(self, engine: AsyncEngine, clock: Callable[[], float] = time.time) -> None:
        self._engine = engine
        self._clock = clock

    async def write(self, pieces: Sequence[bytes]) -> int:
        """Merge the pieces (JSON, see `bot.outcomes`) into their rows; return how many fitted.

        A piece that does not fit (unreadable, an organisation that is gone) costs only itself.
        """
        rows = [row for row in map(read_piece, pieces) if row is not None]
        try:
            await self._merge(rows)
        except IntegrityError:
            return sum([await self._merge_one(row) for row in rows])
        return len(rows)

    async def add(self, org: str, ratings: Sequence[BotRating]) -> None:
        """Store ratings, each also with the last question before it (implements
        `actors.recording.Rows`)."""
        for one in ratings:
            told = {
                "org": org,
                "id": one.session,
                "rating": one.score,
                "since_ms": int(one.since * 1000),
                "rated_ms": int(one.at * 1000),
            }
            await self._merge_one((t.BotSession, {**DEFAULTS[t.BotSession], **told}))

    async def purge(self) -> int:
        """Remove what is older than its base keeps; return how many questions went."""
        now_ms, gone = int(self._clock() * 1000), 0
        bases = t.KnowledgeBase
        async with AsyncSession(self._engine) as session, session.begin():
            kept = select(bases.org, bases.id, bases.settings)
            days = {
                (org, base): settings.get("keep_days", KEEP_DAYS)
                for org, base, settings in await session.execute(kept)
            }
            for table in (t.BotQuestion, t.BotSession):
                known = select(table.org, table.base).distinct()
                for org, base in (await session.execute(known)).all():
                    before = now_ms - days.get((org, base), KEEP_DAYS) * DAY_MS
                    old = (table.org == org) & (table.base == base) & (table.at_ms < before)
                    done = await session.execute(delete(table).where(old))
                    gone += done.rowcount if table is t.BotQuestion else 0  # type: ignore[attr-defined]  # of a DELETE
        return gone

    async def _merge_one(self, row: tuple[Any, dict[str, Any]]) -> bool:
        try:
            await self._merge([row])
        except IntegrityError as error:
            log.warning("outcome.dropped", id=row[1]["id"], error=str(error.orig))
            return False
        return True

    async def _merge(self, rows: Sequence[tuple[Any, dict[str, Any]]]) -> None:
        async with AsyncSession(self._engine) as session, session.begin():
            for table in (t.BotQuestion, t.BotSession):
                # In one order everywhere: two writers that lock the same rows must not wait for
                # each other.
                mine = sorted((row for of, row in rows if of is table), key=_key)
                if mine:
                    await session.execute(self._upsert(table), mine)
            await _rate_questions(session, rows)

    def _upsert(self, table: Any) -> Any:
        dialect: Any = postgresql if self._engine.dialect.name == "postgresql" else sqlite
        statement = dialect.insert(table)
        merged = {
            column.name: _known(statement.excluded[column.name], column)
            for column in table.__table__.columns
            if column.name not in _OWN and column.name in DEFAULTS[table]
        }
        return statement.on_conflict_do_update(index_elements=list(_OWN), set_=merged)


async def _rate_questions(
    session: AsyncSession, rows: Sequence[tuple[Any, dict[str, Any]]]
) -> None:
    """Bring ratings to the questions that they are about, where one of both has just come."""
    of, q = t.BotSession, t.BotQuestion
    asked = {(row["org"], row["session"]) for table, row in rows if table is q and row["session"]}
    rated = {(row["org"], row["id"]) for table, row in rows if table is of and row["rating"]}
    touched = sorted(asked | rated)
    if not touched:
        return
    known = select(of.org, of.id, of.rating, of.since_ms, of.rated_ms)
    known = known.where(tuple_(of.org, of.id).in_(touched), of.rated_ms > 0)
    for org, number, rating, since_ms, rated_ms in (await session.execute(known)).all():
        about = select(q.id).where(q.org == org, q.session == number)
        about = about.where(q.at_ms.between(since_ms, rated_ms)).order_by(q.at_ms.desc()).limit(1)
        last = (q.org == org) & (q.id == about.scalar_subquery())
        await session.execute(update(q).where(last).values(rating=rating))


def _key(row: Mapping[str, Any]) -> tuple[str, str]:
    return row["org"], row["id"]


def _known(new: Any, old: Any) -> Any:
    """What the piece says; what was there where it says nothing."""
    if old.nullable:
        return func.coalesce(new, old)
    nothing = "" if isinstance(old.type.python_type(), str) else 0
    return func.coalesce(func.nullif(new, nothing), old)


def _defaults(table: Any, *not_told: str) -> dict[str, Any]:
    return {
        column.name: None if column.nullable else column.type.python_type()
        for column in table.__table__.columns
        if column.name not in (*_OWN, *not_told)
    }


DEFAULTS: Mapping[Any, dict[str, Any]] = {
    t.BotQuestion: _defaults(t.BotQuestion, "review", "review_topic", "reviewer", "reviewed_at"),
    t.BotSession: _defaults(t.BotSession),
}


def read_piece(data: bytes) -> tuple[Any, dict[str, Any]] | None:
    """Return a piece as (table, columns); None for what is none."""
    try:
        head = msgspec.json.decode(data, type=_Piece)
        told: dict[str, Any] = msgspec.json.decode(data)
        table: Any = {"question": t.BotQuestion, "session": t.BotSession}[head.type]
        row = {"org": head.org, "id": head.id, **DEFAULTS[table], **_columns(told, table)}
    except (msgspec.MsgspecError, KeyError, TypeError, ValueError) as error:
        log.warning("outcome.unreadable", error=str(error))
        return None
    return table, row


def _columns(told: Mapping[str, Any], table: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in told.items():
        column = _RENAMED.get(name, name)
        if name in _INSTANTS:
            found[column] = _whole(float(value) * 1000, 2**53)
        elif name == "suggestions":
            found[column] = "\n".join(value)
        elif column in DEFAULTS[table] and value is not None:
            found[column] = _fitting(table.__table__.columns[column].type, value)
    return found


def _fitting(type_: Any, value: Any) -> Any:
    match type_.python_type():
        case str():
            return str(value).replace("\0", "")[: type_.length or MAX_TEXT]
        case int():
            return _whole(value, 2**31 - 1)
        case _:
            return float(value)


def _whole(value: float, most: int) -> int:
    return min(max(int(value), 0), most)
