"""What leaders do in other people's sessions: join, leave, take over. (Watching is attaching.)

Who may is looked up in the settings at every act; whoever may no longer watch or take part, because
the settings or the session's group have changed, is let go of.
"""

from __future__ import annotations

from actors.frames import Detached
from actors.messages import Join, LeaveSession, TakeOver
from actors.session.attaching import admit
from actors.session.attempts import withdraw
from actors.session.people import (
    is_hidden,
    refuse_over,
    refuse_stranger,
    refuse_unknown,
    seen,
    standing,
    supervises,
)
from actors.session.seating import end_consult, serve, vacate_serving
from actors.session.state import Seat
from actors.session.turn import Asked, Turn


def join(t: Turn, c: Join) -> None:
    """Let a leader speak to the customer, beside the agent."""
    if not _may_lead(t, c, "sessions:join"):
        return
    if standing(t.s, c.person) in ("serving", "joined"):
        t.acked(c)
        return
    before = seen(t.s)
    t.s.set_routing(joined=[*t.s.routing.joined, c.person])
    t.event("joined", asked=c, agent=c.person)
    t.act("join", c, before, seen(t.s))
    _hear(t, c)


def take_over(t: Turn, c: TakeOver) -> None:
    """Make a leader the serving agent, outside all capacity; whoever served is let go."""
    if not _may_lead(t, c, "sessions:take_over"):
        return
    s = t.s
    if standing(s, c.person) == "serving":
        t.acked(c)
        return
    before = seen(s)
    withdraw(t)
    end_consult(t, "taken_over")
    t.event("taken_over", asked=c, agent=c.person, queue=s.routing.queue)
    vacate_serving(t, "taken_over")
    episode = s.routing.episode + 1
    joined = [person for person in s.routing.joined if person.id != c.person.id]
    s.set_routing(joined=joined, episode=episode)
    serve(t, Seat(person=c.person, episode=episode, since=t.now, units=False))
    t.act("take_over", c, before, seen(s))
    _hear(t, c)


def leave(t: Turn, c: LeaveSession) -> None:
    """Let a leader who joined or watches go, or a consulted agent."""
    s = t.s
    match standing(s, c.person):
        case "customer":
            t.refuse(c, "forbidden", "A customer ends the conversation instead.")
        case "serving":
            t.refuse(c, "wrong_state", "The serving agent transfers or ends instead.")
        case "consulting":
            end_consult(t, "left", c)
        case "joined":
            before = seen(s)
            t.event("left", asked=c, agent=c.person)
            s.set_routing(joined=[p for p in s.routing.joined if p.id != c.person.id])
            t.act("leave", c, before, seen(s))
            _stop_hearing(t, c)
        case _ if supervises(s, c.person, "sessions:watch") or s.room.has(c.person):
            t.acked(c)
            if s.room.has(c.person):
                t.act("leave", c, seen(s), seen(s))
            _stop_hearing(t, c)
        case _:
            refuse_stranger(t, c)


def let_go(t: Turn) -> None:
    """Take the session from the eyes of watchers who may watch it no longer."""
    s = t.s
    for person in s.room.staff_people():
        if standing(s, person) == "none" and not supervises(s, person, "sessions:watch"):
            t.soft(Detached(session=s.address.id, reason="left"), *s.room.drop_agent(person.id))


def reconfigured(t: Turn) -> None:
    """Let those go whose role, by the new settings, may not take part any more."""
    s = t.s
    for person in s.routing.joined:
        if not supervises(s, person, "sessions:join") and not supervises(
            s, person, "sessions:take_over"
        ):
            t.event("left", agent=person, reason="system")
            s.set_routing(joined=[p for p in s.routing.joined if p.id != person.id])
    let_go(t)


def _may_lead(t: Turn, c: Join | TakeOver, act: str) -> bool:
    if is_hidden(t.s, c.person):
        refuse_unknown(t, c)
    elif not supervises(t.s, c.person, act):
        t.refuse(c, "forbidden", "Your role may not do that.")
    elif t.s.routing.phase in ("wrap-up", "closed"):
        refuse_over(t, c)
    else:
        return True
    return False


def _hear(t: Turn, c: Asked) -> None:
    if c.conn not in t.s.room and not t.s.room.full:
        admit(t, c.conn, c.person, standing(t.s, c.person))


def _stop_hearing(t: Turn, c: Asked) -> None:
    gone = t.s.room.drop_agent(c.person.id)
    t.soft(Detached(session=t.s.address.id, reason="left"), *gone)
