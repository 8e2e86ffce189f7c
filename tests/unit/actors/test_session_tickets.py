"""What a customer left with a bot becomes a ticket: stories about `actors.session.tickets`."""

from __future__ import annotations

import msgspec
import pytest

from actors.effects import Deliver, Effect, Record
from actors.frames import Message
from actors.messages import Left, Person
from actors.session.tickets import LeftMessage, Ticket, joined
from tests.support.machines import of
from tests.support.sessions import ANN, BOT, CUSTOMER, LAPTOP, LEA, ME, PHONE, Story, with_bot

LEFT = Left(queue="sales", reason="nobody_on_duty", text="请回电 138")


def tickets(effects: list[Effect]) -> list[Ticket]:
    records = [one for one in of(effects, Record) if one.table == "ticket"]
    return [msgspec.msgpack.decode(one.data, type=Ticket) for one in records]


def left(story: Story, person: Person = BOT, *, aside: bool = True, **more: str) -> list[Effect]:
    wanted = msgspec.structs.replace(LEFT, **{k: v for k, v in more.items() if k != "client_id"})
    fixed = {"client_id": more["client_id"]} if "client_id" in more else {}
    return story.says(person, "客户留言: 请回电 138", aside=aside, left=wanted, **fixed)


def test_a_message_left_with_the_bot_is_a_ticket_of_the_queue_that_was_asked_for() -> None:
    story = with_bot()
    [ticket] = tickets(left(story))
    assert (ticket.session, ticket.queue, ticket.reason) == (ME.id, "sales", "nobody_on_duty")
    assert ticket.customer == CUSTOMER.id
    [note] = story.store.frames("aside")
    assert isinstance(note, Message)
    assert ticket.left == [LeftMessage(seq=note.seq, at=story.ctx.now, text="请回电 138")]
    assert not [one for one in story.frames(PHONE, Message) if one.aside]


def test_of_a_queue_that_is_gone_it_is_the_sessions_own() -> None:
    story = with_bot()
    [ticket] = tickets(left(story, queue="gone"))
    assert ticket.queue == "front"


def test_a_repeat_is_acked_and_leaves_no_second_ticket() -> None:
    story = with_bot()
    assert tickets(left(story, client_id="bot-1"))
    story.crash()
    again = left(story, client_id="bot-1")
    assert [type(one) for one in again] == [Deliver]


@pytest.mark.parametrize(
    ("person", "aside"), [(BOT, False), (CUSTOMER, False), (ANN, True), (LEA, True)]
)
def test_nobody_else_leaves_one_and_none_is_left_in_the_open(person: Person, aside: bool) -> None:
    story = with_bot()
    before = len(story.store.tracks["aside"]), len(story.store.tracks["main"])
    effects = left(story, person, aside=aside)
    assert tickets(effects) == []
    assert (len(story.store.tracks["aside"]), len(story.store.tracks["main"])) == before
    assert story.refusals(LAPTOP) or story.refusals(effects[0].conn)


def test_tickets_of_one_session_are_joined_without_saying_anything_twice() -> None:
    first = Ticket(session="7", at=1.0, queue="q", reason="closed", customer="c")
    said = [LeftMessage(seq=n, at=float(n), text=str(n)) for n in (1, 2, 3)]
    later = msgspec.structs.replace(first, at=2.0, reason="queue_full", left=[said[2], said[1]])
    again = msgspec.structs.replace(later, left=[said[0], said[1]])
    both = joined(joined(first, later), again)
    assert (both.at, both.reason, both.left) == (1.0, "closed", said)
