"""The life of an offer: made, answered, lapsed; and of what an accepted one becomes, a hold."""

from __future__ import annotations

from actors.dispatch.chronicle import ended, waited
from actors.dispatch.ledger import Hold, Offer
from actors.dispatch.rounds import Proposal
from actors.dispatch.state import State
from actors.effects import Count
from actors.machine import Context
from actors.messages import (
    Assign,
    AssignRefused,
    Contact,
    ContactOffered,
    ContactTaken,
    OfferAnswered,
    OfferEnded,
    OfferLapsed,
    OfferMade,
    Release,
)
from policies.decisions import Ending


def make(s: State, proposal: Proposal, ctx: Context) -> Offer:
    """Offer the contact to the agent; where the queue accepts by itself, assign it."""
    entry = s.room.get(proposal.contact.id)
    assert entry is not None
    contact, queue = entry.contact, s.org.queues[entry.contact.queue]
    offer = Offer(
        id=ctx.new_id(),
        agent=proposal.agent,
        contact=contact,
        virtual_at=entry.virtual_at,
        units=proposal.contact.demand.units,
        made_at=s.now,
        deadline=s.now + queue.offer_timeout_s,
        idle_since=s.staff.idle_since(proposal.agent),
        channel=queue.channel,
    )
    s.staff.set_idle_since(offer.agent, s.now)
    auto = queue.accept == "auto"
    made = OfferMade(offer=offer.id, contact=contact, deadline=offer.deadline, auto=auto)
    s.tell("agent", offer.agent, made)
    if auto:
        _accept(s, offer)
        return offer
    s.out.append(s.ledger.open(offer))
    s.room.offered(contact.session)
    s.staff.refresh(offer.agent)
    told = ContactOffered(episode=contact.episode, offer=offer.id, agent=offer.agent)
    s.tell("session", contact.session, told)
    return offer


def answered(s: State, command: OfferAnswered) -> None:
    """An agent has said yes or no; too late, and it hears what became of the offer."""
    expire(s)
    offer = s.ledger.offers.get(command.offer)
    if offer is None or offer.agent != command.agent:
        held = command.offer in s.ledger.holds
        outcome = "accepted" if held else s.ended.get(command.offer) or "withdrawn"
        s.tell("agent", command.agent, OfferEnded(offer=command.offer, outcome=outcome))
    elif command.accept:
        s.out.append(s.ledger.shut(offer))
        _tell_ended(s, offer, "accepted")
        s.out.append(ended(offer, "accepted", s.now))
        _accept(s, offer)
    else:
        lapse(s, offer, "declined")


def assign_refused(s: State, command: AssignRefused) -> None:
    """The session has moved on: the assignment failed."""
    hold = s.ledger.holds.get(command.offer)
    if hold is None or hold.session != command.session:
        return
    s.ended.set(hold.id, "failed")
    s.out += s.quotas.given_back(hold.agent, hold.queue, s.now)
    _free(s, hold, "failed")
    s.tell("agent", hold.agent, OfferEnded(offer=hold.id, outcome="failed"))
    s.out.append(Count("offers_total", label="failed"))


def release(s: State, command: Release) -> None:
    """The agent no longer holds the contact."""
    for hold in s.ledger.holds_of(command.session):
        if hold.agent == command.agent and hold.episode <= command.episode:
            _free(s, hold, "accepted")


def withdraw(s: State, session: str) -> None:
    """End the session's open offer, if there is one."""
    offer = s.ledger.offer_of(session)
    if offer is not None:
        lapse(s, offer, "withdrawn")


def withdraw_all(s: State, agent: str) -> None:
    """End every open offer to the agent."""
    for offer in s.ledger.offers_to(agent):
        lapse(s, offer, "withdrawn")


def expire(s: State) -> None:
    """End the offers whose deadline has come: missed."""
    while (offer := s.ledger.overdue(s.now)) is not None:
        lapse(s, offer, "missed")
        withdraw_all(s, offer.agent)


def lapse(s: State, offer: Offer, outcome: Ending) -> None:
    """An offer ends without a yes: units back, the contact waits on at its old age."""
    s.out.append(s.ledger.shut(offer))
    s.ended.set(offer.id, outcome)
    if outcome == "withdrawn":
        s.staff.set_idle_since(offer.agent, offer.idle_since)
    if outcome == "missed":
        s.staff.missed(offer.agent)
    s.staff.refresh(offer.agent)
    tried = offer.agent if outcome in ("declined", "missed") else ""
    contact = offer.contact
    s.room.back(contact.session, s.now, tried=tried)
    _tell_ended(s, offer, outcome)
    lapsed = OfferLapsed(episode=contact.episode, offer=offer.id, outcome=outcome)
    s.tell("session", contact.session, lapsed)
    s.out += [Count("offers_total", label=outcome), ended(offer, outcome, s.now)]
    s.staff_changed = True
    s.change("OfferLapsed")


def tell_of_holding(s: State, contact: Contact, *, abandoned: bool) -> None:
    """The contact waits no longer: say what came of its having been held back, if it was."""
    known = s.held.get(contact.session)
    if known is not None and known[0] == contact.episode:
        s.out.append(waited(known[1], contact, s.now, abandoned=abandoned))


def _accept(s: State, offer: Offer) -> None:
    contact = offer.contact
    session, episode = contact.session, contact.episode
    s.ended.set(offer.id, "accepted")
    s.room.remove(session)
    tell_of_holding(s, contact, abandoned=False)
    s.close(session, episode)
    s.out.append(s.ledger.hold(offer.accepted(s.now)))
    s.out += s.quotas.accepted(offer.agent, contact.queue, s.now)
    taken = ContactTaken(session=session, episode=episode, agent=offer.agent)
    s.tell("queue", contact.queue, taken)
    assign = Assign(episode=episode, offer=offer.id, agent=offer.agent, purpose=contact.purpose)
    s.tell("session", session, assign)
    s.out.append(Count("offers_total", label="accepted"))
    s.staff.refresh(offer.agent)


def _free(s: State, hold: Hold, outcome: Ending) -> None:
    s.out.append(s.ledger.release(hold))
    s.out.append(ended(hold, outcome, s.now))
    s.close(hold.session, hold.episode)
    s.staff.set_idle_since(hold.agent, s.now)
    s.staff.refresh(hold.agent)
    s.change("Release")


def _tell_ended(s: State, offer: Offer, outcome: str) -> None:
    s.tell("agent", offer.agent, OfferEnded(offer=offer.id, outcome=outcome))
