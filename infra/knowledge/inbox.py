"""The inbox of the learning loop: questions that the bot could not answer, or answered badly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from infra.directory.writer import Writer
from infra.knowledge import tables as t

LOW_RATING = 2
MAX_WAITING = 10_000
"""The newest questions that are looked at."""
HELD = "held"
"""The review of a question that was put aside, to examine new versions with."""

_Q = t.BotQuestion


def waits() -> ColumnElement[bool]:
    """Return what is in the inbox: nobody has reviewed it, and the bot had no answer, its
    suggestions were not taken, its answer was rated low, or a human used another topic."""
    unanswered = or_(_Q.band == "fallback", and_(_Q.band == "clarify", _Q.clicked == ""))
    low = and_(_Q.rating > 0, _Q.rating <= LOW_RATING)
    helped = and_(_Q.used != "", _Q.used != _Q.topic)
    return and_(_Q.review == "", _Q.text != "", or_(unanswered, low, helped))


_SHOWN = (
    _Q.id,
    _Q.at_ms,
    _Q.text,
    _Q.band,
    _Q.topic,
    _Q.probability,
    _Q.rating,
    _Q.handoff,
    _Q.used,
)


async def read_waiting(
    engine: AsyncEngine, org: str, base: str, limit: int = MAX_WAITING
) -> tuple[int, Sequence[Any]]:
    """Return how many questions wait, and of the newest of them what is shown: plain rows, because
    10,000 objects would take longer to make than chats should wait."""
    mine = (_Q.org == org, _Q.base == base, waits())
    async with AsyncSession(engine) as session:
        n = await session.scalar(select(func.count()).select_from(_Q).where(*mine))
        newest = select(*_SHOWN).where(*mine).order_by(_Q.at_ms.desc(), _Q.id).limit(limit)
        return int(n or 0), (await session.execute(newest)).all()


async def find_questions(
    session: AsyncSession, org: str, base: str, ids: Sequence[str]
) -> list[t.BotQuestion]:
    """Return those of these questions that wait, oldest first."""
    found: list[t.BotQuestion] = []
    for start in range(0, len(ids), 500):
        part = _Q.id.in_(ids[start : start + 500])
        wanted = select(_Q).where(_Q.org == org, _Q.base == base, _Q.review == "", part)
        found += await session.scalars(wanted)
    return sorted(found, key=lambda one: (one.at_ms, one.id))


async def mark(writer: Writer, rows: Sequence[t.BotQuestion], review: str, topic: str = "") -> None:
    """Note what was decided about questions."""
    values: dict[str, Any] = {
        "review": review,
        "review_topic": topic,
        "reviewer": writer.by.subject,
        "reviewed_at": writer.now,
    }
    ids = [one.id for one in rows]
    for start in range(0, len(ids), 500):
        these = (_Q.org == writer.org) & _Q.id.in_(ids[start : start + 500])
        await writer.session.execute(update(_Q).where(these).values(values))


async def read_held(engine: AsyncEngine, org: str, base: str) -> list[tuple[str, str]]:
    """Return the questions that were put aside, newest first: (text, topic or '' for a
    stranger)."""
    wanted = (
        select(_Q.text, _Q.review_topic)
        .where(_Q.org == org, _Q.base == base, _Q.review == HELD)
        .order_by(_Q.at_ms.desc(), _Q.id)
        .limit(MAX_WAITING)
    )
    async with AsyncSession(engine) as session:
        return [(text, topic) for text, topic in await session.execute(wanted)]
