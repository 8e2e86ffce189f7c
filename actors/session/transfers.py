"""Handing a session on: to an agent or a queue, at once (cold) or after consulting (warm).

A named agent, and anyone consulted, is asked while the present agent goes on serving; a cold
transfer to a queue lets go at once. Notes are for staff: they travel with the offer and on the
aside track.
"""

from __future__ import annotations

from actors.messages import CancelTransfer, CompleteTransfer, Person, Transfer
from actors.session.attempts import (
    barred,
    is_human,
    to_colleague,
    to_hand_off,
    to_stay,
    to_transfer,
    withdraw,
)
from actors.session.people import refuse_over, refuse_stranger, standing
from actors.session.routing import hand_over
from actors.session.seating import end_consult, vacate_serving
from actors.session.turn import Turn


def transfer(t: Turn, c: Transfer) -> None:
    """Start handing the session on."""
    if not _may_hand_on(t, c):
        return
    routing = t.s.routing
    if routing.attempt is not None or routing.consulting is not None:
        t.refuse(c, "wrong_state", "A transfer is under way: complete or cancel it first.")
    elif bool(c.agent) == bool(c.queue):
        t.refuse(c, "bad_frame", "Name exactly one of agent and queue.")
    elif c.queue:
        _to_queue(t, c)
    else:
        _to_agent(t, c)


def complete(t: Turn, c: CompleteTransfer) -> None:
    """Hand the session to the consulted agent."""
    if not _may_hand_on(t, c):
        return
    seat = t.s.routing.consulting
    if seat is None:
        t.refuse(c, "wrong_state", "Nobody is being consulted.")
        return
    t.event("consult_ended", asked=c, aside=True, agent=seat.person, reason="completed")
    t.s.set_routing(consulting=None)
    hand_over(t, seat, by=c.person)


def cancel(t: Turn, c: CancelTransfer) -> None:
    """Withdraw what is pending, or end the consultation; the present agent goes on."""
    if not _may_hand_on(t, c):
        return
    attempt = t.s.routing.attempt
    if attempt is not None:
        withdraw(t)
        t.event(
            "transfer_failed",
            asked=c,
            aside=True,
            agent=attempt.contact.agent,
            reason="cancelled",
        )
    elif t.s.routing.consulting is not None:
        end_consult(t, "cancelled", c)
    else:
        t.refuse(c, "wrong_state", "No transfer is under way.")


def _may_hand_on(t: Turn, c: Transfer | CompleteTransfer | CancelTransfer) -> bool:
    """Only the serving agent may; everyone else is told why not."""
    you, phase = standing(t.s, c.person), t.s.routing.phase
    if you == "serving" and phase == "serving":
        return True
    if c.person.role == "customer" or you in ("consulting", "joined"):
        t.refuse(c, "forbidden", "Only the serving agent may transfer.")
    elif you == "serving":
        refuse_over(t, c)
    else:
        refuse_stranger(t, c)
    return False


def _to_queue(t: Turn, c: Transfer) -> None:
    s = t.s
    if c.queue not in s.config.queues:
        t.refuse(c, "unknown_queue", "There is no such queue.")
        return
    if barred(s, t.now, human=is_human(s, c.queue)):
        t.refuse(c, "blacklisted", "This customer may not be served there.")
        return
    _asked(t, c)
    if c.warm:
        to_colleague(t, c.queue, "", by=c.person, note=c.note, consult=True)
        return
    if c.stay:
        to_stay(t, c.queue, by=c.person, note=c.note, hand_off=_is_bot(t, c.person))
        return
    home = s.routing.queue
    fallback = home if home != c.queue else ""
    t.event("transferred", by=c.person, queue=c.queue)
    vacate_serving(t, "transferred")
    by_bot = _is_bot(t, c.person)
    enqueue = to_hand_off if by_bot else to_transfer
    enqueue(t, c.queue, by=c.person, note=c.note, fallback=fallback)


def _to_agent(t: Turn, c: Transfer) -> None:
    agent = t.s.config.agents.get(c.agent)
    if agent is None or not agent.works or c.agent == c.person.id:
        t.refuse(c, "unknown_agent", "There is no such agent to transfer to.")
    elif barred(t.s, t.now, human=agent.kind != "bot"):
        t.refuse(c, "blacklisted", "This customer may not be served there.")
    else:
        _asked(t, c)
        to_colleague(t, "", c.agent, by=c.person, note=c.note, consult=c.warm)


def _asked(t: Turn, c: Transfer) -> None:
    """Journal what was asked for, for staff, under the command's client id."""
    how = "warm" if c.warm else "cold"
    t.event(
        "transfer_asked",
        asked=c,
        aside=True,
        agent=c.agent,
        queue=c.queue,
        reason=how,
        note=c.note,
    )


def _is_bot(t: Turn, person: Person) -> bool:
    agent = t.s.config.agents.get(person.id)
    return agent.kind == "bot" if agent is not None else person.kind == "bot"
