"""Who may do what in a session, and what they hear when they may not.

Permission follows from durable state alone (who serves, consults, has joined), the settings and the
role that the gateway authenticated, never from which sockets happen to be attached. Where the
settings know the person, it is their role that counts: they are newer than any socket.
"""

from __future__ import annotations

from typing import Literal

from actors.messages import Person
from actors.permissions import SUPERVISORY, Rights, leads_session, rights_of
from actors.session.state import State
from actors.session.turn import Asked, Turn

You = Literal["customer", "serving", "consulting", "joined", "watching", "none"]


def supervises(s: State, person: Person, act: str) -> bool:
    """Tell whether the person may do this in other people's sessions, and in this one."""
    if person.role == "customer":
        return False
    rights = _rights(s, person)
    return act in rights.permissions and _in_reach(s, rights)


def is_hidden(s: State, person: Person) -> bool:
    """Tell whether the session must look to the person as if it did not exist: somebody leads, but
    not here. Whoever serves, consults or has joined is no stranger."""
    if person.role == "customer" or standing(s, person) != "none":
        return False
    rights = _rights(s, person)
    return not rights.permissions.isdisjoint(SUPERVISORY) and not _in_reach(s, rights)


def _rights(s: State, person: Person) -> Rights:
    known = s.config.agents.get(person.id)
    return rights_of(s.config, person.role if known is None else known.role, person.id)


def _in_reach(s: State, rights: Rights) -> bool:
    seat = s.routing.serving
    agent = "" if seat is None else seat.person.id
    return leads_session(s.config, rights, s.routing.queue, agent)


def standing(s: State, person: Person) -> You:
    """Return what the person is in this session now ("watching" is never told from here)."""
    if person.role == "customer":
        opening = s.opening
        return "customer" if opening and opening.customer.id == person.id else "none"
    routing = s.routing
    if routing.phase == "closed":
        return "none"
    if routing.serving and routing.serving.person.id == person.id:
        return "serving"
    if routing.consulting and routing.consulting.person.id == person.id:
        return "consulting"
    if any(joined.id == person.id for joined in routing.joined):
        return "joined"
    return "none"


def seen(s: State) -> dict[str, str | list[str]]:
    """Return how the session stands, as the audit keeps it."""
    seat = s.routing.serving
    return {
        "state": s.label(),
        "queue": s.routing.queue,
        "agent": "" if seat is None else seat.person.id,
        "joined": [person.id for person in s.routing.joined],
    }


def refuse_stranger(t: Turn, asked: Asked) -> None:
    """Answer someone who has no part in the session (any more)."""
    if is_hidden(t.s, asked.person):
        refuse_unknown(t, asked)
    else:
        t.refuse(asked, "not_your_session", "You do not take part in this session.")


def refuse_unknown(t: Turn, asked: Asked) -> None:
    """Answer as for a session that does not exist."""
    t.refuse(asked, "unknown_session", "There is no such session.")


def refuse_over(t: Turn, asked: Asked) -> None:
    """Answer someone who comes after the end."""
    t.refuse(asked, "session_closed", "The conversation has ended.")
