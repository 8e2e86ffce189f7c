"""How a session begins: stories about `actors.session.opening` and `attempts`."""

from __future__ import annotations

import msgspec
import pytest

from actors.addresses import Address
from actors.config import BlacklistEntry
from actors.effects import Count, Forget, Journal, Tell
from actors.frames import Event, SessionFrame
from actors.messages import Customer, Enqueue, Transfer
from tests.support.machines import START, of
from tests.support.sessions import (
    ANN,
    BOT,
    CAROL,
    CONFIG,
    CUSTOMER,
    LAPTOP,
    ME,
    PHONE,
    Story,
    with_bot,
    with_queue,
)

BARRED = BlacklistEntry(kind="customer", value="carol")
BARRED_FROM_HUMANS = BlacklistEntry(kind="ip", value="10.0.0.0/24", scope="human")


def test_a_customer_is_queued_with_age_needs_and_vip_points() -> None:
    story = Story()
    effects = story.opens(needs={"french": 2}, subject="bill")
    (tell,) = of(effects, Tell)
    assert tell.to == Address("queue", "acme", "sales")
    (contact,) = [c.contact for c in story.told(Enqueue)]
    assert (contact.session, contact.episode, contact.arrived_at) == (ME.id, 1, START)
    assert (contact.needs, contact.subject, contact.priority_points) == ({"french": 2}, "bill", 5.0)
    assert (contact.purpose, contact.requeued, contact.customer) == ("serve", False, CAROL)
    assert story.events() == ["opened", "waiting"]
    assert Count("sessions_opened_total") in effects


def test_the_opening_device_gets_the_snapshot_and_all_frames() -> None:
    story = Story()
    story.opens()
    snapshot, *frames = story.received[PHONE]
    assert isinstance(snapshot, SessionFrame)
    assert (snapshot.state, snapshot.seq, snapshot.you) == ("waiting", 2, "customer")
    assert [f.kind for f in frames if isinstance(f, Event)] == ["opened", "waiting"]


def test_opening_twice_is_opening_once() -> None:
    story = Story()
    story.opens()
    assert story.opens() == []
    story.crash()
    again = story.opens()
    assert not of(again, Journal)
    assert not of(again, Tell)
    assert story.frames(PHONE, SessionFrame)[-1].seq == 2, "the device is let in again"


def test_the_session_of_another_customer_is_not_opened() -> None:
    story = Story()
    story.opens()
    story.opens(conn=LAPTOP, customer=Customer(id="mallory"))
    assert story.refusals(LAPTOP) == ["not_your_session"]


def test_the_wanted_queue_is_asked() -> None:
    story = Story()
    story.opens(queue="support")
    assert story.told(Enqueue)[0].contact.queue == "support"


def test_an_unknown_queue_ends_the_session_with_an_error() -> None:
    story = Story()
    story.opens(queue="moon")
    assert story.refusals(PHONE) == ["unknown_queue"]
    assert (story.state, story.machine.summary()["reason"]) == ("closed", "no_agent")
    assert of(story.effects, Forget) == [Forget("carol", ME.id)]


def test_a_barred_customer_is_turned_away() -> None:
    story = Story(msgspec.structs.replace(CONFIG, blacklist=[BARRED]))
    effects = story.opens()
    assert story.refusals(PHONE) == ["blacklisted"]
    assert story.events() == ["opened", "closed"]
    assert Count("sessions_closed_total", 1.0, "blacklisted") in effects
    assert not story.told(Enqueue)
    assert not story.machine.live()
    story.crash()
    story.opens()
    assert story.refusals(PHONE) == ["blacklisted", "blacklisted"]


def test_who_is_barred_from_humans_may_talk_to_the_bot_but_is_not_handed_off() -> None:
    story = with_bot(msgspec.structs.replace(CONFIG, blacklist=[BARRED_FROM_HUMANS]))
    assert story.state == "with bot"
    story.does(Transfer, BOT, queue="sales")
    assert story.refusals() == ["blacklisted"]
    assert story.state == "with bot"


def test_who_is_barred_from_humans_is_barred_from_a_human_queue() -> None:
    story = Story(msgspec.structs.replace(CONFIG, blacklist=[BARRED_FROM_HUMANS]))
    story.opens()
    assert story.machine.summary()["reason"] == "blacklisted"


def test_the_agent_of_a_moment_ago_is_waited_for() -> None:
    story = Story()
    story.opens(last_agent="ben", last_ended_at=START - 60)
    contact = story.told(Enqueue)[0].contact
    assert (contact.prefer, contact.prefer_until) == ("ben", START + 30)


@pytest.mark.parametrize("last_agent", ["", "nobody", "bot"])
def test_nobody_else_is_waited_for(last_agent: str) -> None:
    story = Story()
    story.opens(last_agent=last_agent, last_ended_at=START - 60)
    assert story.told(Enqueue)[0].contact.prefer == ""


def test_stickiness_can_be_off() -> None:
    story = Story(with_queue("sales", sticky_wait_s=0.0))
    story.opens(last_agent="ben", last_ended_at=START - 60)
    assert story.told(Enqueue)[0].contact.prefer == ""


def test_stickiness_waits_until_the_bot_hands_off() -> None:
    story = Story()
    story.opens(queue="front", last_agent="ben", last_ended_at=START - 60)
    assert story.told(Enqueue)[0].contact.prefer == ""
    story.assigned("bot")
    story.does(Transfer, BOT, queue="sales", note="wants a refund")
    contact = story.told(Enqueue)[-1].contact
    assert (contact.prefer, contact.arrived_at, contact.summary) == (
        "ben",
        START,
        "wants a refund",
    )
    assert (contact.purpose, contact.requeued) == ("serve", True)


def test_a_session_opened_without_a_device_waits_for_one() -> None:
    story = Story()
    story.opens(conn=None)
    assert story.machine.deadline() == START + 60
    story.attached(CUSTOMER)
    assert story.machine.deadline() is None
    assert ANN.id not in str(story.machine.summary())
