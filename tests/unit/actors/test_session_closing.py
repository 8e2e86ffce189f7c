"""How it ends: stories about `actors.session.closing`."""

from __future__ import annotations

import pytest

from actors.effects import Count, Deliver, Forget, Journal, Remember
from actors.frames import Ack, Detached, Event
from actors.messages import (
    EndSession,
    FinishWrapUp,
    LeaveQueue,
    Person,
    Rate,
    Release,
    SessionLeft,
    Transfer,
)
from tests.support.machines import START, of
from tests.support.sessions import (
    ANN,
    ANN_PC,
    BEN,
    CUSTOMER,
    LEA,
    ME,
    PHONE,
    Story,
    talking,
    with_bot,
    with_queue,
)


def test_the_customer_is_free_at_once_and_the_agent_wraps_up() -> None:
    story = talking()
    effects = story.ends(CUSTOMER)
    assert story.state == "wrap-up"
    assert of(effects, Forget) == [Forget("carol", ME.id)]
    assert of(effects, Remember) == [Remember("carol", "ann", START, "o1")]
    assert not story.told(Release), "the slot is held"
    event = story.frames(ANN_PC, Event)[-1]
    assert (event.kind, event.reason) == ("wrap_up", "by_customer")


def test_when_a_bot_served_alone_the_customer_index_hears_it_also_again() -> None:
    story = with_bot()
    ended_at = story.ctx.now
    assert of(story.ends(CUSTOMER), Forget) == [Forget("carol", ME.id, ended_at)]
    story.crash()
    story.ctx.now += 60.0
    assert of(story.attached(CUSTOMER), Forget) == [Forget("carol", ME.id, ended_at)]


def test_the_result_code_closes_the_session_and_frees_the_slot() -> None:
    story = talking()
    story.ends(ANN)
    effects = story.does(FinishWrapUp, ANN, disposition="solved", note="nice")
    assert story.state == "closed"
    assert story.told(Release) == [Release(session=ME.id, episode=1, agent="ann")]
    assert story.told(SessionLeft) == [SessionLeft(session=ME.id, episode=1)]
    assert story.events()[-2:] == ["wrap_up", "closed"]
    (wrapped,) = [f for f in story.store.frames("aside") if isinstance(f, Event)]
    assert (wrapped.reason, wrapped.note) == ("solved", "nice")
    assert Count("sessions_closed_total", 1.0, "by_agent") in effects
    assert story.frames(ANN_PC)[-1] == Detached(session=ME.id, reason="closed")
    assert not story.machine.live()
    assert "solved" not in str(story.frames(PHONE))


def test_wrap_up_ends_by_itself() -> None:
    story = talking()
    story.ends(CUSTOMER)
    story.crash()
    story.advance(59)
    assert story.state == "wrap-up"
    story.advance(1)
    assert story.state == "closed"
    assert len(story.told(Release)) == 1
    assert story.machine.deadline() is None


def test_a_late_result_code_is_kept_and_frees_nothing_twice() -> None:
    story = talking()
    story.ends(CUSTOMER)
    story.advance(61)
    story.crash()
    story.does(FinishWrapUp, ANN, disposition="solved")
    assert story.events("aside") == ["wrapped_up"]
    assert len(story.told(Release)) == 1


def test_without_wrap_up_the_session_closes_at_once() -> None:
    story = talking(with_queue("sales", wrap_up_s=0.0))
    story.ends(CUSTOMER)
    assert story.events()[-1] == "closed"
    assert len(story.told(Release)) == 1


def test_a_bot_has_no_wrap_up_and_is_not_remembered() -> None:
    story = with_bot()
    effects = story.ends(CUSTOMER)
    assert story.state == "closed"
    assert not of(effects, Remember)
    assert len(story.told(Release)) == 1


def test_leaving_while_waiting_is_abandoning() -> None:
    story = Story()
    story.opens()
    story.ends(CUSTOMER)
    assert story.machine.summary()["reason"] == "abandoned"
    assert story.told(LeaveQueue) == [LeaveQueue(session=ME.id, episode=1, abandoned=True)]


def test_a_leader_may_end_any_conversation() -> None:
    story = talking()
    story.ends(LEA)
    assert story.state == "wrap-up"
    assert story.frames(PHONE, Event)[-1].by == LEA


def test_strangers_and_consultants_may_not_end_it() -> None:
    story = talking()
    story.ends(BEN)
    story.does(Transfer, ANN, agent="ben", warm=True)
    story.assigned("ben")
    story.ends(BEN)
    assert story.refusals() == ["not_your_session", "forbidden"]


def test_ending_ends_the_consultation_and_the_pending_transfer_too() -> None:
    story = talking()
    story.does(Transfer, ANN, agent="ben", warm=True)
    story.assigned("ben")
    story.ends(CUSTOMER)
    assert story.told(Release) == [Release(session=ME.id, episode=2, agent="ben")]
    other = talking()
    other.does(Transfer, ANN, agent="ben")
    other.ends(CUSTOMER)
    assert other.told(LeaveQueue) == [LeaveQueue(session=ME.id, episode=2)]


@pytest.mark.parametrize("wait_s", [0, 61])
def test_ending_twice_is_ending_once(wait_s: float) -> None:
    story = talking()
    story.does(EndSession, CUSTOMER, client_id="e1")
    first = story.frames(PHONE, Ack)[-1]
    story.advance(wait_s)
    story.crash()
    assert story.does(EndSession, CUSTOMER, client_id="e1") == [Deliver((PHONE,), first)]
    story.does(EndSession, CUSTOMER, client_id="e2")
    assert story.refusals() == ["session_closed"]


@pytest.mark.parametrize("wait_s", [0, 61])
def test_the_customer_rates_after_the_end_and_the_last_counts(wait_s: float) -> None:
    story = talking()
    story.ends(CUSTOMER)
    story.advance(wait_s)
    story.crash()
    story.does(Rate, CUSTOMER, score=2, client_id="r1")
    story.does(Rate, CUSTOMER, score=5, comment="better", client_id="r2")
    story.crash()
    assert not of(story.does(Rate, CUSTOMER, score=2, client_id="r1"), Journal)
    story.does(Rate, CUSTOMER, score=3, client_id="r1")
    scores = [f.score for f in story.store.frames() if isinstance(f, Event) and f.score]
    assert scores == [2, 5]
    assert story.refusals() == ["conflict"]


def test_a_rating_is_the_customers_in_its_time_and_range() -> None:
    story = talking()
    story.does(Rate, CUSTOMER, score=5)
    story.ends(CUSTOMER)
    story.does(Rate, ANN, score=5)
    story.does(Rate, Person(id="mallory", role="customer"), score=1)
    story.does(Rate, CUSTOMER, score=6)
    assert story.refusals() == ["wrong_state", "forbidden", "not_your_session", "bad_frame"]


def test_a_result_code_is_the_agents_in_its_time() -> None:
    story = talking()
    story.does(FinishWrapUp, ANN)
    story.does(FinishWrapUp, BEN)
    story.does(FinishWrapUp, CUSTOMER)
    assert story.refusals() == ["wrong_state", "not_your_session", "not_your_session"]
