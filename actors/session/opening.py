"""A customer asks for help: the session begins, and its contact goes to the entry queue."""

from __future__ import annotations

from actors.effects import Refuse
from actors.frames import ErrorCode
from actors.messages import OpenSession, Person
from actors.session.attaching import admit, note_absence, repeat_forget
from actors.session.attempts import barred, is_human, to_serve
from actors.session.closing import finish
from actors.session.outcomes import came_back
from actors.session.state import CloseReason, Opening
from actors.session.turn import Turn


def open_session(t: Turn, c: OpenSession) -> None:
    """Begin, once; a repeat changes nothing, and lets the device in if it was not."""
    if t.s.opening is None:
        _begin(t, c)
    elif c.customer.id != t.s.opening.customer.id:
        _refuse(t, c, "not_your_session", "This session is another customer's.")
        return
    else:
        repeat_forget(t)
        if t.s.routing.reason == "blacklisted":
            _refuse(t, c, "blacklisted", "This service is not open to you.")
    if c.conn is not None and c.conn not in t.s.room and t.s.routing.reason != "blacklisted":
        if t.s.room.full:
            _refuse(t, c, "session_full", "Too many devices follow this session: close some.")
        else:
            admit(t, c.conn, _person(c), "customer")
    note_absence(t)


def _begin(t: Turn, c: OpenSession) -> None:
    s = t.s
    queue = c.queue or s.config.entry_queue
    s.opening = Opening(
        customer=c.customer,
        at=t.now,
        queue=queue,
        subject=c.subject,
        needs=c.needs,
        last_agent=c.last_agent,
        last_ended_at=c.last_ended_at,
    )
    s.set_routing(queue=queue)
    t.event("opened", by=_person(c), queue=queue)
    t.count("sessions_opened_total")
    came_back(t, c)
    if queue not in s.config.queues:
        _turn_away(t, c, "unknown_queue", "no_agent", "There is no such queue.")
    elif barred(s, t.now, human=is_human(s, queue)):
        _turn_away(t, c, "blacklisted", "blacklisted", "This service is not open to you.")
    else:
        to_serve(t, queue)


def _turn_away(t: Turn, c: OpenSession, code: ErrorCode, reason: CloseReason, detail: str) -> None:
    _refuse(t, c, code, detail)
    finish(t, reason, note=code)


def _refuse(t: Turn, c: OpenSession, code: ErrorCode, detail: str) -> None:
    if c.conn is not None:
        t.out.append(Refuse(c.conn, code, detail))


def _person(c: OpenSession) -> Person:
    return Person(id=c.customer.id, role="customer", name=c.customer.name)
