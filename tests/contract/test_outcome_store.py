"""Outcomes of questions in SQL: pieces merge in any order, also twice. SQLite and PostgreSQL."""

import itertools

import msgspec
import pytest
import sqlalchemy as sa

from actors.session.outcomes import BotRating
from bot.outcomes import QuestionOutcome, SessionOutcome
from infra.directory.audit import By
from infra.knowledge import forms as f
from infra.knowledge import tables as t
from infra.knowledge.outcomes import OutcomeStore, read_piece
from infra.knowledge.report import Window, read_report
from infra.knowledge.writer import KnowledgeWriter

pytest_plugins = ["tests.support.server_fixtures"]
DAY_S = 24 * 3600.0
ASKED = QuestionOutcome(
    org="demo",
    id="s1:4",
    at=1000.5,
    session="s1",
    base="faq",
    version=3,
    text="退款\0 refund",
    band="clarify",
    topic="refund",
    probability=0.0,
    suggestions=("refund", "ship"),
)
CLICKED = QuestionOutcome(org="demo", id="s1:4", clicked="ship")
RATED = QuestionOutcome(org="demo", id="s1:4", rating=2, handoff="asked")


def piece(outcome):
    return msgspec.json.encode(outcome)


async def rows(directory, table):
    async with directory.engine.connect() as connection:
        return (await connection.execute(sa.select(table))).mappings().all()


async def test_pieces_merge_in_any_order_and_twice(demo):
    store = OutcomeStore(demo.engine)
    for n, order in enumerate(itertools.permutations([ASKED, CLICKED, RATED])):
        named = [piece(msgspec.structs.replace(one, id=f"s{n}:4")) for one in order]
        for one in (named[:1], named, named[:2]):
            assert await store.write(one) == len(one)
    found = await rows(demo, t.BotQuestion)
    assert len(found) == 6
    for row in found:
        assert row["clicked"] == "ship"
        assert (row["rating"], row["handoff"], row["probability"]) == (2, "asked", 0.0)
        assert (row["at_ms"], row["published"], row["band"]) == (1000500, 3, "clarify")
        assert (row["text"], row["suggestions"]) == ("退款 refund", "refund\nship")


async def test_what_does_not_fit_costs_only_itself(demo):
    store = OutcomeStore(demo.engine)
    stranger = msgspec.structs.replace(ASKED, org="gone")
    huge = {"type": "session", "org": "demo", "id": "s2", "rating": 10**30, "at": 5, "other": 1}
    pieces = [b"\xff", b"{}", b'{"type": "x", "org": "demo", "id": "1"}', piece(stranger)]
    assert await store.write([*pieces, piece(ASKED), msgspec.json.encode(huge)]) == 2
    assert [row["id"] for row in await rows(demo, t.BotQuestion)] == ["s1:4"]
    [session] = await rows(demo, t.BotSession)
    assert (session["id"], session["rating"], session["at_ms"]) == ("s2", 2**31 - 1, 5000)


@pytest.mark.parametrize(
    "bad",
    [b"[]", b"null", b'{"type": "question", "org": "a", "id": "b", "at": "never"}', b'{"org": 1}'],
)
def test_a_piece_that_is_none_is_told_apart(bad):
    assert read_piece(bad) is None


def question(n, at):
    return piece(QuestionOutcome(org="demo", id=f"s1:{n}", session="s1", base="faq", at=at))


def rating(score, at, since=100.0, session="s1"):
    return BotRating(session=session, score=score, since=since, at=at)


async def scores(demo):
    [session] = await rows(demo, t.BotSession)
    return session["rating"], {one["id"]: one["rating"] for one in await rows(demo, t.BotQuestion)}


async def test_a_rating_is_of_the_last_question_before_it_whichever_comes_first(demo):
    store = OutcomeStore(demo.engine)
    await store.write([question(1, 110.0)])
    await store.add("demo", [rating(1, 130.0), rating(1, 130.0)])
    assert await scores(demo) == (1, {"s1:1": 1})
    await store.write([question(3, 140.0), question(2, 120.0)])  # 2 was on its way
    assert (await scores(demo))[1]["s1:2"] == 1
    assert (await scores(demo))[1]["s1:3"] == 0
    await store.add("demo", [rating(5, 150.0)])
    ended = SessionOutcome(org="demo", id="s1", at=100.0, base="faq", ended_at=200.0)
    await store.write([piece(ended)])
    assert await scores(demo) == (5, {"s1:1": 1, "s1:2": 1, "s1:3": 5})


async def test_a_rating_is_not_of_what_was_asked_before_the_bot_got_the_session_back(demo):
    store = OutcomeStore(demo.engine)
    await store.write([question(1, 110.0)])
    await store.add("demo", [rating(1, 300.0, since=200.0)])
    assert await scores(demo) == (1, {"s1:1": 0})


async def test_a_rating_in_an_organisation_that_is_gone_costs_only_itself(demo):
    store = OutcomeStore(demo.engine)
    await store.add("gone", [rating(1, 130.0)])
    await store.add("demo", [rating(2, 130.0)])
    assert await scores(demo) == (2, {})


async def test_what_is_older_than_its_base_keeps_is_forgotten(demo):
    async with demo.writing("demo", By(subject="ann", role="admin")) as writer:
        form = f.BaseForm(name="FAQ", settings=f.SettingsForm(keep_days=2))
        await KnowledgeWriter(writer).create_base("faq", form)
    now = 1_000 * DAY_S
    ages = {"faq": (1.9, 2.1), "gone": (2.1, 180.1)}
    store = OutcomeStore(demo.engine, clock=lambda: now)
    await store.write(
        [
            piece(QuestionOutcome(org="demo", id=f"{base}{age}", base=base, at=now - age * DAY_S))
            for base, pair in ages.items()
            for age in pair
        ]
    )
    assert await store.purge() == 2
    assert {row["id"] for row in await rows(demo, t.BotQuestion)} == {"faq1.9", "gone2.1"}
    assert await store.purge() == 0


async def test_a_report_counts_by_the_day_of_its_place(demo):
    store, noon = OutcomeStore(demo.engine), 20_000 * DAY_S + DAY_S / 2
    late = noon + 5 * 3600  # one o'clock of the next day in Shanghai
    questions = [
        QuestionOutcome(org="demo", id="q1", at=noon, base="faq", band="answer", topic="refund"),
        QuestionOutcome(org="demo", id="q2", at=late, base="faq", band="fallback", rating=1),
    ]
    sessions = [
        SessionOutcome(org="demo", id="s1", at=noon, base="faq", customer="c", ended_at=noon + 60),
        SessionOutcome(
            org="demo", id="s2", at=late, base="faq", customer="c", ended_at=late, human=True
        ),
        SessionOutcome(org="demo", id="s3", at=late, base="faq", handoff="asked"),
    ]
    await store.write([piece(one) for one in [*questions, *sessions]])
    window = Window(
        org="demo", from_at=noon - 1, until_at=late + 1, now=late + 2 * DAY_S, offset_minutes=480
    )
    report = await read_report(demo.engine, window)
    assert [(str(one.day), one.questions, one.sessions) for one in report.days] == [
        ("2024-10-04", 1, 1),
        ("2024-10-05", 1, 2),
    ]
    total = report.total
    assert (total.answered, total.fell_back, total.low_rated) == (1, 1, 1)
    assert (total.sessions, total.handed_off, total.decided, total.contained) == (3, 2, 2, 0)
    assert (total.answer_rate, total.containment) == (0.5, 0.0)
    assert [(one.reason, one.sessions) for one in report.handoffs] == [("asked", 1)]
    assert [(one.topic, one.shown, one.failed) for one in report.top_topics] == [("refund", 1, 0)]
    assert report.failing_topics == []
    other = await read_report(demo.engine, msgspec.structs.replace(window, org="other"))
    assert (other.days, other.total.questions, other.total.containment) == ([], 0, None)
