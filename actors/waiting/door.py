"""The door of a queue: who may come in now, and who may be sent on from it."""

from __future__ import annotations

from actors.config import QueueConfig
from actors.hours import is_open
from actors.messages import Contact


def is_closed_to(contact: Contact, config: QueueConfig, now: float) -> bool:
    """Return whether the hours keep the contact out.

    Whoever lost an agent was in already; an agent asked for by name says whether it is there.
    """
    lost_agent = contact.requeued and contact.purpose == "serve" and not contact.hand_off
    if contact.agent or lost_agent:
        return False
    return not is_open(config.hours, now)


def needs_somebody(contact: Contact, config: QueueConfig) -> bool:
    """Return whether the contact leaves a message rather than wait while nobody is on duty."""
    return contact.hand_off or (config.message_unstaffed and not contact.agent)


def may_move(contact: Contact) -> bool:
    """Return whether a long estimated wait may move the contact on."""
    return not (contact.agent or contact.moved)
