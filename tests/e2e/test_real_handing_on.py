"""A session goes from queue to queue and to its very end: note, result code, survey."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from actors.frames import Detached, Event, Message, OfferOver, OpenOffer
from serve.client import CommandRefused
from tests.support.real import Real
from tests.support.shops import DESK, Shop, new_shop

pytest_plugins = ["tests.support.real"]
pytestmark = [pytest.mark.ray, pytest.mark.timeout(300)]


@pytest.fixture
async def shop(real: Real) -> AsyncIterator[Shop]:
    """Ann serves the desk, Bob the back office."""
    made = new_shop(real)
    await made.declare(
        groups={"front": "Front", "back": "Back"},
        queues={
            "desk": {**DESK, "groups": ["front"], "wrap_up_s": 60},
            "office": {**DESK, "groups": ["back"], "wrap_up_s": 60},
        },
        agents={
            "ann": {"name": "Ann", "groups": ["front"]},
            "bob": {"name": "Bob", "groups": ["back"]},
        },
    )
    yield made
    await made.close()


async def test_a_session_handed_to_a_queue_carries_note_and_history_to_its_end(
    shop: Shop,
) -> None:
    ann, ann_saw = await shop.agent("ann")
    bob, bob_saw = await shop.agent("bob")
    client, seen, session = await shop.served("c1", ann, ann_saw)
    await client.say("I want my money back")
    await ann.transfer(session, queue="office", note="a refund of 80")
    gone = await ann_saw.first(Detached, lambda one: one.session == session)
    assert gone.reason == "transferred"
    moved = await seen.first(Event, lambda event: event.kind == "transferred")
    assert moved.queue == "office"
    assert not moved.note, "notes are for staff"
    offer = await bob_saw.first(OpenOffer, lambda one: one.session == session)
    assert offer.summary == "a refund of 80"
    await bob.accept(offer.offer)
    await bob_saw.first(Message, lambda m: bool(m.body) and "money back" in m.body.text)
    await bob.end(session)
    await seen.first(Event, lambda event: event.kind == "wrap_up")
    await client.rate(4, "quick")
    rated = await bob_saw.first(Event, lambda event: event.kind == "rated")
    assert rated.score == 4
    await bob.wrap_up(session, "solved", "paid")
    closed = await seen.first(Event, lambda event: event.kind == "closed")
    assert closed.reason == "by_agent"
    result = await bob_saw.first(Event, lambda event: event.kind == "wrapped_up")
    assert (result.reason, result.note) == ("solved", "paid")


async def test_a_transfer_that_is_declined_or_cancelled_leaves_the_session_where_it_is(
    shop: Shop,
) -> None:
    ann, ann_saw = await shop.agent("ann")
    bob, bob_saw = await shop.agent("bob")
    client, seen, session = await shop.served("c1", ann, ann_saw)
    await ann.transfer(session, agent="bob", note="please")
    first = await bob_saw.first(OpenOffer)
    await bob.decline(first.offer)
    failed = await ann_saw.first(Event, lambda event: event.kind == "transfer_failed")
    assert failed.reason == "declined"
    await ann.transfer(session, agent="bob", warm=True)
    second = await bob_saw.first(OpenOffer, lambda one: one.purpose == "consult")
    await ann.cancel_transfer(session)
    over = await bob_saw.first(OfferOver, lambda one: one.offer == second.offer)
    assert over.outcome == "withdrawn"
    with pytest.raises(CommandRefused, match="offer_expired"):
        await bob.accept(second.offer)
    await ann.say(session, "it stays with me")
    await seen.first(Message, lambda m: bool(m.body) and "stays" in m.body.text)
    assert [event.agent for event in seen.all(Event) if event.kind == "assigned"] == ["ann"]
    await client.end()
    await ann.wrap_up(session)


async def test_an_unknown_colleague_or_queue_is_refused(shop: Shop) -> None:
    ann, ann_saw = await shop.agent("ann")
    client, _, session = await shop.served("c1", ann, ann_saw)
    with pytest.raises(CommandRefused, match="unknown_agent"):
        await ann.transfer(session, agent="nobody")
    with pytest.raises(CommandRefused, match="unknown_queue"):
        await ann.transfer(session, queue="nowhere")
    other, _ = await shop.customer("c2")
    with pytest.raises(CommandRefused, match="unknown_queue"):
        await other.start(queue="nowhere")
    await client.end()
    await ann.wrap_up(session)
