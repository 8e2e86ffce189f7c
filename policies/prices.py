"""Priced rules: serve the pair that is worth most, unless it is worth more to wait.

The score of a pair is its worth less what holding the contact promises: `hope` x flow / (flow +
leave x n), where n of its queue wait, `flow` is the rate at which the agents who suit it take
contacts, and each of them gives up at rate `leave`. The fraction is the chance that the last of n
is reached before it leaves, when the line moves at that rate.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from policies.draft import Draft
from policies.heads import Heads
from policies.longest_idle import idle_order
from policies.view import AgentView, ContactView, Match, View

Pairs = Mapping[tuple[str, str], float]
"""(group, queue) -> number."""

LEAST_FLOW = 1e-12
"""Contacts per second: keeps a queue that nobody suits from dividing nothing by nothing."""


class Prices(NamedTuple):
    """A priced rule in numbers. A queue or group that is not in them is served at once."""

    worth: Pairs
    """What serving it is worth, less the price of the agent's time."""
    hope: Mapping[str, float] = {}
    """Queue -> worth of a contact that is served where it belongs; 0: never hold."""
    flow: Mapping[str, float] = {}
    """Queue -> contacts per second served there."""
    leave: Mapping[str, float] = {}
    """Queue -> rate per second at which one who waits gives up; 0: never."""
    hold_s: float = float("inf")
    """A contact that has waited this long is held no longer."""

    def hold(self, queue: str, waiting: int) -> float:
        """Return what it promises to let a contact of the queue wait, with `waiting` there."""
        hope = self.hope.get(queue)
        if hope is None:
            return float("-inf")
        flow = max(self.flow.get(queue, 0.0), LEAST_FLOW)
        return hope * (flow / (flow + self.leave.get(queue, 0.0) * waiting))

    def of(self, agent: AgentView, queue: str) -> float:
        """Return the worth of the agent's serving the queue; 0 where nothing is known."""
        known = [self.worth[g, queue] for g in agent.groups if (g, queue) in self.worth]
        return max(known, default=0.0)


Pair = tuple[tuple[float, tuple[float, float, str], tuple[float, ...], str], ContactView, AgentView]


def worthiest(contact: ContactView, draft: Draft, prices: Prices) -> AgentView | None:
    """Return the eligible agent who is worth most to the contact, then the longest idle."""
    queue = contact.demand.queue
    return min(
        draft.best_of_groups(contact, idle_order),
        key=lambda agent: (-prices.of(agent, queue), idle_order(agent), agent.id),
        default=None,
    )


def most_worthwhile(view: View, prices: Prices) -> list[Match]:
    """Return the matches of serving the best pair again and again, while serving beats holding.

    Only the oldest of each kind of contact competes. Ties: the older contact, then longest idle.
    """
    draft = Draft(view)
    waiting = Counter({d.queue: 0 for d in view.waiting.classes})
    for demand, orders in view.waiting.classes.items():
        waiting[demand.queue] += len(orders)
    heads = Heads(view)
    while len(draft.matches) < view.limit:
        pairs = (_best_for(contact, draft, prices, waiting) for contact in heads)
        best = min((pair for pair in pairs if pair is not None), key=_key, default=None)
        if best is None:
            break
        _, contact, agent = best
        draft.give(contact, agent)
        waiting[contact.demand.queue] -= 1
        heads.take(contact)
    return draft.matches


def _key(pair: Pair) -> tuple[float, tuple[float, float, str], tuple[float, ...], str]:
    return pair[0]


def _best_for(
    contact: ContactView, draft: Draft, prices: Prices, waiting: Mapping[str, int]
) -> Pair | None:
    """Return the contact's best pair, None if it is better to wait or nobody is free."""
    queue, now = contact.demand.queue, draft.view.now
    held_for = now - contact.virtual_at
    hold = float("-inf")
    if not contact.agent and held_for < prices.hold_s:
        hold = prices.hold(queue, max(waiting.get(queue, 1), 1))
    best: Pair | None = None
    for agent in draft.best_of_groups(contact, idle_order):
        worth = prices.of(agent, queue)
        # Held contacts compete by what serving gains over waiting; the others by worth alone.
        score = worth - hold if hold > float("-inf") else worth
        if hold > float("-inf") and score < 0.0:
            continue
        key = (-score, contact.order, idle_order(agent), agent.id)
        if best is None or key < best[0]:
            best = (key, contact, agent)
    return best
