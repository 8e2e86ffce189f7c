"""Between rows of the decision log and what policies see: contacts and agents, both ways."""

from __future__ import annotations

from collections.abc import Mapping

from policies.decisions import Asked, Candidate
from policies.view import AgentView, ContactView, Demand


def asked(contact: ContactView, customer: str = "") -> Asked:
    """Return the row of a contact."""
    demand = contact.demand
    return Asked(
        session=contact.id,
        episode=contact.episode,
        customer=customer,
        queue=demand.queue,
        kind=demand.kind,
        groups=sorted(demand.groups),
        needs=dict(demand.needs),
        units=demand.units,
        channel=demand.channel,
        arrived_at=contact.arrived_at,
        virtual_at=contact.virtual_at,
        agent=contact.agent,
        prefer=contact.prefer,
        prefer_until=contact.prefer_until,
        exclude=sorted(contact.exclude),
        tried=sorted(contact.tried),
        purpose=contact.purpose,
        vip=contact.vip,
        lang=contact.lang,
        needs_lang=demand.lang,
        intent=contact.intent,
        relaxed=contact.relaxed,
    )


def contact_of(row: Asked) -> ContactView:
    """Return the contact of a row, as the policy saw it."""
    demand = Demand(
        queue=row.queue,
        kind=row.kind,
        groups=frozenset(row.groups),
        needs=tuple(sorted(row.needs.items())),
        units=row.units,
        channel=row.channel,
        lang=row.needs_lang,
    )
    return ContactView(
        id=row.session,
        demand=demand,
        arrived_at=row.arrived_at,
        virtual_at=row.virtual_at,
        episode=row.episode,
        agent=row.agent,
        prefer=row.prefer,
        prefer_until=row.prefer_until,
        exclude=frozenset(row.exclude),
        tried=frozenset(row.tried),
        purpose=row.purpose,
        vip=row.vip,
        lang=row.lang,
        intent=row.intent,
        relaxed=row.relaxed,
    )


def candidate(
    agent: AgentView,
    reason: str,
    propensity: float,
    scores: Mapping[str, float],
    predictions: Mapping[str, float],
) -> Candidate:
    """Return the row of an agent."""
    return Candidate(
        agent=agent.id,
        reason=reason,
        kind=agent.kind,
        groups=sorted(agent.groups),
        skills=dict(agent.skills),
        status=agent.status,
        enabled=agent.enabled,
        capacity=agent.capacity,
        used=agent.used,
        contacts_n=agent.contacts_n,
        idle_since=agent.idle_since,
        languages=sorted(agent.languages),
        channels=dict(agent.channels),
        used_in=dict(agent.used_in),
        quotas=dict(agent.quotas),
        given_at=agent.given_at,
        lately=agent.lately,
        propensity=propensity,
        scores=dict(scores),
        predictions=dict(predictions),
    )


def agent_of(row: Candidate) -> AgentView:
    """Return the agent of a row, as the policy saw it."""
    return AgentView(
        id=row.agent,
        kind=row.kind,
        groups=frozenset(row.groups),
        skills=row.skills,
        capacity=row.capacity,
        used=row.used,
        contacts_n=row.contacts_n,
        status=row.status,
        enabled=row.enabled,
        idle_since=row.idle_since,
        languages=frozenset(row.languages),
        channels=row.channels,
        used_in=row.used_in,
        quotas=row.quotas,
        given_at=row.given_at,
        lately=row.lately,
    )
