"""Last idle: whoever waits longest is served by the agent who became idle last."""

from __future__ import annotations

from random import Random

from policies.draft import oldest_first
from policies.view import AgentView, Match, View


def last_order(agent: AgentView) -> tuple[float, ...]:
    """Return the key: the shortest since the last assignment or ending."""
    return (-agent.idle_since,)


class LastIdle:
    """Last idle server first: the few who work keep working, the others rest in one piece.

    With one type and equal agents the customers' waits are those of every order of the idle, since
    the number of contacts is the same Markov chain (Kleinrock, Queueing Systems I, 1975, 3.5); only
    the agents' idle time is shared out differently.
    """

    name = "last_idle"

    def decide(self, view: View, rng: Random) -> list[Match]:  # noqa: ARG002 - needs no dice
        """Return the matches; see `Policy.decide`."""
        return oldest_first(view, lambda contact, draft: draft.best(contact, last_order))
