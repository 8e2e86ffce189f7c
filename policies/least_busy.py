"""Least busy: whoever waits longest is served by the agent with the smallest share of load."""

from __future__ import annotations

from random import Random

from policies.draft import oldest_first
from policies.view import AgentView, Match, View


def load_order(agent: AgentView) -> tuple[float, ...]:
    """Return the key: units taken per unit of capacity, then the longest idle."""
    return (agent.used / agent.capacity, agent.idle_since)


class LeastBusy:
    """Join the shortest queue, in relative load: an agent with 1 of 2 units taken is as busy as
    one with 5 of 10.

    Best for concurrent chats whose total completion rate is concave in the number held: Tezcan and
    Zhang, "Routing and staffing in customer service chat systems with impatient customers",
    Operations Research 62 (2014).
    """

    name = "least_busy"

    def decide(self, view: View, rng: Random) -> list[Match]:  # noqa: ARG002 - needs no dice
        """Return the matches; see `Policy.decide`."""
        return oldest_first(view, lambda contact, draft: draft.best(contact, load_order))
