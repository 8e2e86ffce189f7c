"""Giving agents their place at a session and taking it back, so that everyone concerned knows."""

from __future__ import annotations

from actors.frames import Detached
from actors.messages import Person, Release, SessionJoined, SessionLeft
from actors.session.outcomes import served
from actors.session.state import Seat, State
from actors.session.turn import Asked, Turn


def person_of(s: State, agent: str) -> Person | None:
    """Return the agent as the settings know it."""
    known = s.config.agents.get(agent)
    if known is None:
        return None
    return Person(id=known.id, role=known.role, name=known.name, kind=known.kind)


def serve(t: Turn, seat: Seat) -> None:
    """Make this the serving agent (M7: the place must be free) and tell it."""
    s = t.s
    s.set_routing(phase="serving", serving=seat)
    if seat.person.kind == "human":
        s.set_routing(human=seat.person.id, decision=seat.offer)
    s.warned_at = None
    _tell_joined(t, seat, "serving")


def consult(t: Turn, seat: Seat) -> None:
    """Make this the consulted agent and tell it."""
    t.s.set_routing(consulting=seat)
    _tell_joined(t, seat, "consulting")


def vacate_serving(t: Turn, reason: str) -> None:
    """Free the serving place, if taken: units back, agent and its sockets told."""
    seat = t.s.routing.serving
    if seat is not None:
        t.s.set_routing(serving=None)
        if reason == "transferred":
            served(t, seat, transfers_n=1)
        dismiss(t, seat, reason)


def end_consult(t: Turn, reason: str, asked: Asked | None = None) -> None:
    """End the consultation, if there is one."""
    seat = t.s.routing.consulting
    if seat is not None:
        t.event("consult_ended", asked=asked, aside=True, agent=seat.person, reason=reason)
        t.s.set_routing(consulting=None)
        dismiss(t, seat, reason)


def dismiss(t: Turn, seat: Seat, reason: str) -> None:
    """Tell dispatch, the agent and its sockets that this place is no longer the agent's."""
    session, agent = t.s.address.id, seat.person.id
    if seat.units:
        t.tell_dispatch(Release(session=session, episode=seat.episode, agent=agent))
    t.tell_agent(agent, SessionLeft(session=session, episode=seat.episode))
    t.soft(Detached(session=session, reason=reason), *t.s.room.drop_agent(agent))


def _tell_joined(t: Turn, seat: Seat, as_: str) -> None:
    opening = t.s.opening
    assert opening is not None
    t.tell_agent(
        seat.person.id,
        SessionJoined(
            session=t.s.address.id,
            episode=seat.episode,
            customer=opening.customer,
            as_="serving" if as_ == "serving" else "consulting",
        ),
    )
