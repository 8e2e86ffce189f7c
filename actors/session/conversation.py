"""What is said: messages, recalls, receipts, typing. `say` is the hot path of the whole product."""

from __future__ import annotations

import msgspec

from actors.effects import Count, Deliver, Effect, Journal, Refuse, Scrub
from actors.frames import ErrorCode, Message, TypingFrame
from actors.machine import Context
from actors.messages import MarkReceipt, Person, Recall, Say, Typing
from actors.permissions import label_of
from actors.session.attaching import receipt
from actors.session.people import (
    is_hidden,
    refuse_over,
    refuse_stranger,
    standing,
    supervises,
)
from actors.session.state import Mark, State
from actors.session.tickets import ticket_left
from actors.session.timeline import body_print, sender_key
from actors.session.turn import Turn


def say(s: State, c: Say, ctx: Context) -> list[Effect]:
    """Journal the message, ack it to its sender and deliver it to everyone who may see it.

    Constant work: no history is read. The sender's own sockets get the message too, so that all
    devices show one order."""
    timeline, person = s.timeline, c.person
    digest = body_print(c.body)
    known = timeline.answers.get(sender_key(person, c.client_id))
    if known is not None:
        ack, before = known
        if before in (digest, None):
            return [Deliver((c.conn,), ack)]
        return [Refuse(c.conn, "conflict", "This client_id was used already.", c.client_id)]
    refusal = _why_not(s, person, aside=c.aside) or _why_not_left(s, c)
    if refusal is not None:
        return [Refuse(c.conn, refusal[0], refusal[1], c.client_id)]
    aside = c.aside
    message = Message(
        session=timeline.session,
        seq=(timeline.aside_seq if aside else timeline.seq) + 1,
        id=ctx.new_id(),
        from_=person,
        at=ctx.now,
        client_id=c.client_id,
        body=c.body,
        aside=aside,
    )
    role = label_of(person.role) if person.kind != "bot" else "bot"
    effects: list[Effect] = [
        Journal(message, "aside" if aside else "main"),
        Deliver((c.conn,), timeline.add_message(message, digest)),
        Count("messages_total", 1.0, role),
    ]
    conns = s.room.staff if aside else s.room.everyone
    if conns:
        effects.append(Deliver(conns, message, "aside" if aside else "main"))
    if aside and standing(s, person) == "none":
        turn = Turn(s, ctx)
        turn.act("whisper", c, None, {"message": message.id})
        effects += turn.out
    if c.left is not None:
        effects.append(ticket_left(s, c.left, seq=message.seq, at=ctx.now))
    return effects


def _why_not(s: State, person: Person, *, aside: bool) -> tuple[ErrorCode, str] | None:
    """Return why the person may not say this, None if allowed."""
    you = standing(s, person)
    phase = s.routing.phase
    if you == "none" and is_hidden(s, person):
        return "unknown_session", "There is no such session."
    if you == "none" and not supervises(s, person, "sessions:whisper"):
        return "not_your_session", "You do not take part in this session."
    if you == "customer" and aside:
        return "forbidden", "Only staff may speak aside."
    if phase == "closed" or (phase == "wrap-up" and not aside):
        return "session_closed", "The conversation has ended."
    if you in ("none", "consulting") and not aside:
        return "forbidden", "You may only speak aside here."
    return None


def _why_not_left(s: State, c: Say) -> tuple[ErrorCode, str] | None:
    """Only who serves takes a customer's message, and notes it for staff alone."""
    if c.left is not None and not (c.aside and standing(s, c.person) == "serving"):
        return "forbidden", "Only the serving agent may take a message, and only aside."
    return None


def recall(t: Turn, c: Recall) -> None:
    """Take one's own message back within two minutes: a stub stays, and everyone is told."""
    timeline = t.s.timeline
    before = timeline.recalls.get(c.seq)
    if standing(t.s, c.person) == "none":
        refuse_stranger(t, c)
    elif before is not None and before.by is not None and before.by.id == c.person.id:
        t.acked(c)
    elif not timeline.is_message(c.seq):
        t.refuse(c, "unknown_message", "There is no such message.")
    elif t.s.routing.phase in ("wrap-up", "closed"):
        refuse_over(t, c)
    else:
        _take_back(t, c)


def _take_back(t: Turn, c: Recall) -> None:
    message = t.s.timeline.recent(c.seq, t.now)
    if message is None:
        t.refuse(c, "recall_expired", "A message may be taken back for two minutes.")
        return
    author = message.from_
    if sender_key(author, "") != sender_key(c.person, ""):
        t.refuse(c, "forbidden", "Only its author may take a message back.")
        return
    stub = msgspec.structs.replace(message, body=None, recalled=True)
    t.out.append(Scrub(stub))
    t.event("recalled", asked=c, of=c.seq)


def mark(t: Turn, c: MarkReceipt) -> None:
    """Move the person's side forward (M6); others are told. `read` implies `delivered`.

    Staff who only listen, or whose part is over, mark nothing: their devices still answer the
    frame that told them so, and that is no error."""
    s = t.s
    you = standing(s, c.person)
    if you == "none" and c.person.role == "customer":
        refuse_stranger(t, c)
    if you not in ("customer", "serving"):
        return
    old = s.receipts.customer if you == "customer" else s.receipts.agent
    read = max(old.read, min(c.read, s.timeline.seq))
    delivered = max(old.delivered, read, min(c.delivered, s.timeline.seq))
    new = Mark(delivered=delivered, read=read)
    if new == old:
        return
    side = "customer" if you == "customer" else "agent"
    s.receipts = msgspec.structs.replace(s.receipts, **{side: new})
    others = tuple(conn for conn in s.room.everyone if conn != c.conn)
    t.soft(receipt(s, "customer" if you == "customer" else "agent"), *others)


def typing(t: Turn, c: Typing) -> None:
    """Show the other side that someone types; a customer's text only to staff (soft)."""
    s = t.s
    you = standing(s, c.person)
    if s.routing.phase not in ("waiting", "serving"):
        return
    if you == "customer":
        s.typed_at = t.now
        frame = TypingFrame(session=s.address.id, from_=c.person, preview=c.preview)
        t.soft(frame, *s.room.staff)
    elif you in ("serving", "joined"):
        # A bot shows what it is writing; what a person has not sent is nobody's business.
        preview = c.preview if c.person.kind == "bot" else ""
        frame = TypingFrame(session=s.address.id, from_=c.person, preview=preview)
        t.soft(frame, *s.room.customers)
    elif you == "none" and c.person.role == "customer":
        refuse_stranger(t, c)
