"""The report's SQL says what a slow reading of the same rows says."""

import asyncio
from collections import Counter

import msgspec
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import StaticPool

from bot.outcomes import QuestionOutcome, SessionOutcome
from infra.directory.tables import Base, Organisation
from infra.knowledge import tables as t
from infra.knowledge.outcomes import OutcomeStore
from infra.knowledge.report import Window, read_report

DAY_S = 24 * 3600
NOW = 103 * DAY_S
ORG = {
    "id": "o",
    "version": 1,
    "name": "O",
    "entry_queue": "q",
    "grace_s": 1.0,
    "origins": [],
    "vip_points": {},
}
HOURS = st.integers(97 * 24, 103 * 24 - 1).map(lambda hours: hours * 3600.0)
BASES = st.sampled_from(["a", "b"])
TOPICS = st.sampled_from(["", "t1", "t2", "t3"])
REASONS = st.sampled_from(["", "", "asked", "misses"])

questions = st.builds(
    QuestionOutcome,
    org=st.just("o"),
    id=st.uuids().map(str),
    at=HOURS,
    base=BASES,
    band=st.sampled_from(["answer", "clarify", "fallback"]),
    topic=TOPICS,
    clicked=TOPICS,
    rating=st.integers(0, 5),
    handoff=REASONS,
)


@st.composite
def sessions(draw):
    at = draw(HOURS)
    ended = draw(st.sampled_from([0.0, at, at + 3600.0, at + 30 * 3600.0]))
    return SessionOutcome(
        org="o",
        id=str(draw(st.uuids())),
        at=at,
        base=draw(BASES),
        customer=draw(st.sampled_from(["", "c", "d"])),
        ended_at=min(ended, float(NOW)),
        human=draw(st.booleans()),
        handoff=draw(REASONS),
        returned=draw(st.booleans()),
    )


class Database:
    """One SQLite in memory, emptied for each example."""

    def __init__(self):
        self.runner = asyncio.Runner()
        self.engine = create_async_engine("sqlite+aiosqlite://", poolclass=StaticPool)
        self.runner.run(self._make())

    async def _make(self):
        async with self.engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
            await connection.execute(sa.insert(Organisation).values(**ORG))

    async def report(self, outcomes, window):
        async with self.engine.begin() as connection:
            for table in (t.BotQuestion, t.BotSession):
                await connection.execute(sa.delete(table))
        await OutcomeStore(self.engine).write([msgspec.json.encode(one) for one in outcomes])
        return await read_report(self.engine, window)

    def close(self):
        self.runner.run(self.engine.dispose())
        self.runner.close()


@pytest.fixture(scope="module")
def database():
    found = Database()
    yield found
    found.close()


def is_contained(session, everybody):
    """Return True or False, None while it is not decided."""
    if not session.ended_at:
        return None
    if session.human or session.handoff or session.returned:
        return False
    for other in everybody:
        same = other.customer and other.customer == session.customer and other.id != session.id
        if same and session.at < other.at <= session.ended_at + DAY_S:
            return False
    return True if session.ended_at + DAY_S <= NOW else None


def oracle(asked, talks, window):
    """The report, read slowly: counts by (day, base), reasons, and topics."""
    days: dict = {}

    def note(one, *names):
        day = int((one.at + window.offset_minutes * 60) // DAY_S)
        days.setdefault((day, one.base), Counter()).update(names)

    def inside(one):
        return window.from_at <= one.at < window.until_at and window.base in ("", one.base)

    reasons, shown, failed = Counter(), Counter(), Counter()
    for one in filter(inside, asked):
        low = 1 <= one.rating <= 2
        note(one, "questions")
        note(one, {"answer": "answered", "clarify": "clarified"}.get(one.band, "fell_back"))
        if one.band == "clarify" and one.clicked:
            note(one, "clicked")
        if low:
            note(one, "low_rated")
        topic = one.clicked or (one.topic if one.band == "answer" else "")
        if topic:
            shown[one.base, topic] += 1
            failed[one.base, topic] += low or bool(one.handoff)
    for one in filter(inside, talks):
        note(one, "sessions")
        contained = is_contained(one, talks)
        if one.human or one.handoff:
            note(one, "handed_off")
        if one.handoff:
            reasons[one.handoff] += 1
        if contained is not None:
            note(one, "decided", *(["contained"] if contained else []))
        elif one.ended_at:
            note(one, "pending")
    return days, reasons, shown, failed


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    asked=st.lists(questions, max_size=25),
    talks=st.lists(sessions(), max_size=25),
    base=st.sampled_from(["", "a"]),
    offset=st.sampled_from([0, 480, -210]),
)
def test_the_report_is_what_a_slow_reading_says(database, asked, talks, base, offset):
    window = Window(
        org="o",
        from_at=98.0 * DAY_S,
        until_at=102.5 * DAY_S,
        now=float(NOW),
        base=base,
        offset_minutes=offset,
    )
    report = database.runner.run(database.report([*asked, *talks], window))
    days, reasons, shown, failed = oracle(asked, talks, window)
    names = [
        name for name, field in type(report.total).model_fields.items() if field.annotation is int
    ]
    found = {
        ((one.day.toordinal() - 719_163), one.base): {
            name: getattr(one, name) for name in names if getattr(one, name)
        }
        for one in report.days
    }
    assert found == {key: dict(counts) for key, counts in days.items()}
    total = sum(days.values(), Counter())
    assert {name: getattr(report.total, name) for name in names} == {n: total[n] for n in names}
    if total["decided"]:
        assert report.total.containment == total["contained"] / total["decided"]
    assert {one.reason: one.sessions for one in report.handoffs} == dict(reasons)
    tops = {(one.base, one.topic): (one.shown, one.failed) for one in report.top_topics}
    assert tops == {key: (shown[key], failed[key]) for key in shown}
    worst = [(-one.failed, one.base, one.topic) for one in report.failing_topics]
    assert worst == sorted((-n, *key) for key, n in failed.items() if n)
