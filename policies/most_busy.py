"""Most busy: whoever waits longest is served by the busiest agent who still has room."""

from __future__ import annotations

from random import Random

from policies.draft import oldest_first
from policies.view import AgentView, Match, View


def packed_order(agent: AgentView) -> tuple[float, ...]:
    """Return the key: the largest share of units taken, then the longest idle."""
    return (-agent.used / agent.capacity, agent.idle_since)


class MostBusy:
    """Fill one agent before the next.

    Best for concurrent chats whose total completion rate is convex in the number held, and for
    keeping agents free for contacts that take many units: Tezcan and Zhang, "Routing and staffing
    in customer service chat systems with impatient customers", Operations Research 62 (2014).
    """

    name = "most_busy"

    def decide(self, view: View, rng: Random) -> list[Match]:  # noqa: ARG002 - needs no dice
        """Return the matches; see `Policy.decide`."""
        return oldest_first(view, lambda contact, draft: draft.best(contact, packed_order))
