"""How a contact ends: the conversation first, then the agent's wrap-up, then the session.

The customer is free to ask again from the moment the conversation ends; the agent holds the slot
until the wrap-up is finished or its time is over.
"""

from __future__ import annotations

from actors.effects import Forget, Remember
from actors.frames import Detached
from actors.messages import EndSession, FinishWrapUp, Rate
from actors.session.attempts import withdraw
from actors.session.outcomes import left_unserved, rated, served, wrapped_up
from actors.session.people import (
    is_hidden,
    refuse_over,
    refuse_stranger,
    seen,
    standing,
    supervises,
)
from actors.session.seating import dismiss, end_consult
from actors.session.state import CloseReason
from actors.session.turn import Asked, Turn


def finish(t: Turn, reason: CloseReason, asked: Asked | None = None, note: str = "") -> None:
    """End the conversation: nobody is asked any more, the customer is free, wrap-up begins."""
    s, abandoned = t.s, reason == "abandoned"
    if s.routing.attempt is not None and s.routing.phase == "waiting":
        left_unserved(t, s.routing.attempt, abandoned=abandoned)
    elif s.routing.serving is not None:
        served(t, s.routing.serving, transfers_n=0)
    withdraw(t, abandoned=abandoned)
    end_consult(t, "ended")
    _let_go(t)
    s.set_routing(reason=reason, ended_at=t.now)
    seat, wrap_up_s = s.routing.serving, s.queue().wrap_up_s
    if seat is None or seat.person.kind == "bot" or wrap_up_s <= 0:
        close(t, asked, note)
        return
    s.set_routing(phase="wrap-up", wrap_until=t.now + wrap_up_s)
    t.event("wrap_up", asked=asked, reason=reason, agent=seat.person, queue=s.routing.queue)


def close(t: Turn, asked: Asked | None = None, note: str = "") -> None:
    """End the session for everyone. The last agent stays on record, without units or sockets."""
    s = t.s
    seat, reason = s.routing.serving, s.routing.reason
    s.set_routing(phase="closed", joined=[], wrap_until=0.0)
    t.event("closed", asked=asked, reason=reason, note=note, queue=s.routing.queue)
    t.count("sessions_closed_total", reason)
    if seat is not None:
        dismiss(t, seat, "closed")
    t.soft(Detached(session=s.address.id, reason="closed"), *s.room.drop_staff())


def end(t: Turn, c: EndSession) -> None:
    """The customer, the serving agent or a leader ends it. Leaving while waiting is abandoning."""
    phase, you = t.s.routing.phase, standing(t.s, c.person)
    leads = supervises(t.s, c.person, "sessions:end_others")
    if you == "none" and not leads:
        refuse_stranger(t, c)
    elif you in ("consulting", "joined") and not leads:
        t.refuse(c, "forbidden", "Only the serving agent may end the conversation.")
    elif phase in ("wrap-up", "closed"):
        refuse_over(t, c)
    elif you in ("none", "joined", "consulting"):
        before = seen(t.s)
        finish(t, "by_agent", c)
        t.act("end", c, before, seen(t.s))
    elif you != "customer":
        finish(t, "by_agent", c)
    else:
        finish(t, "abandoned" if phase == "waiting" else "by_customer", c)


def finish_wrap_up(t: Turn, c: FinishWrapUp) -> None:
    """The agent's result code. Accepted after the time is over, too: the work was done."""
    routing = t.s.routing
    seat = routing.serving
    if seat is None or seat.person.id != c.person.id or c.person.role == "customer":
        refuse_stranger(t, c)
    elif routing.phase not in ("wrap-up", "closed"):
        t.refuse(c, "wrong_state", "The conversation has not ended.")
    else:
        t.event("wrapped_up", asked=c, aside=True, reason=c.disposition, note=c.note)
        wrapped_up(t, seat, c.disposition)
        if routing.phase == "wrap-up":
            close(t)


def rate(t: Turn, c: Rate) -> None:
    """The customer's answer to the survey, once the conversation has ended, or of a bot at any
    time; the last counts."""
    if standing(t.s, c.person) != "customer":
        if c.person.role == "customer" or is_hidden(t.s, c.person):
            refuse_stranger(t, c)
        else:
            t.refuse(c, "forbidden", "Only the customer may rate.")
    elif t.s.routing.phase not in ("wrap-up", "closed") and not _bot_serves(t):
        t.refuse(c, "wrong_state", "Rate after the conversation has ended.")
    elif not 1 <= c.score <= 5:
        t.refuse(c, "bad_frame", "A score is 1 to 5.")
    else:
        t.event("rated", asked=c, score=c.score, note=c.comment)
        rated(t, t.s.routing.serving, c.score)


def _bot_serves(t: Turn) -> bool:
    seat = t.s.routing.serving
    return seat is not None and seat.person.kind == "bot"


def _let_go(t: Turn) -> None:
    opening, human = t.s.opening, t.s.routing.human
    assert opening is not None
    forget(t, t.now)
    if human:
        t.out.append(Remember(opening.customer.id, human, t.now, t.s.routing.decision))


def forget(t: Turn, ended_at: float) -> None:
    """Say that this session is over and no longer its customer's current one; may be repeated."""
    opening, routing = t.s.opening, t.s.routing
    assert opening is not None
    alone = routing.serving is not None and routing.serving.person.kind == "bot"
    bot_ended_at = ended_at if alone and not routing.human else 0.0
    t.out.append(Forget(opening.customer.id, t.s.address.id, bot_ended_at))
