"""Weight based: every pair has a weight that grows as the contact waits and the agent idles."""

from __future__ import annotations

from random import Random

from policies.draft import Draft
from policies.heads import Heads
from policies.longest_idle import idle_order
from policies.prices import Pairs
from policies.view import AgentView, ContactView, Match, View

Weighed = tuple[tuple[float, tuple[float, float, str], tuple[float, ...], str], AgentView]


class WeightBased:
    """Serve the pair of largest weight, while it is not negative.

    Weight of (group, queue): `offset` + `wait_slope` x seconds waited + `idle_slope` x seconds
    idle; 0, 1 and 1 where they are silent. A negative offset makes a pair wait: the agents are
    kept for other contacts until this one is old enough. Source: Chan, Koole, L'Ecuyer, "Dynamic
    call center routing policies using call waiting and agent idle times", M&SOM 16 (2014).
    """

    name = "weight_based"

    def __init__(
        self,
        offset: Pairs | None = None,
        wait_slope: Pairs | None = None,
        idle_slope: Pairs | None = None,
    ) -> None:
        self._offset, self._wait = dict(offset or {}), dict(wait_slope or {})
        self._idle = dict(idle_slope or {})

    def decide(self, view: View, rng: Random) -> list[Match]:  # noqa: ARG002 - needs no dice
        """Return the matches; see `Policy.decide`."""
        draft, heads = Draft(view), Heads(view)
        while len(draft.matches) < view.limit:
            best: tuple[Weighed, ContactView] | None = None
            for contact in heads:
                found = self._best_for(contact, draft)
                if found is not None and (best is None or found[0] < best[0][0]):
                    best = (found, contact)
            if best is None:
                break
            draft.give(best[1], best[0][1])
            heads.take(best[1])
        return draft.matches

    def _best_for(self, contact: ContactView, draft: Draft) -> Weighed | None:
        best: Weighed | None = None
        for agent in draft.best_of_groups(contact, idle_order):
            weight = self.weight(contact, agent, draft.view.now)
            key = (-weight, contact.order, idle_order(agent), agent.id)
            if (weight >= 0.0 or contact.agent) and (best is None or key < best[0]):
                best = (key, agent)
        return best

    def weight(self, contact: ContactView, agent: AgentView, now: float) -> float:
        """Return the pair's weight; an agent of several groups counts as the one that weighs
        most."""
        queue = contact.demand.queue
        waited, idle = now - contact.virtual_at, max(now - agent.idle_since, 0.0)
        return max(
            self._offset.get((group, queue), 0.0)
            + self._wait.get((group, queue), 1.0) * waited
            + self._idle.get((group, queue), 1.0) * idle
            for group in (agent.groups or {""})
        )
