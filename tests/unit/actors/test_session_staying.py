"""Waiting for a queue while the present agent serves on: how a bot hands off."""

from __future__ import annotations

import msgspec

from actors.config import BlacklistEntry, OrgConfig
from actors.effects import Effect, Refuse
from actors.frames import Event, Position, SessionFrame
from actors.messages import (
    AgentLost,
    CancelTransfer,
    Detach,
    Enqueue,
    EnqueueRefused,
    LeaveQueue,
    OfferLapsed,
    PositionChanged,
    Rate,
    Release,
    SessionJoined,
)
from tests.support.machines import of
from tests.support.sessions import (
    BOT,
    BOT_PC,
    CONFIG,
    CUSTOMER,
    PHONE,
    Story,
    with_bot,
    with_queue,
)


def handing_off(config: OrgConfig = CONFIG) -> Story:
    story = with_bot(config)
    story.attached(CUSTOMER)
    story.transfers(BOT, queue="sales", note="[asked] refund", stay=True)
    return story


def reasons(story: Story, kind: str) -> list[str]:
    tracks = [*story.store.frames("main"), *story.store.frames("aside")]
    return [f.reason for f in tracks if isinstance(f, Event) and f.kind == kind]


def refusals(effects: list[Effect]) -> list[str]:
    return [one.code for one in of(effects, Refuse)]


def test_the_bot_serves_on_and_the_first_human_to_accept_takes_over() -> None:
    story = handing_off()
    contact = story.told(Enqueue)[-1].contact
    assert (contact.queue, contact.purpose, contact.hand_off) == ("sales", "transfer", True)
    assert (contact.summary, contact.exclude, story.state) == (
        "[asked] refund",
        ["bot"],
        "with bot",
    )
    story.says(BOT, "meanwhile")
    story.assigned("ann")
    assert story.told(SessionJoined)[-1].episode == contact.episode
    assert [one.agent for one in story.told(Release)] == ["bot"]
    assert story.machine.summary()["agent"] == "ann"
    assert story.machine.summary()["queue"] == "sales"


def test_the_place_in_line_is_shown_to_the_customer_and_to_the_bot() -> None:
    story = handing_off()
    story.send(PositionChanged(episode=story.episode, position=4, eta_s=60.0))
    for conn in (PHONE, BOT_PC):
        assert story.frames(conn)[-1] == Position(
            session="77", queue="sales", position=4, eta_s=60.0
        )
    story.attached(CUSTOMER)
    snapshot = [f for f in story.frames(PHONE) if isinstance(f, SessionFrame)][-1]
    assert (snapshot.position, snapshot.eta_s) == (4, 60.0)


def test_a_refusal_is_told_to_the_bot_and_nothing_else_changes() -> None:
    story = handing_off()
    story.send(EnqueueRefused(episode=story.episode, reason="nobody_on_duty"))
    assert reasons(story, "transfer_failed") == ["nobody_on_duty"]
    assert (story.state, story.machine.summary()["agent"]) == ("with bot", "bot")


def test_a_declined_offer_keeps_the_place() -> None:
    story = handing_off()
    story.send(OfferLapsed(episode=story.episode, offer="o1", outcome="declined"))
    assert reasons(story, "transfer_failed") == []
    story.assigned("ben")
    assert story.machine.summary()["agent"] == "ben"


def test_the_bot_may_take_it_back() -> None:
    story = handing_off()
    story.does(CancelTransfer, BOT)
    assert story.told(LeaveQueue)[-1].episode == story.episode
    assert story.state == "with bot"


def test_a_bot_that_dies_leaves_the_customer_in_the_human_queue_at_the_old_age() -> None:
    story = handing_off()
    before = story.told(Enqueue)[-1].contact
    seat = story.told(Enqueue)[0].contact.episode
    story.send(AgentLost(agent="bot", session="77", episode=seat))
    after = story.told(Enqueue)[-1].contact
    assert (story.state, after.queue, after.arrived_at) == ("waiting", "sales", before.arrived_at)


def test_who_waits_is_not_idle_but_may_abandon() -> None:
    config = with_queue("front", idle_warn_s=10, idle_close_s=10, abandon_after_s=30)
    story = handing_off(config)
    story.says(BOT, "one moment")
    assert story.machine.deadline() is None
    story.send(Detach(conn=PHONE))
    story.advance(31)
    assert reasons(story, "closed") == ["abandoned"]


def test_a_bot_may_be_rated_while_it_serves_and_a_person_only_afterwards() -> None:
    story = with_bot()
    story.does(Rate, CUSTOMER, score=1)
    assert "rated" in story.events()
    story.transfers(BOT, queue="sales", stay=True)
    story.assigned("ann")
    assert refusals(story.does(Rate, CUSTOMER, score=1)) == ["wrong_state"]


def test_a_barred_customer_stays_with_the_bot() -> None:
    bar = BlacklistEntry(kind="customer", value="carol", scope="human")
    story = with_bot(msgspec.structs.replace(CONFIG, blacklist=[bar]))
    assert refusals(story.transfers(BOT, queue="sales", stay=True)) == ["blacklisted"]
    assert story.state == "with bot"
