"""Max weight: serve the class with the most work waiting that the free agent does fastest."""

from __future__ import annotations

from random import Random

from policies.draft import Draft
from policies.index_rule import Means, largest_index, rate
from policies.view import AgentView, ContactView, Match, View


class MaxWeight:
    """Largest queue length x completion rate: keeps every queue stable that can be.

    `mean_s`: (group, queue) -> seconds. Source: Tassiulas and Ephremides, IEEE Transactions on
    Automatic Control 37 (1992); Stolyar, Annals of Applied Probability 14 (2004).
    """

    name = "max_weight"

    def __init__(self, mean_s: Means | None = None) -> None:
        self._mean_s = dict(mean_s or {})

    def decide(self, view: View, rng: Random) -> list[Match]:  # noqa: ARG002 - needs no dice
        """Return the matches; see `Policy.decide`."""
        return largest_index(view, self._index)

    def _index(self, contact: ContactView, agent: AgentView, draft: Draft) -> float:
        waiting = len(draft.view.waiting.classes.get(contact.demand, ()))
        given = sum(
            draft.view.waiting[match.contact].demand == contact.demand for match in draft.matches
        )
        return max(waiting - given, 1) * rate(self._mean_s, agent, contact.demand.queue)
