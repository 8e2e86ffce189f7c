"""Fastest first: whoever waits longest is served by the agent who handles its type fastest."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from policies.draft import Draft, oldest_first
from policies.static_skill_priority import since
from policies.view import AgentView, ContactView, Match, View


class FastestFirst:
    """Faster servers first, by mean handle times learned elsewhere.

    `mean_s`: (group, queue) -> seconds; what is missing counts as slowest. Longest idle settles
    ties. Source: Armony, "Dynamic routing in large-scale service systems with heterogeneous
    servers", Queueing Systems 51 (2005).
    """

    name = "fastest_first"

    def __init__(self, mean_s: Mapping[tuple[str, str], float] | None = None) -> None:
        self._mean_s = dict(mean_s or {})

    def decide(self, view: View, rng: Random) -> list[Match]:  # noqa: ARG002 - needs no dice
        """Return the matches; see `Policy.decide`."""
        return oldest_first(view, self._fastest)

    def _fastest(self, contact: ContactView, draft: Draft) -> AgentView | None:
        queue = contact.demand.queue
        return min(
            draft.best_of_groups(contact, since),
            key=lambda agent: (self._time(agent, queue), agent.idle_since, agent.id),
            default=None,
        )

    def _time(self, agent: AgentView, queue: str) -> float:
        never = float("inf")
        return min((self._mean_s.get((g, queue), never) for g in agent.groups), default=never)
