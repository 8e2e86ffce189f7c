"""Idle threshold: a group lends agents to a queue only while enough of them stay free."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from random import Random

from policies.draft import Draft, oldest_first
from policies.longest_idle import idle_order
from policies.view import AgentView, ContactView, Match, View


class IdleThresholdReserve:
    """Longest idle, with agents kept back for the contacts they are meant for.

    `reserve`: (group, queue) -> free agents of the group that must be left after it serves the
    queue; 0 where it is silent. Source: Gans and Zhou, "A call-routing problem with service-level
    constraints", Operations Research 51 (2003); Armony and Maglaras, Operations Research 52 (2004).
    """

    name = "idle_threshold_reserve"

    def __init__(self, reserve: Mapping[tuple[str, str], int] | None = None) -> None:
        self._reserve = dict(reserve or {})

    def decide(self, view: View, rng: Random) -> list[Match]:  # noqa: ARG002 - needs no dice
        """Return the matches; see `Policy.decide`."""
        return oldest_first(view, self._choose)

    def _choose(self, contact: ContactView, draft: Draft) -> AgentView | None:
        if not self._reserve:
            return draft.best(contact, idle_order)
        taken = {match.agent for match in draft.matches}
        ids = (agent for agent in draft.view.pool.free if agent not in taken)
        free = Counter(group for agent in ids for group in draft.view.pool[agent].groups)

        def lends(agent: AgentView) -> bool:
            keep = (self._reserve.get((g, contact.demand.queue), 0) for g in agent.groups)
            return all(free[g] > least for g, least in zip(agent.groups, keep, strict=True))

        return min(
            filter(lends, draft.eligible(contact)),
            key=lambda agent: (*idle_order(agent), agent.id),
            default=None,
        )
