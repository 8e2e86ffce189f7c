"""Tickets: what a customer wanted whom nobody could serve. Never silence: a message is kept."""

from __future__ import annotations

import msgspec

from actors.effects import Effect, Record
from actors.messages import Contact
from actors.session.turn import Turn


class Ticket(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One request that was not served. Its id is the session's: its messages are in the history."""

    session: str
    at: float
    queue: str
    reason: str
    """`closed`, `nobody_on_duty`, `leave_message` or `queue_full`."""
    customer: str
    name: str = ""
    lang: str = ""
    subject: str = ""
    summary: str = ""
    opens_at: float = 0.0


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
