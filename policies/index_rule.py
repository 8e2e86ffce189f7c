"""Index rules: of all classes that wait, serve the one whose index is largest for a free agent."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from policies.draft import Draft
from policies.heads import Heads
from policies.longest_idle import idle_order
from policies.view import AgentView, ContactView, Match, View

Index = Callable[[ContactView, AgentView, Draft], float]
Means = Mapping[tuple[str, str], float]
"""(group, queue) -> mean handle time in seconds."""


def largest_index(view: View, index: Index) -> list[Match]:
    """Return the matches of serving, again and again, the largest index; equals by age.

    Only the oldest contact of each class competes; its agent is the longest idle one.
    """
    draft, heads = Draft(view), Heads(view)
    while len(draft.matches) < view.limit:
        best: tuple[tuple[float, tuple[float, float, str]], ContactView, AgentView] | None = None
        for contact in heads:
            agent = draft.best(contact, idle_order)
            if agent is None:
                continue
            key = (-index(contact, agent, draft), contact.order)
            if best is None or key < best[0]:
                best = (key, contact, agent)
        if best is None:
            break
        draft.give(best[1], best[2])
        heads.take(best[1])
    return draft.matches


def rate(means: Means, agent: AgentView, queue: str) -> float:
    """Return the agent's completions per second of this queue; 1 where nothing is known."""
    known = [means[group, queue] for group in agent.groups if (group, queue) in means]
    return 1.0 / min(known) if known else 1.0
