"""How a device joins and leaves the audience: snapshot, what it missed, then live frames.

First connect and resume are one path (M5).
"""

from __future__ import annotations

from typing import Literal

from actors.addresses import Conn
from actors.frames import Detached, IdleWarning, Receipt, SessionFrame
from actors.messages import Attach, Person
from actors.session.attempts import barred, waits_served
from actors.session.closing import finish, forget
from actors.session.people import You, refuse_over, refuse_stranger, seen, standing, supervises
from actors.session.state import State
from actors.session.turn import Turn

REPLAY_MAX = 500
"""Most frames of a track sent to a device that resumes; what is older is on the history page."""


def attach(t: Turn, c: Attach) -> None:
    """Answer a device with a snapshot and what it missed, and let it hear what follows (M5)."""
    s = t.s
    you = standing(s, c.person)
    if you == "none" and c.watch and supervises(s, c.person, "sessions:watch"):
        you = "watching"
    if you == "none" and _was_here(s, c.person):
        return _show_end(t, c)
    if you == "none":
        return refuse_stranger(t, c)
    if c.conn not in s.room and s.room.full:
        return t.refuse(c, "session_full", "Too many devices follow this session: close some.")
    if you == "customer" and _resume_is_barred(t):
        return _turn_out(t, c)
    if you == "customer":
        repeat_forget(t)
    if you == "watching" and not s.room.has(c.person):
        t.act("watch", c, None, seen(s))
    admit(t, c.conn, c.person, you, after=c.after, aside_after=c.aside_after)
    return None


def admit(
    t: Turn, conn: Conn, person: Person, you: You, *, after: int = 0, aside_after: int = 0
) -> None:
    """Let the socket in: snapshot, missed frames of its tracks, then whatever is live."""
    s = t.s
    s.room.add(conn, person)
    if you == "customer":
        s.away_since = None
    _show(t, conn, you, after=after, aside_after=aside_after)
    if s.warned_at is not None and s.routing.phase == "serving":
        t.soft(IdleWarning(session=s.address.id, closes_at=s.closes_at(s.warned_at)), conn)


def _show(t: Turn, conn: Conn, you: You, *, after: int, aside_after: int) -> None:
    """Send the snapshot and what the socket has missed of its tracks."""
    s = t.s
    start, main_reset = _cursor(after, s.timeline.seq)
    aside_start, aside_reset = _cursor(aside_after, s.timeline.aside_seq)
    reset = main_reset or (aside_reset and you != "customer")
    t.soft(_snapshot(s, you, start, aside_start, reset=reset), conn)
    t.replay(conn, start, s.timeline.seq, "main")
    if you != "customer":
        t.replay(conn, aside_start, s.timeline.aside_seq, "aside")


def _show_end(t: Turn, c: Attach) -> None:
    """The session closed while who served last could not be told (a host or a gateway died): a
    device that followed it gets the rest, then is let go."""
    if not (c.after or c.aside_after):
        return refuse_over(t, c)
    _show(t, c.conn, "none", after=c.after, aside_after=c.aside_after)
    return t.soft(Detached(session=t.s.address.id, reason="closed"), c.conn)


def repeat_forget(t: Turn) -> None:
    """The customer index is soft: a crash may have lost the word that this session is over."""
    if t.s.opening is not None and t.s.routing.phase in ("wrap-up", "closed"):
        forget(t, t.s.routing.ended_at)


def detach(t: Turn, conn: Conn) -> None:
    """Forget a socket; the abandon clock starts when it was the customer's last."""
    t.s.room.drop(conn)
    note_absence(t)


def gateway_gone(t: Turn, gateway: str) -> None:
    """Forget every socket of a dead gateway."""
    t.s.room.drop_gateway(gateway)
    note_absence(t)


def note_absence(t: Turn) -> None:
    """Start the abandon clock if the customer has no device and it does not run yet."""
    if not t.s.room.customers and t.s.away_since is None:
        t.s.away_since = t.now


def _cursor(after: int, seq: int) -> tuple[int, bool]:
    """Return the seq to replay from, and whether the device must start afresh."""
    if after > seq or seq - after > REPLAY_MAX:
        return max(0, seq - REPLAY_MAX), True
    return after, False


def _turn_out(t: Turn, c: Attach) -> None:
    """Admission holds on resume, too: a customer barred since then is served no longer."""
    t.refuse(c, "blacklisted", "This service is not open to you.")
    if t.s.routing.phase in ("waiting", "serving"):
        finish(t, "blacklisted")


def _was_here(s: State, person: Person) -> bool:
    serving = s.routing.serving
    return s.routing.phase == "closed" and serving is not None and serving.person.id == person.id


def _resume_is_barred(t: Turn) -> bool:
    """A closed session only shows its past, so it stays open to everyone it belonged to."""
    routing = t.s.routing
    if routing.phase in ("wrap-up", "closed"):
        return routing.reason == "blacklisted"
    by_human = t.s.queue().kind != "bot" or t.s.label() == "talking"
    return barred(t.s, t.now, human=by_human) is not None


def _snapshot(s: State, you: You, start: int, aside_start: int, *, reset: bool) -> SessionFrame:
    opening = s.opening
    assert opening is not None
    staff = you != "customer"
    customer, routing = opening.customer, s.routing
    in_line = routing.phase == "waiting" or waits_served(s) is not None
    position, eta_s = s.place if in_line else (0, -1.0)
    return SessionFrame(
        session=s.address.id,
        state=s.label(),
        customer=Person(id=customer.id, role="customer", name=customer.name),
        queue=routing.queue,
        seq=s.timeline.seq,
        aside_seq=s.timeline.aside_seq if staff else 0,
        from_seq=start,
        aside_from_seq=aside_start if staff else 0,
        reset=reset,
        agent=routing.serving.person if routing.serving else None,
        subject=opening.subject,
        receipts=[receipt(s, "customer"), receipt(s, "agent")],
        position=position,
        eta_s=eta_s,
        you=you,
        vip=customer.vip if staff else 0,
        attributes=customer.attributes if staff else {},
    )


def receipt(s: State, side: Literal["customer", "agent"]) -> Receipt:
    """Return how far a side has got, as a frame."""
    mark = s.receipts.customer if side == "customer" else s.receipts.agent
    return Receipt(session=s.address.id, side=side, delivered=mark.delivered, read=mark.read)
