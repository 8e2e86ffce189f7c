"""What leaders do: stories about `actors.session.supervision`."""

from __future__ import annotations

import pytest

from actors.effects import Journal
from actors.frames import Ack, Detached, Event, Message, SessionFrame
from actors.messages import (
    AgentLost,
    Join,
    LeaveQueue,
    LeaveSession,
    Release,
    SessionJoined,
    SessionLeft,
    TakeOver,
    Transfer,
)
from tests.support.machines import of
from tests.support.sessions import (
    ANN,
    ANN_PC,
    BEN_PC,
    CUSTOMER,
    LEA,
    LEA_PC,
    ME,
    PHONE,
    Story,
    talking,
    with_queue,
)


def test_a_watcher_is_unseen_and_may_whisper() -> None:
    story = talking()
    story.attached(LEA, watch=True)
    story.says(CUSTOMER, "I want my money back")
    story.says(LEA, "give it", aside=True)
    assert story.frames(LEA_PC, Message)[0].from_ == CUSTOMER
    assert story.frames(ANN_PC, Message)[-1].from_ == LEA
    assert "Lea" not in str(story.frames(PHONE))


def test_a_leader_joins_visibly_and_hears_everything() -> None:
    story = talking()
    story.does(Join, LEA)
    event = story.frames(PHONE, Event)[-1]
    assert (event.kind, event.agent) == ("joined", "lea")
    assert story.frames(LEA_PC, SessionFrame)[-1].you == "joined"
    assert story.frames(LEA_PC, Event)[-1].kind == "joined"


def test_joining_again_changes_nothing() -> None:
    story = talking()
    story.does(Join, LEA, client_id="j1")
    story.crash()
    assert not of(story.does(Join, LEA, client_id="j1"), Journal)
    assert not of(story.does(Join, LEA, client_id="j2"), Journal)
    assert {ack.client_id for ack in story.frames(LEA_PC, Ack)} == {"j1", "j2"}
    assert story.machine.summary()["joined"] == ["lea"]


def test_a_leader_leaves() -> None:
    story = talking()
    story.does(Join, LEA)
    story.does(LeaveSession, LEA, client_id="l1")
    assert story.events()[-1] == "left"
    assert story.frames(LEA_PC)[-1] == Detached(session=ME.id, reason="left")
    story.does(LeaveSession, LEA, client_id="l1")
    assert story.events().count("left") == 1
    assert story.refusals() == []


def test_a_watcher_leaves_without_a_trace() -> None:
    story = talking()
    story.attached(LEA, watch=True)
    assert not of(story.does(LeaveSession, LEA), Journal)
    assert story.frames(LEA_PC)[-1] == Detached(session=ME.id, reason="left")


def test_a_take_over_lets_the_agent_go_and_holds_no_units() -> None:
    story = talking()
    story.does(TakeOver, LEA)
    assert story.machine.summary()["agent"] == "lea"
    assert story.told(Release) == [Release(session=ME.id, episode=1, agent="ann")]
    assert story.told(SessionLeft) == [SessionLeft(session=ME.id, episode=1)]
    assert story.frames(ANN_PC)[-1] == Detached(session=ME.id, reason="taken_over")
    assert story.told(SessionJoined)[-1].as_ == "serving"
    assert story.frames(PHONE, Event)[-1].kind == "taken_over"
    story.says(LEA, "I am in charge")
    story.says(ANN, "hey!")
    assert story.refusals() == ["not_your_session"]
    story.ends(LEA)
    story.advance(60)
    assert len(story.told(Release)) == 1


def test_taking_over_twice_is_taking_over_once() -> None:
    story = talking()
    story.does(TakeOver, LEA, client_id="t1")
    story.crash()
    assert not of(story.does(TakeOver, LEA, client_id="t1"), Journal)
    assert not of(story.does(TakeOver, LEA, client_id="t2"), Journal)


def test_a_waiting_customer_can_be_taken_over() -> None:
    story = Story()
    story.opens()
    story.does(TakeOver, LEA)
    assert story.told(LeaveQueue) == [LeaveQueue(session=ME.id, episode=1)]
    assert story.state == "talking"
    story.assigned("ann")
    assert story.machine.summary()["agent"] == "lea", "a late yes is refused"


def test_a_joined_leader_who_takes_over_is_there_once() -> None:
    story = talking()
    story.does(Join, LEA)
    story.does(TakeOver, LEA)
    assert story.machine.summary()["joined"] == []
    assert story.frames(LEA_PC, Event)[-1].kind == "taken_over"


def test_a_take_over_sends_the_consultant_home() -> None:
    story = talking()
    story.does(Transfer, ANN, agent="ben", warm=True)
    story.assigned("ben")
    story.does(TakeOver, LEA)
    assert {release.agent for release in story.told(Release)} == {"ann", "ben"}
    assert BEN_PC not in story.received


def test_a_leader_lost_after_a_take_over_puts_the_customer_back() -> None:
    story = talking()
    story.does(TakeOver, LEA)
    episode = story.told(SessionJoined)[-1].episode
    story.send(AgentLost(agent="lea", session=ME.id, episode=episode))
    assert story.state == "waiting"
    assert len(story.told(Release)) == 1


@pytest.mark.parametrize("kind", [Join, TakeOver])
def test_only_leaders_lead(kind: type) -> None:
    story = talking()
    story.does(kind, ANN)
    story.does(kind, CUSTOMER)
    assert story.refusals() == ["forbidden", "forbidden"]


@pytest.mark.parametrize("kind", [Join, TakeOver])
def test_nobody_joins_after_the_end(kind: type) -> None:
    story = talking(with_queue("sales", wrap_up_s=0.0))
    story.ends(CUSTOMER)
    story.does(kind, LEA)
    assert story.refusals() == ["session_closed"]


def test_who_may_not_leave_is_told_what_to_do_instead() -> None:
    story = talking()
    story.does(LeaveSession, CUSTOMER)
    story.does(LeaveSession, ANN)
    story.transfers(queue="support")
    story.does(LeaveSession, ANN)
    assert story.refusals() == ["forbidden", "wrong_state", "not_your_session"]
