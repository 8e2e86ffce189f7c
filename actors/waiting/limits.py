"""Time limits of the waiting, and where they overflow to."""

from __future__ import annotations

import heapq

from actors.config import OrgConfig, QueueConfig
from actors.waiting.line import Place

RESERVED_SHARE = 5
"""One fifth of the limit is kept for transfers and re-queued contacts."""


class Alarms:
    """When the next contact must leave: a heap that may hold contacts that have left."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, str, int]] = []

    def set(self, place: Place, config: QueueConfig, org: OrgConfig) -> None:
        """Remember the first limit that the contact will reach."""
        at = due_at(place, config, org)
        heapq.heappush(self._heap, (at, place.contact.session, place.contact.episode))

    def clear(self) -> None:
        """Forget all (the settings have changed)."""
        self._heap.clear()

    def next_at(self) -> float | None:
        """Return when `due` may have something, None if never."""
        return self._heap[0][0] if self._heap else None

    def due(self, now: float) -> list[tuple[str, int]]:
        """Take out the (session, episode) whose limit has come."""
        found = []
        while self._heap and self._heap[0][0] <= now:
            _, session, episode = heapq.heappop(self._heap)
            found.append((session, episode))
        return found


def due_at(place: Place, config: QueueConfig, org: OrgConfig) -> float:
    """Return when the contact times out or overflows, whichever is first."""
    return min(times_out_at(place, config), overflows_at(place, config, org))


def times_out_at(place: Place, config: QueueConfig) -> float:
    """Return when the contact is closed with `queue_timeout`; one for a named agent waits for it
    no longer than `named_wait_s`."""
    longest_s = config.timeout_s
    if place.contact.agent:
        longest_s = min(longest_s, config.named_wait_s)
    return place.since + longest_s


def overflows_at(place: Place, config: QueueConfig, org: OrgConfig) -> float:
    """Return when the contact has waited so long that it moves on; infinity: never."""
    if config.overflow_after_s is None or place.contact.agent or not leads_on(config, org):
        return float("inf")
    return place.entered_at + config.overflow_after_s


def leads_on(config: QueueConfig, org: OrgConfig) -> bool:
    """Return whether whoever waits too long here can go somewhere: a queue, or a message."""
    return can_overflow(config, org) or config.overflow_message


def is_too_long(config: QueueConfig, org: OrgConfig, eta_s: float | None) -> bool:
    """Return whether so long an estimated wait moves a contact on."""
    limit_s = config.overflow_eta_s
    return eta_s is not None and limit_s is not None and eta_s > limit_s and leads_on(config, org)


def can_overflow(config: QueueConfig, org: OrgConfig) -> bool:
    """Return whether the queue has another, existing one to overflow to."""
    return config.overflow_to in org.queues and config.overflow_to != config.id


def overflows_unstaffed(config: QueueConfig, org: OrgConfig) -> bool:
    """Return whether contacts move on at once while nobody serves the queue.

    Not when the chain of such queues leads back here: contacts would go around for ever.
    """
    seen: set[str] = set()
    step: QueueConfig | None = config
    while step is not None and step.overflow_unstaffed and can_overflow(step, org):
        if step.id in seen:
            return False
        seen.add(step.id)
        step = org.queues.get(step.overflow_to or "")
    return bool(seen)


def is_full(config: QueueConfig, waiting_n: int, *, requeued: bool) -> bool:
    """Return whether a contact more is over the limit for its kind."""
    reserved = 0 if requeued else config.limit // RESERVED_SHARE
    return waiting_n >= config.limit - reserved


def staffable(config: QueueConfig, org: OrgConfig) -> bool:
    """Return whether the settings name any agent at all who serves the queue."""
    return any(
        agent.works
        and agent.kind == config.kind
        and (not config.groups or not set(config.groups).isdisjoint(agent.groups))
        for agent in org.agents.values()
    )
