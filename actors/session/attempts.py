"""Asking for an agent: contacts put into queues and taken out again, one attempt at a time.

Every attempt gets the next episode, so that whatever a queue or dispatch says about an earlier one
is recognised as late.
"""

from __future__ import annotations

import msgspec

from actors.config import BlacklistEntry
from actors.messages import Contact, Enqueue, LeaveQueue, Person
from actors.session.state import Attempt, State
from actors.session.turn import Turn
from policies.admission import blocked


def barred(s: State, now: float, *, human: bool) -> BlacklistEntry | None:
    """Return the blacklist entry that keeps the customer from this service now, if any."""
    assert s.opening is not None
    customer = s.opening.customer
    return blocked(
        s.config.blacklist,
        customer=customer.id,
        ip=customer.ip,
        device=customer.device,
        human=human,
        now=now,
    )


def is_human(s: State, queue: str) -> bool:
    """Tell whether people serve this queue."""
    return s.queue(queue).kind != "bot"


def to_serve(t: Turn, queue: str, *, requeued: bool = False, fallback: str = "") -> None:
    """Put the customer into a queue; nobody serves until an offer is accepted."""
    s = t.s
    prefer, until = _sticky(s, queue, t.now)
    contact = msgspec.structs.replace(
        _contact(s, queue), requeued=requeued, prefer=prefer, prefer_until=until
    )
    wait_for(t, contact, fallback=fallback)


def to_transfer(t: Turn, queue: str, *, by: Person, note: str, fallback: str) -> None:
    """Put the customer into another queue on an agent's word, with the agent's note."""
    contact = msgspec.structs.replace(
        _contact(t.s, queue),
        needs={},
        exclude=[by.id],
        requeued=True,
        purpose="transfer",
        summary=note,
    )
    wait_for(t, contact, by=by, fallback=fallback)


def to_hand_off(t: Turn, queue: str, *, by: Person, note: str, fallback: str) -> None:
    """Put the customer of a bot into a queue: still the first wait for a human, at its age."""
    prefer, until = _sticky(t.s, queue, t.now)
    contact = msgspec.structs.replace(
        _contact(t.s, queue),
        exclude=[by.id],
        requeued=True,
        hand_off=True,
        prefer=prefer,
        prefer_until=until,
        summary=note,
    )
    wait_for(t, contact, by=by, fallback=fallback)


def to_stay(t: Turn, queue: str, *, by: Person, note: str, hand_off: bool) -> None:
    """Put the customer into a queue while the present agent serves on; `hand_off`: it is a bot, and
    this the first wait for a human."""
    prefer, until = _sticky(t.s, queue, t.now) if hand_off else ("", 0.0)
    contact = _contact(t.s, queue)
    contact = msgspec.structs.replace(
        contact,
        needs=contact.needs if hand_off else {},
        exclude=[by.id],
        requeued=True,
        hand_off=hand_off,
        prefer=prefer,
        prefer_until=until,
        purpose="transfer",
        summary=note,
    )
    _begin(t, Attempt(contact=contact, since=t.now, by=by))


def waits_served(s: State) -> Attempt | None:
    """Return the attempt of a customer who is in a queue while an agent serves on, if it is so."""
    attempt = s.routing.attempt
    if s.routing.phase != "serving" or attempt is None or attempt.contact.agent:
        return None
    return attempt if attempt.contact.purpose == "transfer" else None


def to_colleague(t: Turn, queue: str, agent: str, *, by: Person, note: str, consult: bool) -> None:
    """Ask one agent (or anyone of a queue) while the present agent goes on serving."""
    contact = msgspec.structs.replace(
        _contact(t.s, queue or t.s.routing.queue),
        needs={},
        agent=agent,
        exclude=[by.id],
        requeued=True,
        purpose="consult" if consult else "transfer",
        summary=note,
    )
    _begin(t, Attempt(contact=contact, since=t.now, by=by))


def wait_for(t: Turn, contact: Contact, *, by: Person | None = None, fallback: str = "") -> None:
    """Begin an attempt in whose queue the customer waits."""
    t.s.set_routing(phase="waiting", queue=contact.queue)
    t.event("waiting", queue=contact.queue)
    _begin(t, Attempt(contact=contact, since=t.now, by=by, fallback=fallback))


def move(t: Turn, attempt: Attempt, queue: str, *, fallback: str = "") -> None:
    """Try the same contact, at its age, in another queue, which has not seen it yet."""
    contact = msgspec.structs.replace(attempt.contact, queue=queue)
    if t.s.routing.phase == "waiting":
        wait_for(t, contact, by=attempt.by, fallback=fallback)
    else:
        _begin(t, Attempt(contact=contact, since=t.now, by=attempt.by))


def withdraw(t: Turn, *, abandoned: bool = False) -> None:
    """Take the present attempt, if there is one, out of its queue; `abandoned`: nobody waits on."""
    attempt = t.s.routing.attempt
    if attempt is not None:
        contact = attempt.contact
        leave = LeaveQueue(session=contact.session, episode=contact.episode, abandoned=abandoned)
        t.tell_queue(contact.queue, leave)
        t.s.set_routing(attempt=None)


def _begin(t: Turn, attempt: Attempt) -> None:
    episode = t.s.routing.episode + 1
    contact = msgspec.structs.replace(attempt.contact, episode=episode)
    attempt = msgspec.structs.replace(attempt, contact=contact)
    t.s.set_routing(attempt=attempt, episode=episode)
    t.s.place = (0, -1.0)  # until the queue tells
    t.tell_queue(contact.queue, Enqueue(contact=contact))


def _contact(s: State, queue: str) -> Contact:
    opening = s.opening
    assert opening is not None
    return Contact(
        session=s.address.id,
        episode=0,
        queue=queue,
        customer=opening.customer,
        needs=opening.needs,
        arrived_at=opening.at,
        priority_points=s.config.vip_points.get(opening.customer.vip, 0.0),
        subject=opening.subject,
    )


def _sticky(s: State, queue: str, now: float) -> tuple[str, float]:
    """Return who is waited for, and until when. Only before a human has served: a transfer or a
    lost agent is no reason to wait for the one before.

    The agent of a session that ended a moment ago may be of any kind; after that, only a person.
    """
    opening, settings = s.opening, s.queue(queue)
    assert opening is not None
    agent = s.config.agents.get(opening.last_agent)
    if s.routing.human or agent is None or not agent.works or settings.sticky_wait_s <= 0:
        return "", 0.0
    recent = now - opening.last_ended_at < settings.sticky_within_s
    if agent.kind != settings.kind or not (recent or agent.kind == "human"):
        return "", 0.0
    return agent.id, now + settings.sticky_wait_s
