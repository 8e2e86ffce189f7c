"""Generalised c-mu: serve where waiting costs most per second of an agent's work."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from policies.draft import Draft
from policies.index_rule import Means, largest_index, rate
from policies.view import AgentView, ContactView, Match, View


class GeneralisedCMu:
    """Largest cost x (virtual) wait x completion rate: waiting costs grow with the square of time.

    `cost`: queue -> cost, 1 where it is silent; `mean_s`: (group, queue) -> seconds. Source:
    Mandelbaum and Stolyar, "Scheduling flexible servers with convex delay costs", Operations
    Research 52 (2004); Van Mieghem, Annals of Applied Probability 5 (1995).
    """

    name = "generalised_cmu"

    def __init__(
        self, cost: Mapping[str, float] | None = None, mean_s: Means | None = None
    ) -> None:
        self._cost, self._mean_s = dict(cost or {}), dict(mean_s or {})

    def decide(self, view: View, rng: Random) -> list[Match]:  # noqa: ARG002 - needs no dice
        """Return the matches; see `Policy.decide`."""
        return largest_index(view, self._index)

    def _index(self, contact: ContactView, agent: AgentView, draft: Draft) -> float:
        queue = contact.demand.queue
        wait_s = draft.view.now - contact.virtual_at
        return self._cost.get(queue, 1.0) * wait_s * rate(self._mean_s, agent, queue)
