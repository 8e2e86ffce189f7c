"""Eligibility: may this agent be given this contact now, and if not, why not."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from policies.view import AgentView, ContactView, Demand

REASONS = (
    "disabled",
    "not_available",
    "capacity",
    "channel",
    "quota",
    "named",
    "excluded",
    "tried",
    "preferred",
    "kind",
    "group",
    "language",
    "skill",
)
"""Every code that `reason` returns: the agent's account is off; its status is not `available`; not
enough units free, or not of the contact's channel; its quota of the queue for today is used up;
the contact is for another agent; must not go to this one; this one declined or
missed it; waits for a preferred agent; is for the other kind of agent; for other groups; needs a
language that the agent does not speak; needs a skill or level that the agent has not."""


def reason(contact: ContactView, agent: AgentView, now: float) -> str | None:
    """Return None if the agent may be given the contact at `now`, else one of `REASONS`."""
    if not agent.enabled:
        return "disabled"
    if agent.status != "available":
        return "not_available"
    full = agent.full(contact.demand)
    if full is not None:
        return full
    return personal(contact, agent.id, now) or (
        None if contact.agent else unfit(contact.demand, agent)
    )


def personal(contact: ContactView, agent: str, now: float) -> str | None:
    """Return why the contact itself rules this agent out (`agent`: its id), or None."""
    if contact.agent and contact.agent != agent:
        return "named"
    if agent in contact.exclude:
        return "excluded"
    if agent in contact.tried:
        return "tried"
    if contact.prefer and contact.prefer != agent and now < contact.prefer_until:
        return "preferred"
    return None


def unfit(demand: Demand, agent: AgentView) -> str | None:
    """Return why the agent can never serve contacts of this demand, or None. Holds until the
    agent's settings change: status and load do not matter."""
    if demand.kind != agent.kind:
        return "kind"
    if demand.groups and demand.groups.isdisjoint(agent.groups):
        return "group"
    if demand.lang and demand.lang not in agent.languages:
        return "language"
    skills = agent.skills
    for skill, level in demand.needs:
        if skills.get(skill, 0) < level:
            return "skill"
    return None
