"""Who may do what in a session, and what they hear when they may not.

Permission follows from durable state alone (who serves, consults, has joined) and the role that the
gateway authenticated, never from which sockets happen to be attached.
"""

from __future__ import annotations

from typing import Literal

from actors.messages import Person
from actors.session.state import State
from actors.session.turn import Asked, Turn

You = Literal["customer", "serving", "consulting", "joined", "watching", "none"]


def is_leader(person: Person) -> bool:
    """Tell whether the person may supervise."""
    return person.role in ("leader", "admin")


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


def refuse_stranger(t: Turn, asked: Asked) -> None:
    """Answer someone who has no part in the session (any more)."""
    t.refuse(asked, "not_your_session", "You do not take part in this session.")


def refuse_over(t: Turn, asked: Asked) -> None:
    """Answer someone who comes after the end."""
    t.refuse(asked, "session_closed", "The conversation has ended.")
