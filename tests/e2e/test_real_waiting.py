"""Who waits, who is preferred, who is turned away: routing through the real doors."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from actors.frames import AgentFrame, Error, Event, Message, OfferOver, OpenOffer, Position
from serve.client import CommandRefused, Disconnected
from tests.support.real import Real
from tests.support.shops import DESK, Shop, new_shop

pytest_plugins = ["tests.support.real"]
pytestmark = [pytest.mark.ray, pytest.mark.timeout(300)]

TWO = {"ann": {"name": "Ann", "capacity": 1}, "bob": {"name": "Bob", "capacity": 1}}


@pytest.fixture
async def shop(real: Real) -> AsyncIterator[Shop]:
    made = new_shop(real)
    yield made
    await made.close()


async def test_position_and_estimate_follow_the_order_in_which_people_are_served(
    shop: Shop,
) -> None:
    """R4, with a VIP who comes last and is served first."""
    await shop.declare(
        queues={"desk": {**DESK, "accept": "auto"}}, agents=TWO, vip_points={"3": 10}
    )
    ann, ann_saw = await shop.agent("ann")
    first, _, session = await shop.served("c0", ann, ann_saw)
    plain, plain_saw = await shop.customer("plain")
    await plain.start()
    await plain_saw.first(Position, lambda place: place.position == 1)
    vips = []
    for number in range(2):
        vip, vip_saw = await shop.customer(f"vip{number}", vip=3)
        await vip.start()
        await vip_saw.first(Position, lambda place, n=number: place.position == n + 1)  # type: ignore[misc]
        vips.append((vip, vip_saw))
    behind = await plain_saw.first(Position, lambda place: place.position == 3)
    assert behind.queue == "desk"
    await first.end()
    for vip, vip_saw in vips:
        await vip_saw.first(Event, lambda event: event.kind == "assigned")
        assert not [event for event in plain_saw.all(Event) if event.kind == "assigned"]
        if vip is vips[-1][0]:
            # Two were taken while this one waited: the pace of the line is known by now.
            await plain_saw.first(Position, lambda place: place.position == 1 and place.eta_s >= 0)
        await vip.end()
    await plain_saw.first(Event, lambda event: event.kind == "assigned")
    assert session


async def test_a_full_queue_says_so(shop: Shop) -> None:
    """A fifth of the limit of five is kept for transfers."""
    await shop.declare(queues={"desk": {**DESK, "limit": 5}}, agents=TWO)
    for number in range(4):
        client, seen = await shop.customer(f"c{number}")
        await client.start()
        await seen.first(Position)
    late, late_saw = await shop.customer("late")
    await late.start()
    error = await late_saw.first(Error)
    assert error.code == "queue_full"
    closed = await late_saw.first(Event, lambda event: event.kind == "closed")
    assert closed.reason == "no_agent"


async def test_a_barred_customer_is_turned_away_at_the_door_and_by_the_bot(shop: Shop) -> None:
    """One is barred from everything, the other from people only."""
    await shop.declare(
        groups={"bots": "Bots", "people": "People"},
        queues={
            "desk": {**DESK, "groups": ["people"], "accept": "auto"},
            "hall": {**DESK, "kind": "bot", "groups": ["bots"], "accept": "auto"},
        },
        entry_queue="hall",
        agents={
            "robot": {"name": "Robot", "kind": "bot", "groups": ["bots"], "capacity": 50},
            "ann": {"name": "Ann", "groups": ["people"]},
        },
        blacklist=[
            {"kind": "customer", "value": "rude"},
            {"kind": "customer", "value": "spam", "scope": "human"},
        ],
    )
    _, ann_saw = await shop.agent("ann")
    rude, rude_saw = await shop.customer("rude")
    with pytest.raises(CommandRefused, match="blacklisted"):
        await rude.start()
    spam, spam_saw = await shop.customer("spam")
    await spam.start()
    await spam_saw.first(Event, lambda event: event.agent == "robot")
    asked = await spam.say("转人工")
    await spam_saw.first(Message, lambda said: said.seq > asked.seq and said.from_.id == "robot")
    await spam.end()
    with pytest.raises(CommandRefused, match="blacklisted"):
        await spam.start(queue="desk")
    assert not ann_saw.all(OpenOffer)
    assert not [event for event in rude_saw.all(Event) if event.kind == "assigned"]


async def test_a_missed_offer_costs_the_agent_the_status_and_goes_to_somebody_else(
    shop: Shop,
) -> None:
    await shop.declare(queues={"desk": {**DESK, "offer_timeout_s": 1}}, agents=TWO)
    ann, ann_saw = await shop.agent("ann")
    client, seen = await shop.customer("c1")
    session = (await client.start()).session
    offer = await ann_saw.first(OpenOffer)
    over = await ann_saw.first(OfferOver, lambda one: one.offer == offer.offer)
    assert over.outcome == "missed"
    await ann_saw.first(AgentFrame, lambda frame: frame.status == "missed")
    with pytest.raises(CommandRefused) as refused:
        await ann.accept(offer.offer)
    assert refused.value.code == "offer_expired"
    bob, bob_saw = await shop.agent("bob")
    again = await bob_saw.first(OpenOffer, lambda one: one.session == session)
    assert again.waited_s >= 1.0
    await bob.accept(again.offer)
    assigned = await seen.first(Event, lambda event: event.kind == "assigned")
    assert assigned.agent == "bob"
    await client.end()
    await bob.set_status("offline")
    await ann.set_status("available")
    back, _, _ = await shop.served("c2", ann, ann_saw)
    await back.end()


async def test_a_customer_who_returns_gets_the_same_agent(shop: Shop) -> None:
    """Bob has been idle longer the second time: only stickiness gives it to Ann."""
    sticky = {"sticky_within_s": 600, "sticky_wait_s": 30, "accept": "auto"}
    await shop.declare(queues={"desk": {**DESK, **sticky}}, agents=TWO)
    ann, ann_saw = await shop.agent("ann")
    client, seen, first = await shop.served("regular", ann, ann_saw)
    await shop.agent("bob")
    await client.end()
    await seen.first(Event, lambda event: event.kind == "closed")
    second = (await client.start()).session
    assert second != first
    assigned = await seen.first(
        Event, lambda event: event.session == second and event.kind == "assigned"
    )
    assert assigned.agent == "ann"
    await client.end()


async def test_more_capacity_lets_the_next_in_at_once(shop: Shop) -> None:
    """R3 and R5: nothing else happens that could wake the line."""
    await shop.declare(queues={"desk": {**DESK, "accept": "auto"}}, agents=TWO)
    ann, ann_saw = await shop.agent("ann")
    await shop.served("c1", ann, ann_saw)
    client, seen = await shop.customer("c2")
    await client.start()
    await seen.first(Position, lambda place: place.position == 1)
    await shop.set_agent("ann", capacity=2)
    assigned = await seen.first(Event, lambda event: event.kind == "assigned")
    assert assigned.agent == "ann"


async def test_a_second_login_of_the_same_device_ends_the_first(shop: Shop) -> None:
    """Whichever of the gateways each of them is at."""
    await shop.declare(queues={"desk": {**DESK, "accept": "auto"}}, agents=TWO)
    clients = [await shop.agent("ann", device="laptop") for _ in range(4)]
    newest, newest_saw = clients.pop()
    for _, seen in clients:
        ended = await seen.first(Disconnected, lambda one: one.final)
        assert "duplicate_login" in ended.reason
    client, _, session = await shop.served("c1", newest, newest_saw)
    assert (await newest.say(session, "from the newest window")).seq
    await client.end()


async def test_an_agent_who_is_gone_too_long_loses_the_session_to_somebody_else(
    shop: Shop,
) -> None:
    """M8: after the grace period the customer is told and waits at the old age."""
    await shop.declare(queues={"desk": {**DESK, "accept": "auto"}}, agents=TWO, grace_s=1)
    ann, ann_saw = await shop.agent("ann")
    client, seen, _ = await shop.served("c1", ann, ann_saw)
    await shop.agent("bob")
    await ann.close()
    await seen.first(Event, lambda event: event.kind == "agent_lost" and event.agent == "ann")
    await seen.first(Event, lambda event: event.kind == "assigned" and event.agent == "bob")
    await client.end()
