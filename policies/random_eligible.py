"""Random: whoever waits longest is served by an eligible agent drawn by lot."""

from __future__ import annotations

from random import Random

from policies.draft import oldest_first
from policies.view import AgentView, Match, View


class RandomEligible:
    """Every eligible agent with the same chance: the control that other policies are measured
    against (FCFS-RAIS in Adan and Weiss 2014)."""

    name = "random_eligible"

    def decide(self, view: View, rng: Random) -> list[Match]:
        """Return the matches; see `Policy.decide`."""
        return oldest_first(view, lambda contact, draft: _draw(draft.eligible(contact), rng))


def _draw(agents: list[AgentView], rng: Random) -> AgentView | None:
    return rng.choice(agents) if agents else None
