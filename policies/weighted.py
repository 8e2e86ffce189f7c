"""Weighted: whoever waits longest is served by an agent drawn in proportion to weights."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from policies.draft import Draft
from policies.view import AgentView, Match, View, Why


class Weighted:
    """An eligible agent by lot, with chances in proportion to the queue's weights.

    `weights`: agent -> weight; where it is silent, the queue's own settings, else 1. An agent of
    weight 0 is drawn only when nobody else is eligible. Over time each agent's share of contacts is
    its share of the weights of those who are free. Source: static allocation by chances, Combe and
    Boxma, "Optimization of static traffic allocation policies", Theoretical Computer Science 125
    (1994).
    """

    name = "weighted"

    def __init__(self, weights: Mapping[str, float] | None = None) -> None:
        self._weights = dict(weights or {})

    def decide(self, view: View, rng: Random) -> list[Match]:
        """Return the matches; see `Policy.decide`."""
        draft = Draft(view)
        for contact in draft.candidates():
            agents = draft.eligible(contact)
            if agents:
                chances = self._chances(agents, view, contact.demand.queue)
                agent = rng.choices(agents, chances)[0]
                each = {a.id: chance for a, chance in zip(agents, chances, strict=True)}
                draft.give(contact, agent, Why(propensities=each))
        return draft.matches

    def _chances(self, agents: list[AgentView], view: View, queue: str) -> list[float]:
        settings = view.queues.get(queue)
        own = settings.weights if settings else {}
        weights = [max(self._weights.get(a.id, own.get(a.id, 1.0)), 0.0) for a in agents]
        total = sum(weights)
        return [w / total for w in weights] if total > 0 else [1.0 / len(agents)] * len(agents)
