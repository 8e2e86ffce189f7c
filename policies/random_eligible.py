"""Random: whoever waits longest is served by an eligible agent drawn by lot."""

from __future__ import annotations

from random import Random

from policies.draft import Draft
from policies.view import Match, View, Why


class RandomEligible:
    """Every eligible agent with the same chance: the control that other policies are measured
    against (FCFS-RAIS in Adan and Weiss 2014)."""

    name = "random_eligible"

    def decide(self, view: View, rng: Random) -> list[Match]:
        """Return the matches; see `Policy.decide`."""
        draft = Draft(view)
        for contact in draft.candidates():
            agents = draft.eligible(contact)
            if agents:
                draft.give(contact, rng.choice(agents), Why(uniform_n=len(agents)))
        return draft.matches
