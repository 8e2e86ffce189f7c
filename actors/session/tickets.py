"""Tickets: what a customer wanted whom nobody could serve. Never silence: a message is kept."""

from __future__ import annotations

import msgspec

from actors.effects import Effect, Record
from actors.messages import Contact, Left
from actors.session.state import State
from actors.session.turn import Turn


class LeftMessage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a customer left. `seq`, of the note about it, names it for ever: told twice is once."""

    seq: int
    at: float
    text: str


class Ticket(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One request that was not served. Its id is the session's: its messages are in the history.
    What the customer left to be read is in it, oldest first."""

    session: str
    at: float
    queue: str
    reason: str
    """`closed`, `nobody_on_duty`, `leave_message` or `queue_full`; of a message that was left also
    whatever else kept people from taking over."""
    customer: str
    name: str = ""
    lang: str = ""
    subject: str = ""
    summary: str = ""
    opens_at: float = 0.0
    left: list[LeftMessage] = []


_encode = msgspec.msgpack.Encoder().encode


def ticket(t: Turn, contact: Contact, reason: str, opens_at: float) -> Effect:
    """Return the record of a ticket."""
    customer = contact.customer
    made = Ticket(
        session=contact.session,
        at=t.now,
        queue=contact.queue,
        reason=reason,
        customer=customer.id,
        name=customer.name,
        lang=customer.lang,
        subject=contact.subject,
        summary=contact.summary,
        opens_at=opens_at,
    )
    return Record("ticket", _encode(made))


def ticket_left(s: State, left: Left, *, seq: int, at: float) -> Effect:
    """Return the record of a message that the customer left with whoever serves. Of a queue that is
    not there it is the session's own."""
    opening = s.opening
    assert opening is not None
    customer = opening.customer
    made = Ticket(
        session=s.address.id,
        at=at,
        queue=left.queue if left.queue in s.config.queues else s.routing.queue,
        reason=left.reason,
        customer=customer.id,
        name=customer.name,
        lang=customer.lang,
        subject=opening.subject,
        left=[LeftMessage(seq=seq, at=at, text=left.text)],
    )
    return Record("ticket", _encode(made))


def joined(first: Ticket, second: Ticket) -> Ticket:
    """Return two tickets of one session as one: the first, with everything that was left."""
    left = {one.seq: one for one in (*second.left, *first.left)}
    return msgspec.structs.replace(first, left=[left[seq] for seq in sorted(left)])
