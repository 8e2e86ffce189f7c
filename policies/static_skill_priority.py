"""Static skill priority: primary skills before secondary ones, for contacts and for agents."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from policies.draft import Draft
from policies.heads import Heads
from policies.view import AgentView, ContactView, Match, View

Pair = tuple[tuple[float, tuple[float, float, str], float, str], ContactView, AgentView]


def since(agent: AgentView) -> tuple[float, ...]:
    """Return the key: the longest idle first, whatever the agent holds."""
    return (agent.idle_since,)


class StaticSkillPriority:
    """A fixed order of skills: a contact goes to the free agent whose use of the skill ranks
    first, a free agent takes the waiting contact that ranks first; then age, then idle time.

    `rank`: (group, queue) -> 1 (primary), 2, ...; what is missing is 1. Source: Wallace and
    Whitt, "A staffing algorithm for call centers with skill-based routing", M&SOM 7 (2005).
    """

    name = "static_skill_priority"

    def __init__(self, rank: Mapping[tuple[str, str], float] | None = None) -> None:
        self._rank = dict(rank or {})

    def decide(self, view: View, rng: Random) -> list[Match]:  # noqa: ARG002 - needs no dice
        """Return the matches; see `Policy.decide`."""
        draft, heads = Draft(view), Heads(view)
        while len(draft.matches) < view.limit:
            pairs = (self._best_for(contact, draft) for contact in heads)
            best = min(
                (pair for pair in pairs if pair is not None),
                key=lambda pair: pair[0],
                default=None,
            )
            if best is None:
                break
            draft.give(best[1], best[2])
            heads.take(best[1])
        return draft.matches

    def _best_for(self, contact: ContactView, draft: Draft) -> Pair | None:
        def key(agent: AgentView) -> tuple[float, float, str]:
            ranks = [self._rank.get((g, contact.demand.queue), 1.0) for g in agent.groups]
            return (min(ranks, default=1.0), agent.idle_since, agent.id)

        agent = min(draft.best_of_groups(contact, since), key=key, default=None)
        if agent is None:
            return None
        rank, idle_since, number = key(agent)
        return (rank, contact.order, idle_since, number), contact, agent
