"""Whole conversations through the real doors: Valkey, Ray, HAProxy, directory, bots."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from actors.frames import (
    AgentFrame,
    Detached,
    Event,
    Message,
    OfferOver,
    OpenOffer,
    Position,
    Receipt,
    SessionFrame,
    TypingFrame,
)
from infra.directory.declared import DeclaredBar, DeclaredQueue
from serve.client import AgentClient, CommandRefused, CustomerClient
from tests.support.actor_system import until
from tests.support.real import Desk, Seen

pytest_plugins = ["tests.support.real"]
pytestmark = [pytest.mark.ray, pytest.mark.timeout(300)]


def said(text: str) -> Any:
    return lambda m: m.body is not None and text in m.body.text


def event(kind: str, **wanted: str) -> Any:
    return lambda e: e.kind == kind and all(getattr(e, k) == v for k, v in wanted.items())


def of(session: str) -> Any:
    return lambda offer: offer.session == session


async def taken(
    desk: Desk, login: str, queue: str = "travel"
) -> tuple[CustomerClient, Seen, AgentClient, Seen, str]:
    """A customer in a session that the agent has accepted."""
    agent, agent_saw = await desk.agent(login)
    customer, customer_saw = await desk.customer()
    session = (await customer.start(queue=queue)).session
    offer = await agent_saw.first(OpenOffer, lambda o: o.session == session)
    await agent.accept(offer.offer)
    await customer_saw.first(Event, event("assigned", agent=login))
    await agent_saw.first(SessionFrame, lambda f: f.session == session)
    return customer, customer_saw, agent, agent_saw, session


async def test_a_bot_answers_first_and_hands_over_with_what_was_said(desk: Desk) -> None:
    agent, agent_saw = await desk.agent("alice")
    customer, customer_saw = await desk.customer()
    session = (await customer.start()).session
    await customer_saw.first(Event, event("assigned", agent="robot"))
    await customer.say("转人工")
    offer = await agent_saw.first(OpenOffer, lambda o: o.session == session)
    assert "人工" in offer.summary
    await agent.accept(offer.offer)
    await customer_saw.first(Event, event("assigned", agent="alice"))
    await agent_saw.first(Message, said("转人工"))
    await agent.say(session, "您好，我是爱丽")
    message = await customer_saw.first(Message, said("爱丽"))
    assert message.from_.id == "alice"
    assert message.from_.role == "agent"
    await agent.end(session)
    await agent.wrap_up(session, "已解决 solved")
    await customer.rate(5, "thanks")
    seqs = [e.seq for e in customer_saw.events if isinstance(e, Message | Event)]
    assert seqs == list(range(1, len(seqs) + 1))


async def test_receipts_typing_and_recall_reach_the_other_side(desk: Desk) -> None:
    customer, customer_saw, agent, agent_saw, session = await taken(desk, "bob")
    ack = await customer.say("Is my booking fine?")
    await agent_saw.first(Message, said("booking"))
    await customer_saw.first(Receipt, lambda r: r.side == "agent" and r.delivered >= ack.seq)
    agent.read(session, ack.seq)
    await customer_saw.first(Receipt, lambda r: r.side == "agent" and r.read >= ack.seq)
    customer.typing(session, "I would li")
    typing = await agent_saw.first(TypingFrame)
    assert typing.preview == "I would li"
    await customer.recall(ack.seq)
    await agent_saw.first(Event, lambda e: e.kind == "recalled" and e.of == ack.seq)
    await customer.end()
    await agent.wrap_up(session)


async def test_a_session_moves_to_a_colleague_cold_and_warm(desk: Desk) -> None:
    _, customer_saw, agent, agent_saw, session = await taken(desk, "alice")
    lead, lead_saw = await desk.agent("lead")
    await agent.transfer(session, agent="lead", note="needs you", warm=True)
    offer = await lead_saw.first(OpenOffer, lambda o: o.session == session)
    assert offer.purpose == "consult"
    assert offer.summary == "needs you"
    await lead.accept(offer.offer)
    await lead_saw.first(SessionFrame, lambda f: f.session == session)
    await lead.whisper(session, "I take it")
    await agent_saw.first(Message, said("I take it"))
    await agent.complete_transfer(session)
    await customer_saw.first(Event, event("assigned", agent="lead"))
    await agent_saw.first(Detached, lambda d: d.session == session)
    with pytest.raises(CommandRefused) as refused:
        await agent.say(session, "am I still here?")
    assert refused.value.code == "not_your_session"
    await lead.transfer(session, agent="alice", note="yours again")
    back = await agent_saw.first(
        OpenOffer, lambda o: o.session == session and o.purpose == "transfer"
    )
    await agent.accept(back.offer)
    await customer_saw.first(Event, event("transferred", agent="alice"))
    assert not [
        m for m in customer_saw.all(Message) if "I take it" in (m.body.text if m.body else "")
    ]
    await agent.end(session)
    await agent.wrap_up(session)


async def test_a_leader_watches_whispers_joins_and_takes_over(desk: Desk) -> None:
    customer, customer_saw, _, agent_saw, session = await taken(desk, "bob")
    lead, lead_saw = await desk.agent("lead", status="offline")
    await lead.watch(session)
    await lead_saw.first(SessionFrame, lambda f: f.session == session and f.you == "watching")
    await customer.say("hello?")
    await lead_saw.first(Message, said("hello?"))
    await lead.whisper(session, "be kind")
    await agent_saw.first(Message, said("be kind"))
    await lead.join(session)
    await customer_saw.first(Event, event("joined"))
    await lead.say(session, "I am here too")
    await customer_saw.first(Message, said("I am here too"))
    await lead.take_over(session)
    await customer_saw.first(Event, event("taken_over"))
    await agent_saw.first(Detached, lambda d: d.session == session)
    await lead.end(session)
    await lead.wrap_up(session)


async def test_a_second_device_and_a_reconnect_see_everything_once(desk: Desk) -> None:
    token = await desk.api.visitor_token("demo-site")
    agent, agent_saw = await desk.agent("bob")
    first, first_saw = await desk.customer(token)
    session = (await first.start(queue="travel")).session
    offer = await agent_saw.first(OpenOffer, lambda o: o.session == session)
    await agent.accept(offer.offer)
    await first_saw.first(Event, event("assigned", agent="bob"))
    for n in range(5):
        await agent.say(session, f"line {n}")
    second, second_saw = await desk.customer(token)
    await second_saw.first(Message, said("line 4"))
    await second.say("from the other device")
    await first_saw.first(Message, said("other device"))
    for saw in (first_saw, second_saw):
        seqs = [e.seq for e in saw.events if isinstance(e, Message | Event)]
        assert seqs == list(range(1, len(seqs) + 1))
    seqs = await desk.api.history_seqs(session, token)
    assert seqs == list(range(1, len(seqs) + 1))
    await first.end()
    await agent.wrap_up(session)


async def test_a_declined_contact_keeps_its_age_and_goes_to_somebody_else(desk: Desk) -> None:
    bob, bob_saw = await desk.agent("bob")
    customer, customer_saw = await desk.customer()
    session = (await customer.start(queue="travel")).session
    offer = await bob_saw.first(OpenOffer, lambda o: o.session == session)
    alice, alice_saw = await desk.agent("alice")
    await bob.decline(offer.offer)
    await bob_saw.first(OfferOver, lambda o: o.offer == offer.offer and o.outcome == "declined")
    again = await alice_saw.first(OpenOffer, lambda o: o.session == session)
    assert again.waited_s >= offer.waited_s
    with pytest.raises(CommandRefused) as refused:
        await bob.accept(offer.offer)
    assert refused.value.code == "offer_expired"
    await alice.accept(again.offer)
    await customer_saw.first(Event, event("assigned", agent="alice"))
    await customer.end()
    await alice.wrap_up(session)


async def test_who_waits_is_told_the_place_and_served_when_somebody_comes(desk: Desk) -> None:
    first, first_saw = await desk.customer()
    second, second_saw = await desk.customer()
    one = (await first.start(queue="english")).session
    two = (await second.start(queue="english")).session
    await first_saw.first(Position, lambda p: p.position == 1)
    await second_saw.first(Position, lambda p: p.position == 2)
    alice, alice_saw = await desk.agent("alice")
    for session in (one, two):
        offer = await alice_saw.first(OpenOffer, of(session))
        await alice.accept(offer.offer)
    await first_saw.first(Event, event("assigned", agent="alice"))
    await second_saw.first(Event, event("assigned", agent="alice"))
    for customer, session in ((first, one), (second, two)):
        await customer.end()
        await alice.wrap_up(session)
    await alice_saw.first(AgentFrame, lambda f: f.status == "available" and not f.sessions)


async def test_a_changed_setting_and_a_blacklist_entry_take_effect_at_once(desk: Desk) -> None:
    """R5, through the directory, as an administrator changes it."""
    directory = desk.system.directory()
    await desk.agent("bob")
    try:
        declared = await directory.read("demo")
        assert declared is not None
        travel = declared.queues["travel"]
        changed = DeclaredQueue.model_validate({**travel.model_dump(), "accept": "auto"})
        await directory.set_queue("demo", "travel", changed)
        customer, customer_saw = await desk.customer()

        async def served_without_a_click() -> bool:
            await customer.start(queue="travel")
            await asyncio.sleep(0.2)
            if any(e.kind == "assigned" and e.agent == "bob" for e in customer_saw.all(Event)):
                return True
            await customer.end()
            return False

        await until(served_without_a_click)
        await customer.end()
        await directory.set_queue("demo", "travel", travel)

        visitor = customer.welcome.you.id if customer.welcome else ""
        entry = DeclaredBar.model_validate(
            {"kind": "customer", "value": visitor, "ends_at": time.time() + 600}
        )
        await directory.add_bar("demo", entry)

        async def turned_away() -> bool:
            try:
                await customer.start(queue="travel")
                await customer.end()
            except CommandRefused as refused:
                return refused.code == "blacklisted"
            return False

        await until(turned_away)
        await directory.remove_bars("demo", "customer", visitor)
    finally:
        await directory.close()
