"""Weighted: whoever waits longest is served by an agent drawn in proportion to weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
                settings = view.queues.get(contact.demand.queue)
                own = settings.weights if settings else {}
                chances = shares(agents, {**own, **self._weights})
                agent = rng.choices(agents, chances)[0]
                each = {a.id: chance for a, chance in zip(agents, chances, strict=True)}
                draft.give(contact, agent, Why(propensities=each))
        return draft.matches


def shares(agents: Sequence[AgentView], weights: Mapping[str, float]) -> list[float]:
    """Return each agent's chance: in proportion to its weight, 1 where it is silent; all the same
    when every weight is 0."""
    given = [max(weights.get(agent.id, 1.0), 0.0) for agent in agents]
    total = sum(given)
    return [w / total for w in given] if total > 0 else [1.0 / len(agents)] * len(agents)
