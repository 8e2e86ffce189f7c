"""Learned: a model orders the eligible agents of each contact, within guards."""

from __future__ import annotations

from collections.abc import Sequence
from math import log
from random import Random
from typing import NamedTuple, Protocol

import msgspec

from policies.draft import Draft
from policies.longest_idle import LongestIdle, idle_order
from policies.view import (
    HALF_LIFE_S,
    LONGEST_IDLE,
    WEIGHTED,
    AgentView,
    ContactView,
    Demand,
    Match,
    View,
    Why,
)
from policies.weighted import Weighted, shares

Predicted = dict[str, tuple[float, float, float]]
"""Agent -> (handle time in seconds, chance of solving, rating)."""


LATELY_RATE = log(2.0) / HALF_LIFE_S
"""Contacts per second for each contact in `AgentView.lately`."""


class Scores(msgspec.Struct, frozen=True):
    """What a model predicts for one contact."""

    model: str
    features: str
    agents: Predicted


class Pending(msgspec.Struct, frozen=True):
    """Scores are on their way: the contact is left out of this round, and looked at in the next."""


class Scorer(Protocol):
    """Where scores come from. Never waits for anything."""

    def scores(
        self, contact: ContactView, agents: Sequence[AgentView], now: float
    ) -> Scores | Pending | None:
        """Return the scores of these agents, `Pending` if they will be there in a moment, None if
        there are none."""
        ...


class Limits(NamedTuple):
    """The guards."""

    few: int = 3
    """With so many candidates or fewer no model is asked."""
    max_wait_s: float = 120.0
    """A contact that has waited this long goes to the longest idle."""
    max_occupancy: float = 0.92
    """An agent whose work of late, at its predicted handle time, fills more of its time than this
    is passed over while others are below."""
    max_share: float = 2.0
    """An agent given more than so many times the candidates' mean of late is passed over."""
    least_n: float = 4.0
    """Contacts of late below which nobody's share is too large."""


class Worth(NamedTuple):
    """What a prediction is worth: `solved` and `rating` for it, `hour` of handle time against."""

    solved: float = 1.0
    rating: float = 0.0
    hour: float = 0.5


class Learned:
    """Whoever waits longest is served by the eligible agent of the best predicted outcome.

    Worth of an agent: `solved` x chance of solving + `rating` x (rating - 1) / 4 - `hour` x hours
    of handle time. Guards: with few candidates or after a long wait it is longest idle; occupancy
    and share rule agents out while others are left. Without scores the queue's weights decide if it
    has any, else longest idle: the ladder learned, weighted, longest idle. What fires is logged.
    Source: predict, then rank within constraints: Ali, "Intelligent call routing" (2011), LiveOps;
    Little's law for the occupancy.
    """

    name = "learned"

    def __init__(
        self, scorer: Scorer | None = None, limits: Limits | None = None, worth: Worth | None = None
    ) -> None:
        self._scorer = scorer
        self.limits, self._worth = limits or Limits(), worth or Worth()
        self.pending: set[str] = set()
        """Contacts that the last round left out until their scores are there."""

    def use(self, scorer: Scorer) -> None:
        """Take scores from here from now on: the live system has its own."""
        self._scorer = scorer

    def decide(self, view: View, rng: Random) -> list[Match]:
        """Return the matches; see `Policy.decide`."""
        draft = Draft(view)
        free_n = sum(view.pool[agent].free for agent in view.pool.free)
        most, pending = min(view.limit, free_n), set[Demand]()
        self.pending.clear()
        for contact in draft.candidates():
            if contact.demand in pending:
                continue
            agents = draft.eligible(contact)
            if not agents:
                continue
            fired = self._guard(contact, agents, view.now)
            scores = None if fired else self._asked(contact, agents, view.now)
            if isinstance(scores, Pending):
                # Nobody younger of its kind goes before it, and no more are asked than can go.
                pending.add(contact.demand)
                self.pending.add(contact.id)
                if len(pending) + len(draft.matches) >= most:
                    break
                continue
            if fired:
                agent, why = _longest_idle(agents), Why(guards=(fired,))
            elif scores is None:
                agent, why = _without_scores(contact, agents, view, rng, "no scores")
            elif scores.agents.keys().isdisjoint(a.id for a in agents):
                agent, why = _without_scores(contact, agents, view, rng, "scores of nobody free")
            else:
                agent, why = self._choose(agents, scores, view.now)
            draft.give(contact, agent, why)
        return draft.matches

    def _asked(
        self, contact: ContactView, agents: Sequence[AgentView], now: float
    ) -> Scores | Pending | None:
        return self._scorer.scores(contact, agents, now) if self._scorer else None

    def _guard(self, contact: ContactView, agents: Sequence[AgentView], now: float) -> str:
        if contact.agent or len(agents) <= self.limits.few:
            return "few"
        return "max_wait" if now - contact.virtual_at >= self.limits.max_wait_s else ""

    def _choose(self, agents: list[AgentView], scores: Scores, now: float) -> tuple[AgentView, Why]:
        """Return the best agent that the guards leave, of those with scores."""
        known = [agent for agent in agents if agent.id in scores.agents]
        parts = {agent.id: self._parts(scores.agents[agent.id]) for agent in known}
        allowed, guards = self._allowed(known, scores.agents, now)
        worth = [sum(parts[agent.id].values()) for agent in allowed]
        most = max(worth)
        best = _longest_idle([a for a, w in zip(allowed, worth, strict=True) if w == most])
        why = Why(
            scores=parts,
            predictions={agent.id: _named(scores.agents[agent.id]) for agent in known},
            guards=guards,
            model=scores.model,
            features=scores.features,
        )
        return best, why

    def _parts(self, predicted: tuple[float, float, float]) -> dict[str, float]:
        handle_s, solved, rating = predicted
        worth = self._worth
        return {
            "solved": worth.solved * solved,
            "rating": worth.rating * (rating - 1.0) / 4.0,
            "handle_s": -worth.hour * handle_s / 3600.0,
        }

    def _allowed(
        self, agents: list[AgentView], predicted: Predicted, now: float
    ) -> tuple[list[AgentView], tuple[str, ...]]:
        """Return whom the guards leave, and which guards ruled somebody out."""
        limits, lately = self.limits, {agent.id: agent.lately_at(now) for agent in agents}
        if not any(lately.values()):
            return agents, ()
        fired = []
        below = [
            agent
            for agent in agents
            if occupancy(agent, lately[agent.id], predicted[agent.id][0]) <= limits.max_occupancy
        ]
        if below and len(below) < len(agents):
            agents, fired = below, ["occupancy"]
        mean = sum(lately[agent.id] for agent in agents) / len(agents)
        most = max(limits.max_share * mean, limits.least_n)
        fair = [agent for agent in agents if lately[agent.id] <= most]
        if fair and len(fair) < len(agents):
            agents, fired = fair, [*fired, "share"]
        return agents, tuple(fired)


def occupancy(agent: AgentView, lately: float, handle_s: float) -> float:
    """Return the share of its capacity that the agent's contacts of late would keep busy.

    `lately` (`AgentView.lately_at`) x ln 2 / half-life is the rate at which contacts were given to
    it; times the time each takes is how many it holds on average (Little's law).
    """
    return lately * LATELY_RATE * handle_s / max(agent.capacity, 1)


def _named(predicted: tuple[float, float, float]) -> dict[str, float]:
    handle_s, solved, rating = predicted
    return {"handle_s": handle_s, "solved": solved, "rating": rating}


def _without_scores(
    contact: ContactView, agents: list[AgentView], view: View, rng: Random, reason: str
) -> tuple[AgentView, Why]:
    """Go down the ladder: weighted where the queue has weights, else longest idle."""
    queue = view.queues.get(contact.demand.queue)
    told = Why(guards=("no_scores",), fallback_reason=f"learned: {reason}")
    if queue is None or not queue.weights:
        last = {"policy": LongestIdle.name, "fallback_level": LONGEST_IDLE}
        return _longest_idle(agents), msgspec.structs.replace(told, **last)
    chances = shares(agents, queue.weights)
    drawn = rng.choices(agents, chances)[0]
    each = {agent.id: chance for agent, chance in zip(agents, chances, strict=True)}
    first = {"policy": Weighted.name, "fallback_level": WEIGHTED, "propensities": each}
    return drawn, msgspec.structs.replace(told, **first)


def _longest_idle(agents: list[AgentView]) -> AgentView:
    return min(agents, key=lambda agent: (idle_order(agent), agent.id))
