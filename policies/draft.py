"""A round in the making: a view, less what the policy has given away so far."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator

from policies.eligibility import personal, reason
from policies.pool import Key
from policies.view import AgentView, ContactView, Demand, Match, View, Why
from policies.waits import Order

Head = tuple[Order, int, int]
"""Service order of the first contact not yet visited in a list, number of the list, place in it."""


class Draft:
    """Matches decided so far, and what they leave. A policy walks `candidates`, picks an agent with
    `best` or from `eligible`, and calls `give`; `matches` is its answer."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.matches: list[Match] = []
        self._free = set(view.pool.free)
        self._loaded: dict[str, AgentView] = {}

    def agent(self, agent: str) -> AgentView:
        """Return the agent as this draft leaves it."""
        return self._loaded.get(agent) or self.view.pool[agent]

    def candidates(self) -> Iterator[ContactView]:
        """Yield waiting contacts, next to be served first, until the view's limit is reached.

        Leaves out whole classes that nobody free is fit for, at the moment they are reached; a
        contact yielded may still have no eligible agent.
        """
        lists, demands = self._open_lists()
        heads: list[Head] = [(orders[0], n, 0) for n, orders in enumerate(lists)]
        heapq.heapify(heads)
        while heads and len(self.matches) < self.view.limit and self._free:
            order, n, place = heads[0]
            demand = demands[n]
            if demand is not None and self._nobody(demand):
                heapq.heappop(heads)
                continue
            place += 1
            if place < len(lists[n]):
                heapq.heapreplace(heads, (lists[n][place], n, place))
            else:
                heapq.heappop(heads)
            contact = self.view.waiting[order[2]]
            if self.view.sees(contact):
                yield contact

    def best(self, contact: ContactView, key: Key) -> AgentView | None:
        """Return the eligible agent with the smallest `key` (then id), None if there is none."""
        if contact.agent:
            only = self.eligible(contact)
            return only[0] if only else None
        found = self._first_untouched(contact, key)
        least = None if found is None else (self.view.pool.ranking(key)[found.id], found.id)
        for agent in self._loaded.values():
            rank = (key(agent), agent.id)
            if (least is None or rank < least) and self._fits(contact, agent):
                found, least = agent, rank
        return found

    def eligible(self, contact: ContactView) -> list[AgentView]:
        """Return every agent who may still be given the contact, by id."""
        if contact.agent:
            ids = self._free & {contact.agent}
        else:
            ids = self._free & self.view.pool.members(contact.demand)
        # Free agents are available and members are fit: the rest of `eligibility.reason` is left.
        now, demand = self.view.now, contact.demand
        if contact.agent or contact.exclude or contact.tried or contact.prefer:
            ids = {agent for agent in ids if personal(contact, agent, now) is None}
        agents = map(self.agent, sorted(ids))
        return [agent for agent in agents if agent.full(demand) is None]

    def best_of_groups(self, contact: ContactView, key: Key) -> list[AgentView]:
        """Return of each set of groups the eligible agent with the smallest `key` (then id).

        For rules that tell agents apart by their groups: a pool of hundreds costs little more than
        one agent.
        """
        if contact.agent:
            return self.eligible(contact)
        pool, now = self.view.pool, self.view.now
        members, loaded, demand = pool.members(contact.demand), self._loaded, contact.demand
        found: dict[frozenset[str], AgentView] = {}
        for agent in pool.ranking(key):
            here = pool[agent]
            if here.groups in found or agent not in members or agent in loaded:
                continue
            if here.full(demand) is None and personal(contact, agent, now) is None:
                found[here.groups] = here
        for here in loaded.values():
            if self._fits(contact, here):
                other = found.get(here.groups)
                if other is None or (key(here), here.id) < (key(other), other.id):
                    found[here.groups] = here
        return list(found.values())

    def give(self, contact: ContactView, agent: AgentView, why: Why | None = None) -> None:
        """Match the two, and count the agent's units as taken. `why`: for the decision log."""
        loaded = self.agent(agent.id).given(contact.demand, self.view.now)
        self._loaded[agent.id] = loaded
        if not loaded.open:
            self._free.discard(agent.id)
        self.matches.append(Match(contact.id, agent.id, why))

    def _open_lists(self) -> tuple[list[list[Order]], list[Demand | None]]:
        """Every list of contacts that somebody free may serve, with its demand (None: named)."""
        lists: list[list[Order]] = []
        demands: list[Demand | None] = []
        waiting, only = self.view.waiting, self.view.only
        for demand, orders in waiting.classes.items():
            if (only is None or demand.queue in only) and not self._nobody(demand):
                lists.append(orders)
                demands.append(demand)
        for agent in sorted(self._free & waiting.named.keys()):
            lists.append(waiting.named[agent])
            demands.append(None)
        return lists, demands

    def _nobody(self, demand: Demand) -> bool:
        return self._free.isdisjoint(self.view.pool.members(demand))

    def _first_untouched(self, contact: ContactView, key: Key) -> AgentView | None:
        pool, now = self.view.pool, self.view.now
        members = pool.members(contact.demand)
        for agent in pool.ranking(key):
            if agent not in members or agent in self._loaded:
                continue
            found = pool[agent]
            if found.full(contact.demand) is None and personal(contact, agent, now) is None:
                return found
        return None

    def _fits(self, contact: ContactView, agent: AgentView) -> bool:
        return (
            agent.id in self.view.pool.members(contact.demand)
            and reason(contact, agent, self.view.now) is None
        )


Choose = Callable[[ContactView, Draft], AgentView | None]


def oldest_first(view: View, choose: Choose) -> list[Match]:
    """Return the matches of serving whoever waits longest (virtually) by whom `choose` picks.

    A contact for whom `choose` returns None is passed over: it blocks nobody behind it.
    """
    draft = Draft(view)
    for contact in draft.candidates():
        agent = choose(contact, draft)
        if agent is not None:
            draft.give(contact, agent)
    return draft.matches
