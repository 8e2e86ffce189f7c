"""How well the bots do: rates, containment, hand-offs and topics, by day and base.

A session counts as contained when it ended without a human and its customer did not come back
within 24 hours, to a bot or to a person. While those hours last it is pending, and counts for
neither side.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    and_,
    case,
    cast,
    exists,
    func,
    literal_column,
    or_,
    select,
)
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlalchemy.orm import aliased

from infra.directory.declared_rows import Row
from infra.knowledge import tables as t

DAY_MS = 24 * 3600 * 1000
LOW_RATING = 2
TOPICS_N = 20


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """What a report is about: [from_at, until_at) in seconds since 1970, one base or ('') all.
    `offset_minutes` is where days begin, east of Greenwich; `now` decides what is pending."""

    org: str
    from_at: float
    until_at: float
    now: float
    base: str = ""
    offset_minutes: int = 0


class Figures(Row):
    """Counts of questions, then of sessions; rates are null where there is nothing to divide."""

    questions: int = 0
    answered: int = 0
    clarified: int = 0
    fell_back: int = 0
    clicked: int = 0
    low_rated: int = 0
    sessions: int = 0
    handed_off: int = 0
    contained: int = 0
    pending: int = 0
    decided: int = 0
    """Sessions that ended and are not pending."""
    answer_rate: float | None = None
    clarify_rate: float | None = None
    fallback_rate: float | None = None
    containment: float | None = None


class DayFigures(Figures):
    """The figures of one day and base."""

    day: dt.date
    base: str


class ReasonCount(Row):
    """Sessions that were handed off, by reason."""

    reason: str
    sessions: int


class TopicCount(Row):
    """A topic that was shown: how often, and how often it ended in a low rating or a hand-off."""

    base: str
    topic: str
    shown: int
    failed: int


class Report(Row):
    """The whole report."""

    total: Figures
    days: list[DayFigures]
    handoffs: list[ReasonCount]
    top_topics: list[TopicCount]
    failing_topics: list[TopicCount]


_Q, _S = t.BotQuestion, t.BotSession


async def read_report(engine: AsyncEngine, window: Window) -> Report:
    """Return the report of a window."""
    async with AsyncSession(engine) as session:
        counted: dict[tuple[int, str], dict[str, int]] = {}
        for wanted in (_questions_by_day(window), _sessions_by_day(window)):
            for row in (await session.execute(wanted)).mappings():
                figures = counted.setdefault((row["day"], row["base"]), {})
                figures |= {name: int(n or 0) for name, n in row.items() if name not in _KEY}
        reasons = (await session.execute(_handoffs(window))).all()
        top = (await session.execute(_topics(window, failing=False))).all()
        failing = (await session.execute(_topics(window, failing=True))).all()
    total: dict[str, int] = {}
    for figures in counted.values():
        for name, n in figures.items():
            total[name] = total.get(name, 0) + n
    return Report(
        total=Figures(**with_rates(total)),
        days=[
            DayFigures(day=_date(day), base=base, **with_rates(figures))
            for (day, base), figures in sorted(counted.items())
        ],
        handoffs=[ReasonCount(reason=reason, sessions=n) for reason, n in reasons],
        top_topics=[TopicCount(base=b, topic=o, shown=n, failed=m) for b, o, n, m in top],
        failing_topics=[TopicCount(base=b, topic=o, shown=n, failed=m) for b, o, n, m in failing],
    )


_KEY = ("day", "base")


def with_rates(counts: dict[str, int]) -> dict[str, Any]:
    """Return the counts with the rates that follow from them."""

    def rate(name: str, of: str) -> float | None:
        whole = counts.get(of, 0)
        return counts.get(name, 0) / whole if whole else None

    return {
        **counts,
        "answer_rate": rate("answered", "questions"),
        "clarify_rate": rate("clarified", "questions"),
        "fallback_rate": rate("fell_back", "questions"),
        "containment": rate("contained", "decided"),
    }


def _questions_by_day(window: Window) -> Any:
    day = _day(_Q, window)
    return (
        select(
            day.label("day"),
            _Q.base.label("base"),
            func.count().label("questions"),
            _count(_Q.band == "answer").label("answered"),
            _count(_Q.band == "clarify").label("clarified"),
            _count(_Q.band == "fallback").label("fell_back"),
            _count((_Q.band == "clarify") & (_Q.clicked != "")).label("clicked"),
            _count(_is_low()).label("low_rated"),
        )
        .where(*_within(_Q, window))
        .group_by(day, _Q.base)
    )


def _sessions_by_day(window: Window) -> Any:
    day, now_ms = _day(_S, window), int(window.now * 1000)
    later = aliased(_S)
    # The doors say who came back, if they live to; who came back to a bot stands here besides.
    to_a_bot = exists().where(
        later.org == _S.org,
        later.customer == _S.customer,
        later.id != _S.id,
        later.at_ms > _S.at_ms,
        later.at_ms <= _S.ended_ms + DAY_MS,
    )
    handed = or_(_S.human == 1, _S.handoff != "")
    ended = _S.ended_ms > 0
    alone = and_(ended, ~handed, _S.returned == 0, or_(_S.customer == "", ~to_a_bot))
    waits = _S.ended_ms + DAY_MS > now_ms
    return (
        select(
            day.label("day"),
            _S.base.label("base"),
            func.count().label("sessions"),
            _count(handed).label("handed_off"),
            _count(alone & ~waits).label("contained"),
            _count(alone & waits).label("pending"),
            _count(ended & ~(alone & waits)).label("decided"),
        )
        .where(*_within(_S, window))
        .group_by(day, _S.base)
    )


def _handoffs(window: Window) -> Any:
    n = func.count()
    return (
        select(_S.handoff, n)
        .where(*_within(_S, window), _S.handoff != "")
        .group_by(_S.handoff)
        .order_by(n.desc(), _S.handoff)
    )


def _topics(window: Window, *, failing: bool) -> Any:
    """What a customer saw: the suggestion that was taken, else the answer that was given."""
    topic = case((_Q.clicked != "", _Q.clicked), (_Q.band == "answer", _Q.topic), else_="").label(
        "shown_topic"
    )
    failed = or_(_is_low(), _Q.handoff != "")
    seen = select(_Q.base, topic, case((failed, 1), else_=0).label("failed"))
    rows = seen.where(*_within(_Q, window)).subquery()
    shown_n, failed_n = func.count(), func.sum(rows.c.failed)
    wanted = (
        select(rows.c.base, rows.c.shown_topic, shown_n, failed_n)
        .where(rows.c.shown_topic != "")
        .group_by(rows.c.base, rows.c.shown_topic)
    )
    if failing:
        wanted = wanted.having(failed_n > 0)
    first = failed_n if failing else shown_n
    return wanted.order_by(first.desc(), rows.c.base, rows.c.shown_topic).limit(TOPICS_N)


def _is_low() -> ColumnElement[bool]:
    return and_(_Q.rating > 0, _Q.rating <= LOW_RATING)


def _count(condition: Any) -> Any:
    return func.sum(case((condition, 1), else_=0))


def _day(table: Any, window: Window) -> Any:
    # In the text, not as parameters: PostgreSQL must see that what is grouped by is what is
    # selected. Both are whole numbers of ours.
    offset: Any = literal_column(str(window.offset_minutes * 60_000))
    length: Any = literal_column(str(DAY_MS))
    return (table.at_ms + cast(offset, BigInteger)) // cast(length, BigInteger)


def _within(table: Any, window: Window) -> list[ColumnElement[bool]]:
    start, end = int(window.from_at * 1000), int(window.until_at * 1000)
    found = [table.org == window.org, table.at_ms >= max(start, 1), table.at_ms < end]
    return [*found, table.base == window.base] if window.base else found


def _date(day: int) -> dt.date:
    return dt.date(1970, 1, 1) + dt.timedelta(days=int(day))
