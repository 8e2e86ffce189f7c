"""Round robin: whoever waits longest goes to the agent whose turn it is."""

from __future__ import annotations

from random import Random

from policies.draft import oldest_first
from policies.view import AgentView, Match, View


def turn_order(agent: AgentView) -> tuple[float, ...]:
    """Return the key: who was given a contact longest ago is next; of those of one round, who holds
    the fewest."""
    return (agent.given_at, agent.contacts_n)


class RoundRobin:
    """Agents in turn, however long each contact takes and whoever went idle first.

    The turn is kept in the view, as the time of each agent's last contact: who has room and was
    served longest ago is next, then by id. Agents who come back from a break are soon next, and
    nobody is skipped for good. Source: Arpaci-Dusseau, "Operating Systems: Three Easy Pieces"
    (2018), 7.7; for parallel servers Ephremides, Varaiya, Walrand (1980), "A simple dynamic routing
    problem", where it is best for equal servers that cannot be seen.
    """

    name = "round_robin"

    def decide(self, view: View, rng: Random) -> list[Match]:  # noqa: ARG002 - needs no dice
        """Return the matches; see `Policy.decide`."""
        return oldest_first(view, lambda contact, draft: draft.best(contact, turn_order))
