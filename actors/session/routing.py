"""What queues, dispatch and agents tell the session: refused, offered, assigned, lost.

Each names the episode it is about; what does not match the present attempt is late and changes
nothing (dispatch gets its `AssignRefused`).
"""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec

from actors.effects import Refuse
from actors.frames import ErrorCode, Position
from actors.messages import (
    AgentLost,
    Assign,
    AssignRefused,
    ContactOffered,
    EnqueueRefused,
    OfferLapsed,
    Overflowed,
    Person,
    PositionChanged,
    QueueTimedOut,
)
from actors.session.attempts import barred, is_human, move, to_serve, waits_served, withdraw
from actors.session.closing import close, finish
from actors.session.outcomes import left_unserved
from actors.session.seating import consult, end_consult, person_of, serve, vacate_serving
from actors.session.state import Attempt, CloseReason, Seat
from actors.session.tickets import ticket
from actors.session.turn import Turn

_TOLD: dict[str, ErrorCode] = {
    "queue_full": "queue_full",
    "unknown_queue": "unknown_queue",
    "closed": "closed",
    "nobody_on_duty": "nobody_on_duty",
    "leave_message": "nobody_on_duty",
}
_LEAVES_MESSAGE = ("closed", "nobody_on_duty", "leave_message", "queue_full")
"""Refusals of a queue that the waiting customer gets as an error of the same name."""


def refused(t: Turn, c: EnqueueRefused) -> None:
    """The queue does not take the contact: back to where it came from, or the end."""
    attempt = _present(t, c.episode)
    if attempt is None:
        return
    if t.s.routing.phase != "waiting":
        transfer_failed(t, attempt, c.reason)
    elif attempt.fallback in t.s.config.queues:
        _go_back(t, attempt, c.reason)
    else:
        code = _TOLD.get(c.reason)
        if code is not None:
            detail = _apology(t, attempt, c)
            t.out.extend(Refuse(conn, code, detail) for conn in t.s.room.customers)
        if c.reason in _LEAVES_MESSAGE:
            t.out.append(ticket(t, attempt.contact, c.reason, c.opens_at))
        _give_up(t, "no_agent", c.reason)


def timed_out(t: Turn, c: QueueTimedOut) -> None:
    """The contact waited longer than the queue allows."""
    attempt = _present(t, c.episode)
    if attempt is None:
        return
    if t.s.routing.phase == "waiting":
        _give_up(t, "queue_timeout")
    else:
        transfer_failed(t, attempt, "queue_timeout")


def overflowed(t: Turn, c: Overflowed) -> None:
    """The contact left its queue for another one."""
    attempt = _present(t, c.episode)
    if attempt is None:
        return
    if c.to in t.s.config.queues:
        moved = msgspec.structs.replace(attempt.contact, moved=True)
        _move_admitted(t, msgspec.structs.replace(attempt, contact=moved), c.to)
    elif t.s.routing.phase == "waiting":
        _give_up(t, "no_agent", "unknown_queue")
    else:
        transfer_failed(t, attempt, "unknown_queue")


def placed(t: Turn, c: PositionChanged) -> None:
    """Show the waiting customer the new place (soft)."""
    attempt = _present(t, c.episode)
    if attempt is None or not (t.s.routing.phase == "waiting" or waits_served(t.s)):
        return
    t.s.place = (c.position, c.eta_s)
    frame = Position(
        session=t.s.address.id,
        queue=attempt.contact.queue,
        position=c.position,
        eta_s=c.eta_s,
    )
    t.soft(frame, *t.s.room.everyone)


def offered(t: Turn, c: ContactOffered) -> None:
    """An agent is being asked."""
    attempt = _present(t, c.episode)
    if attempt is not None and c.offer not in (attempt.offer, attempt.lapsed):
        changed = msgspec.structs.replace(attempt, offer=c.offer, agent=c.agent)
        t.s.set_routing(attempt=changed)


def lapsed(t: Turn, c: OfferLapsed) -> None:
    """The agent did not take it. A named agent's no ends the transfer; else someone else is
    asked."""
    attempt = _present(t, c.episode)
    if attempt is None or attempt.offer not in ("", c.offer) or attempt.lapsed == c.offer:
        return
    if attempt.contact.agent and t.s.routing.phase != "waiting" and c.outcome != "withdrawn":
        withdraw(t)
        transfer_failed(t, attempt, c.outcome)
        return
    waiting = msgspec.structs.replace(attempt, offer="", agent="", lapsed=c.offer)
    t.s.set_routing(attempt=waiting)


def assign(t: Turn, c: Assign) -> None:
    """The offer was accepted: the agent takes the place it was offered, or dispatch hears no."""
    attempt = _present(t, c.episode)
    agent = person_of(t.s, c.agent)
    if attempt is None or agent is None or not _is_for(attempt, c):
        if not _is_repeat(t, c):
            refusal = AssignRefused(session=t.s.address.id, episode=c.episode, offer=c.offer)
            t.tell_dispatch(refusal)
        return
    if waits_served(t.s):  # the customer now belongs to the queue that was waited in
        t.s.set_routing(queue=attempt.contact.queue)
    t.s.set_routing(attempt=None)
    seat = Seat(person=agent, episode=c.episode, since=t.now, offer=c.offer)
    if c.purpose == "consult":
        t.event("consulting", by=attempt.by, aside=True, agent=agent)
        consult(t, seat)
    else:
        hand_over(t, seat, by=attempt.by)


def hand_over(t: Turn, seat: Seat, *, by: Person | None) -> None:
    """Make the agent of `seat` the serving one; the one before, if any, is let go."""
    queue = t.s.routing.queue
    if t.s.routing.serving is not None:
        t.event("transferred", by=by, agent=seat.person, queue=queue)
        vacate_serving(t, "transferred")
    serve(t, seat)
    t.event("assigned", agent=seat.person, queue=queue)


def agent_lost(t: Turn, c: AgentLost) -> None:
    """The agent is gone for good: the customer is told and waits again, at the old age (M8)."""
    routing = t.s.routing
    if _holds(routing.consulting, c):
        end_consult(t, "agent_lost")
    if not _holds(routing.serving, c) or routing.phase == "closed":
        return
    if routing.phase == "wrap-up":
        close(t)
        return
    assert routing.serving is not None
    waited = waits_served(t.s)
    queue = waited.contact.queue if waited is not None else routing.queue
    withdraw(t)
    end_consult(t, "agent_lost")
    t.event("agent_lost", agent=routing.serving.person, queue=routing.queue)
    vacate_serving(t, "agent_lost")
    if barred(t.s, t.now, human=is_human(t.s, queue)):
        finish(t, "blacklisted")
    else:
        to_serve(t, queue, requeued=True)


def transfer_failed(t: Turn, attempt: Attempt, reason: str) -> None:
    """Tell the staff that nobody takes over; the present agent goes on."""
    t.s.set_routing(attempt=None)
    contact = attempt.contact
    t.event(
        "transfer_failed",
        by=attempt.by,
        aside=True,
        agent=contact.agent,
        queue="" if contact.agent else contact.queue,
        reason=reason,
    )


def _apology(t: Turn, attempt: Attempt, c: EnqueueRefused) -> str:
    hours = t.s.queue(attempt.contact.queue).hours
    if c.reason != "closed" or not c.opens_at or hours is None:
        return "The queue cannot take you now. Your request is kept as a message."
    opens = datetime.fromtimestamp(c.opens_at, ZoneInfo(hours.time_zone))
    when = opens.isoformat(sep=" ", timespec="minutes")
    return f"Closed; open again at {when}. Your request is kept as a message."


def _go_back(t: Turn, attempt: Attempt, reason: str) -> None:
    """Return to the queue before the transfer, where whoever transferred may serve again."""
    queue = attempt.contact.queue
    t.event("transfer_failed", by=attempt.by, aside=True, queue=queue, reason=reason)
    contact = msgspec.structs.replace(attempt.contact, exclude=[])
    home = msgspec.structs.replace(attempt, contact=contact)
    _move_admitted(t, home, attempt.fallback)


def _move_admitted(t: Turn, attempt: Attempt, queue: str) -> None:
    if barred(t.s, t.now, human=is_human(t.s, queue)):
        if t.s.routing.phase == "waiting":
            _give_up(t, "blacklisted")
        else:
            transfer_failed(t, attempt, "blacklisted")
    else:
        move(t, attempt, queue)


def _give_up(t: Turn, reason: CloseReason, note: str = "") -> None:
    """End a wait that the queue itself has ended already."""
    if t.s.routing.attempt is not None:
        left_unserved(t, t.s.routing.attempt, abandoned=False)
    t.s.set_routing(attempt=None)
    finish(t, reason, note=note)


def _present(t: Turn, episode: int) -> Attempt | None:
    attempt = t.s.routing.attempt
    return attempt if attempt is not None and attempt.contact.episode == episode else None


def _is_for(attempt: Attempt, c: Assign) -> bool:
    """An automatic accept may come without `ContactOffered` before it."""
    return (
        c.purpose == attempt.contact.purpose
        and c.offer != attempt.lapsed
        and attempt.offer in ("", c.offer)
    )


def _is_repeat(t: Turn, c: Assign) -> bool:
    """Tell whether this very assignment was done already, and stands."""
    routing = t.s.routing
    return any(
        seat is not None
        and (seat.episode, seat.offer, seat.person.id) == (c.episode, c.offer, c.agent)
        for seat in (routing.serving, routing.consulting)
    )


def _holds(seat: Seat | None, c: AgentLost) -> bool:
    return seat is not None and (seat.episode, seat.person.id) == (c.episode, c.agent)
