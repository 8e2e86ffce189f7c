"""Fixed queue ratio: keep the queues, and the idle agents of groups, in fixed proportions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from random import Random

from policies.draft import Draft
from policies.heads import Heads
from policies.longest_idle import idle_order
from policies.view import AgentView, ContactView, Match, View


class FixedQueueRatio:
    """Serve the queue that is longest beyond its share of all who wait, by an agent of the group
    that is idle beyond its share of all who idle.

    `queue_ratio`: queue -> share of everybody waiting; `idle_ratio`: group -> share of everybody
    idle; shares are scaled to add up to 1, and what is silent counts as 1 before. So the ratio of
    waits between queues is a setting. Source: Gurvich and Whitt, "Queue-and-idleness-ratio controls
    in many-server service systems", Mathematics of Operations Research 34 (2009).
    """

    name = "fixed_queue_ratio"

    def __init__(
        self,
        queue_ratio: Mapping[str, float] | None = None,
        idle_ratio: Mapping[str, float] | None = None,
    ) -> None:
        self._queue_ratio, self._idle_ratio = dict(queue_ratio or {}), dict(idle_ratio or {})

    def decide(self, view: View, rng: Random) -> list[Match]:  # noqa: ARG002 - needs no dice
        """Return the matches; see `Policy.decide`."""
        draft, heads = Draft(view), Heads(view)
        waiting = Counter[str]()
        for demand, orders in view.waiting.classes.items():
            waiting[demand.queue] += len(orders)
        idle = Counter(_home(view.pool[agent]) for agent in view.pool.free)
        while len(draft.matches) < view.limit:
            excess = _excess(waiting, self._queue_ratio)
            slack = _excess(idle, self._idle_ratio)
            ranked = sorted(heads, key=lambda c: (-excess.get(c.demand.queue, 0.0), c.order))
            found = next(((c, a) for c in ranked if (a := _idlest(c, draft, slack))), None)
            if found is None:
                break
            contact, agent = found
            draft.give(contact, agent)
            heads.take(contact)
            waiting[contact.demand.queue] -= 1
            if not draft.agent(agent.id).open:
                idle[_home(agent)] -= 1
        return draft.matches


def _home(agent: AgentView) -> str:
    """Return the group that an agent counts in: the first by name."""
    return min(agent.groups, default="")


def _excess(counts: Mapping[str, int], ratio: Mapping[str, float]) -> dict[str, float]:
    """Return how much each count exceeds its share of the sum."""
    shares = {name: ratio.get(name, 1.0) for name in counts}
    total, all_n = sum(shares.values()) or 1.0, sum(counts.values())
    return {name: n - shares[name] / total * all_n for name, n in counts.items()}


def _idlest(contact: ContactView, draft: Draft, slack: Mapping[str, float]) -> AgentView | None:
    return min(
        draft.best_of_groups(contact, idle_order),
        key=lambda agent: (-slack.get(_home(agent), 0.0), idle_order(agent), agent.id),
        default=None,
    )
