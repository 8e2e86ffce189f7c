"""The agents, kept so that a round finds the best free one without looking at all.

A policy's order of agents (by idle time, by load, ...) is a sorted list that is repaired when an
agent changes, not rebuilt when somebody asks.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterator

from policies.eligibility import unfit
from policies.view import AgentView, Demand

Key = Callable[[AgentView], tuple[float, ...]]
"""Sort key of an agent, smallest first, of nothing but the agent's own state."""

RANKINGS_N = 8
"""Orders kept up to date at once; the one unused for longest goes first."""
MEMBERS_N = 4096
"""Classes whose fit agents are remembered."""


class Pool:
    """Every agent of the routing group by id. One writer: `put` replaces an agent whole."""

    def __init__(self) -> None:
        self.free: set[str] = set()
        """Agents who can be given at least one unit of something (`AgentView.open`)."""
        self._agents: dict[str, AgentView] = {}
        self._members: dict[Demand, set[str]] = {}
        self._rankings: dict[Key, Ranking] = {}

    def __len__(self) -> int:
        return len(self._agents)

    def __contains__(self, agent: str) -> bool:
        return agent in self._agents

    def __getitem__(self, agent: str) -> AgentView:
        return self._agents[agent]

    def __iter__(self) -> Iterator[str]:
        return iter(self._agents)

    def get(self, agent: str) -> AgentView | None:
        """Return the agent of that id, or None."""
        return self._agents.get(agent)

    def put(self, agent: AgentView) -> None:
        """Add the agent, or replace the one of the same id. Amortised O(log n) comparisons."""
        before = self._agents.get(agent.id)
        self._agents[agent.id] = agent
        if before is None or _settings(before) != _settings(agent):
            self._members.clear()
        if agent.open:
            self.free.add(agent.id)
        else:
            self.free.discard(agent.id)
        for ranking in self._rankings.values():
            ranking.put(agent)

    def remove(self, agent: str) -> None:
        """Forget an agent."""
        if self._agents.pop(agent, None) is not None:
            self.free.discard(agent)
            self._members.clear()
            for ranking in self._rankings.values():
                ranking.remove(agent)

    def members(self, demand: Demand) -> set[str]:
        """Return the agents fit for a class (`eligibility.unfit`), free or not. Do not change."""
        members = self._members.get(demand)
        if members is None:
            if len(self._members) >= MEMBERS_N:
                self._members.clear()
            members = {a.id for a in self._agents.values() if unfit(demand, a) is None}
            self._members[demand] = members
        return members

    def ranking(self, key: Key) -> Ranking:
        """Return the free agents ordered by `key`, kept up to date from now on."""
        ranking = self._rankings.pop(key, None)
        if ranking is None:
            ranking = Ranking(key, (self._agents[agent] for agent in self.free))
            if len(self._rankings) >= RANKINGS_N:
                del self._rankings[next(iter(self._rankings))]
        self._rankings[key] = ranking
        return ranking


class Ranking:
    """Free agents in the order of one key; equal keys by id. Iterates over ids, best first."""

    def __init__(self, key: Key, agents: Iterator[AgentView]) -> None:
        self.key = key
        self._keys = {agent.id: key(agent) for agent in agents}
        self._order = sorted((k, agent) for agent, k in self._keys.items())

    def __iter__(self) -> Iterator[str]:
        return (agent for _, agent in self._order)

    def __getitem__(self, agent: str) -> tuple[float, ...]:
        return self._keys[agent]

    def put(self, agent: AgentView) -> None:
        """Move, add or remove the agent, as its state demands."""
        old = self._keys.get(agent.id)
        new = self.key(agent) if agent.open else None
        if old == new:
            return
        self.remove(agent.id)
        if new is not None:
            self._keys[agent.id] = new
            insort(self._order, (new, agent.id))

    def remove(self, agent: str) -> None:
        """Take the agent out, if it is in."""
        old = self._keys.pop(agent, None)
        if old is not None:
            del self._order[bisect_left(self._order, (old, agent))]


def _settings(agent: AgentView) -> tuple[object, ...]:
    return (agent.kind, agent.groups, agent.skills, agent.languages)
