"""What came of a decision: stories about `actors.session.outcomes`."""

from __future__ import annotations

import msgspec
import pytest

from actors.effects import Effect, Record, Remember
from actors.messages import ContactOffered, FinishWrapUp, Rate, TakeOver
from actors.session.outcomes import BotRating
from policies.decisions import DAY_S, WEEK_S, Outcome
from tests.support.machines import START, of
from tests.support.sessions import (
    ANN,
    BOT,
    CONFIG,
    CUSTOMER,
    LEA,
    ME,
    Story,
    talking,
    with_bot,
)

MEANS = msgspec.structs.replace(CONFIG, solved_by={"done": True, "open": False})


def told(effects: list[Effect]) -> list[Outcome]:
    return [
        msgspec.msgpack.decode(one.data, type=Outcome)
        for one in of(effects, Record)
        if one.table == "outcome"
    ]


def ratings(effects: list[Effect]) -> list[BotRating]:
    return [
        msgspec.msgpack.decode(one.data, type=BotRating)
        for one in of(effects, Record)
        if one.table == "bot_rating"
    ]


def part(**fields: object) -> Outcome:
    defaults: dict[str, object] = {"decision": "o1", "session": ME.id, "at": START}
    return msgspec.convert(defaults | fields, Outcome)


@pytest.mark.parametrize(("disposition", "solved"), [("done", True), ("open", False), ("?", None)])
def test_the_organisation_says_which_result_codes_mean_solved(
    disposition: str, solved: bool | None
) -> None:
    story = talking(MEANS)
    story.ends(CUSTOMER)
    effects = story.does(FinishWrapUp, ANN, disposition=disposition)
    assert told(effects) == [part(disposition=disposition, solved=solved)]


def test_a_rating_is_the_serving_agents() -> None:
    story = talking()
    story.ends(CUSTOMER)
    assert told(story.does(Rate, CUSTOMER, score=4)) == [part(rating=4)]


def test_a_rating_of_a_bot_is_kept_for_whoever_looks_after_its_base() -> None:
    story = with_bot()
    story.advance(60.0)
    effects = story.does(Rate, CUSTOMER, score=2)
    story.ends(CUSTOMER)
    later = story.does(Rate, CUSTOMER, score=1)
    assert ratings(effects) == [BotRating(session=ME.id, score=2, since=START, at=START + 60.0)]
    assert [one.score for one in ratings(later)] == [1]


def test_a_rating_of_a_person_is_no_bots() -> None:
    story = talking()
    story.ends(CUSTOMER)
    assert ratings(story.does(Rate, CUSTOMER, score=1)) == []


def test_the_end_of_a_conversation_says_that_nobody_else_was_needed() -> None:
    assert told(talking().ends(CUSTOMER)) == [part(transfers_n=0, abandoned=False)]


def test_a_transfer_is_told_of_the_agent_who_handed_on() -> None:
    story = talking()
    assert told(story.transfers(queue="support")) == [part(transfers_n=1, abandoned=False)]
    story.assigned("ben")
    assert told(story.ends(CUSTOMER)) == [part(decision="o2", transfers_n=0, abandoned=False)]


def test_nothing_is_told_of_a_seat_that_no_decision_gave() -> None:
    story = talking()
    assert told(story.does(TakeOver, LEA)) == []
    assert told(story.ends(CUSTOMER)) == []


def test_a_customer_who_leaves_during_an_offer_abandons_it() -> None:
    story = Story()
    story.opens()
    story.send(ContactOffered(episode=1, offer="o1", agent="ann"))
    story.advance(12.5)
    effects = story.ends(CUSTOMER)
    assert told(effects) == [part(at=START + 12.5, wait_s=12.5, abandoned=True)]


def test_a_customer_who_leaves_before_any_offer_is_no_decisions() -> None:
    story = Story()
    story.opens()
    assert told(story.ends(CUSTOMER)) == []


@pytest.mark.parametrize(
    ("away_s", "day", "week"),
    [(1.0, True, True), (DAY_S, True, True), (DAY_S + 1, False, True), (WEEK_S + 1, False, False)],
)
def test_a_customer_who_comes_back_is_laid_to_the_decision_before(
    away_s: float, day: bool, week: bool
) -> None:
    effects = Story().opens(
        last_agent="ann", last_ended_at=START - away_s, last_session="70", last_decision="d70"
    )
    before = part(decision="d70", session="70", recontact_1d=day, recontact_7d=week)
    assert told(effects) == [before]


def test_a_repeated_opening_is_one_re_contact_and_a_first_one_none() -> None:
    story = Story()
    assert told(story.opens()) == []
    again = {"last_ended_at": START - 1, "last_session": "70", "last_decision": "d70"}
    assert told(story.opens(**again)) == []


def test_the_next_session_hears_of_the_last_persons_decision() -> None:
    story = with_bot()
    story.transfers(BOT, queue="sales")
    story.assigned("ann")
    story.transfers(queue="front")
    story.assigned("bot")
    (remembered,) = of(story.ends(CUSTOMER), Remember)
    assert (remembered.agent, remembered.decision) == ("ann", "o2")
