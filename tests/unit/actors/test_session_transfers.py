"""Handing a session on: stories about `actors.session.transfers`."""

from __future__ import annotations

import pytest

from actors.effects import Deliver, Journal
from actors.frames import Ack, Detached, Event
from actors.messages import (
    CancelTransfer,
    Command,
    CompleteTransfer,
    Enqueue,
    EnqueueRefused,
    LeaveQueue,
    LeaveSession,
    OfferLapsed,
    QueueTimedOut,
    Release,
    SessionJoined,
    SessionLeft,
    Transfer,
)
from tests.support.machines import START, of
from tests.support.sessions import (
    ANN,
    ANN_PC,
    BEN,
    BEN_PC,
    CUSTOMER,
    LEA,
    ME,
    PHONE,
    Story,
    talking,
)


def _consulting() -> Story:
    story = talking()
    story.does(Transfer, ANN, agent="ben", warm=True, note="knows bikes")
    story.assigned("ben")
    story.attached(BEN)
    return story


def test_cold_to_a_queue_lets_go_at_once_and_keeps_the_age() -> None:
    story = talking()
    story.ctx.now += 100
    story.transfers(queue="support", note="rude")
    contact = story.told(Enqueue)[-1].contact
    assert (contact.queue, contact.arrived_at, contact.exclude) == ("support", START, ["ann"])
    assert (contact.summary, contact.requeued) == ("rude", True)
    assert story.told(Release) == [Release(session=ME.id, episode=1, agent="ann")]
    assert story.told(SessionLeft) == [SessionLeft(session=ME.id, episode=1)]
    assert story.frames(ANN_PC)[-1] == Detached(session=ME.id, reason="transferred")
    assert story.state == "waiting"


def test_the_note_never_reaches_the_customer() -> None:
    story = talking()
    story.transfers(queue="support", note="rude")
    story.assigned("ben")
    assert not [event for event in story.frames(PHONE, Event) if event.note]


def test_a_repeated_transfer_gets_the_same_ack_and_no_second_effect() -> None:
    story = talking()
    story.does(Transfer, ANN, queue="support", client_id="t1")
    first = story.frames(ANN_PC, Ack)[-1]
    story.crash()
    again = story.does(Transfer, ANN, queue="support", client_id="t1")
    assert again == [Deliver((ANN_PC,), first)]
    story.does(Transfer, ANN, queue="sales", client_id="t1")
    assert story.refusals() == ["conflict"]


def test_cold_to_an_agent_keeps_the_session_until_accepted() -> None:
    story = talking()
    story.transfers(agent="ben", note="yours")
    contact = story.told(Enqueue)[-1].contact
    assert (contact.agent, contact.purpose, contact.queue) == ("ben", "transfer", "sales")
    story.says(ANN, "I connect you")
    assert story.state == "talking"
    story.assigned("ben")
    assert story.machine.summary()["agent"] == "ben"
    assert story.told(Release) == [Release(session=ME.id, episode=1, agent="ann")]
    assert story.events()[-2:] == ["transferred", "assigned"]
    story.says(ANN, "still there?")
    assert story.refusals(ANN_PC) == ["not_your_session"]


@pytest.mark.parametrize("outcome", ["declined", "missed", "failed"])
def test_a_colleagues_no_is_told_to_the_agent_who_goes_on(outcome: str) -> None:
    story = talking()
    story.transfers(agent="ben")
    story.send(OfferLapsed(episode=2, offer="o2", outcome=outcome))
    event = story.frames(ANN_PC, Event)[-1]
    assert (event.kind, event.reason, event.agent) == ("transfer_failed", outcome, "ben")
    assert story.told(LeaveQueue) == [LeaveQueue(session=ME.id, episode=2)]
    story.transfers(queue="support")
    assert story.state == "waiting"


@pytest.mark.parametrize(
    "word",
    [EnqueueRefused(episode=2, reason="queue_full"), QueueTimedOut(episode=2)],
)
def test_a_transfer_that_the_queue_ends_leaves_the_agent_serving(word: Command) -> None:
    story = talking()
    story.transfers(agent="ben")
    story.send(word)
    assert story.events("aside")[-1] == "transfer_failed"
    assert story.machine.summary()["agent"] == "ann"
    story.assigned("ben")
    assert story.machine.summary()["agent"] == "ann", "a late yes is refused"


def test_a_pending_transfer_can_be_cancelled() -> None:
    story = talking()
    story.transfers(agent="ben")
    story.does(CancelTransfer, ANN, client_id="k1")
    assert story.told(LeaveQueue) == [LeaveQueue(session=ME.id, episode=2)]
    story.crash()
    assert not of(story.does(CancelTransfer, ANN, client_id="k1"), Journal)
    assert story.refusals() == []


def test_warm_brings_a_consultant_whom_the_customer_does_not_see() -> None:
    story = _consulting()
    joined = story.told(SessionJoined)[-1]
    assert (joined.as_, joined.episode) == ("consulting", 2)
    assert story.machine.summary()["agent"] == "ann"
    assert "consulting" in story.events("aside")
    assert "consulting" not in [event.kind for event in story.frames(PHONE, Event)]


def test_completing_hands_the_session_over() -> None:
    story = _consulting()
    story.does(CompleteTransfer, ANN)
    assert story.machine.summary()["agent"] == "ben"
    assert story.machine.summary()["consulting"] == ""
    assert story.told(Release) == [Release(session=ME.id, episode=1, agent="ann")]
    assert story.told(SessionJoined)[-1].as_ == "serving"
    story.says(BEN, "hello, I am Ben")
    assert story.texts() == ["hello, I am Ben"]
    assert story.refusals() == []


def test_cancelling_sends_the_consultant_home() -> None:
    story = _consulting()
    story.does(CancelTransfer, ANN)
    assert story.told(Release) == [Release(session=ME.id, episode=2, agent="ben")]
    assert story.frames(BEN_PC)[-1] == Detached(session=ME.id, reason="cancelled")
    assert story.machine.summary()["agent"] == "ann"


def test_a_consultant_may_leave() -> None:
    story = _consulting()
    story.does(LeaveSession, BEN, client_id="l1")
    assert story.told(Release) == [Release(session=ME.id, episode=2, agent="ben")]
    story.crash()
    assert not of(story.does(LeaveSession, BEN, client_id="l1"), Journal)
    assert story.refusals() == []


def test_warm_to_a_queue_consults_whoever_takes_it() -> None:
    story = talking()
    story.transfers(queue="support", warm=True)
    contact = story.told(Enqueue)[-1].contact
    assert (contact.queue, contact.agent, contact.purpose) == ("support", "", "consult")
    story.send(OfferLapsed(episode=2, offer="o2", outcome="declined"))
    story.send(OfferLapsed(episode=2, offer="o2", outcome="declined"))
    assert story.events("aside") == ["transfer_asked"], "someone else is asked"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"agent": "nobody"}, "unknown_agent"),
        ({"agent": "ann"}, "unknown_agent"),
        ({"queue": "moon"}, "unknown_queue"),
        ({}, "bad_frame"),
        ({"agent": "ben", "queue": "support"}, "bad_frame"),
    ],
)
def test_a_transfer_to_nowhere_is_refused(fields: dict[str, str], code: str) -> None:
    story = talking()
    story.transfers(ANN, **fields)
    assert story.refusals() == [code]
    assert story.state == "talking"


def test_one_transfer_at_a_time() -> None:
    story = talking()
    story.transfers(agent="ben")
    story.transfers(queue="support")
    assert story.refusals() == ["wrong_state"]


@pytest.mark.parametrize("kind", [CompleteTransfer, CancelTransfer])
def test_there_must_be_something_to_complete_or_cancel(kind: type) -> None:
    story = talking()
    story.does(kind, ANN)
    assert story.refusals() == ["wrong_state"]


def test_only_the_serving_agent_may_hand_on() -> None:
    story = _consulting()
    story.transfers(CUSTOMER, queue="support")
    story.transfers(BEN, queue="support")
    story.transfers(LEA, queue="support")
    story.does(CancelTransfer, ANN)
    story.does(CompleteTransfer, BEN)
    assert story.refusals() == ["forbidden", "forbidden", "not_your_session", "not_your_session"]


def test_after_the_end_nothing_is_handed_on() -> None:
    story = talking()
    story.ends(CUSTOMER)
    story.transfers(queue="support")
    assert story.refusals() == ["session_closed"]
