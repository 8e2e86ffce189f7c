"""Longest idle: whoever waits longest is served by the agent who has been without work longest."""

from __future__ import annotations

from random import Random

from policies.draft import oldest_first
from policies.view import AgentView, Match, View


def idle_order(agent: AgentView) -> tuple[float, ...]:
    """Return the key: agents with no contact at all first, then the longest since the last one."""
    return (0.0 if agent.contacts_n == 0 else 1.0, agent.idle_since)


class LongestIdle:
    """First come, first served, assigned to the longest idle server.

    With one contact an agent this is FCFS-ALIS (Adan and Weiss, "A skill based parallel service
    system under FCFS-ALIS", Stochastic Systems 4, 2014). With several, agents who hold none come
    first; among the others the time since the last assignment or ending decides, so work goes
    around.
    """

    name = "longest_idle"

    def decide(self, view: View, rng: Random) -> list[Match]:  # noqa: ARG002 - needs no dice
        """Return the matches; see `Policy.decide`."""
        return oldest_first(view, lambda contact, draft: draft.best(contact, idle_order))
