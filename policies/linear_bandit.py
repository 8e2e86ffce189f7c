"""A linear contextual bandit: what a pair of contact and agent is worth, learned while serving."""

from __future__ import annotations

from collections.abc import Mapping
from math import log1p, sqrt
from random import Random

import numpy as np

from policies.arrays import Floats
from policies.draft import Draft
from policies.eligibility import reason
from policies.heads import Heads
from policies.learning import Outcome
from policies.longest_idle import idle_order
from policies.prices import Pairs
from policies.view import AgentView, ContactView, Match, View, Why

Arm = tuple[str, str]
"""(group, queue)."""

CONTEXT = ("always", "waited", "level", "load", "attempts")
RIDGE = 1.0
WAIT_SCALE_S = 300.0


def context(contact: ContactView, agent: AgentView, now: float) -> Floats:
    """Return what an arm's reward may depend on, each about 0 to 1 (`CONTEXT`)."""
    levels = [agent.skills.get(skill, 0) for skill, _ in contact.demand.needs]
    waited = log1p(max(now - contact.arrived_at, 0.0) / WAIT_SCALE_S)
    load = agent.used / agent.capacity if agent.capacity else 1.0
    return np.array([1.0, waited, min(levels, default=0) / 5.0, load, len(contact.tried) / 3.0])


class _Line:
    """Ridge regression of rewards on contexts, one outcome at a time."""

    def __init__(self) -> None:
        self.inverse = np.eye(len(CONTEXT)) / RIDGE
        self.sum = np.zeros(len(CONTEXT))
        self.weights = np.zeros(len(CONTEXT))

    def add(self, x: Floats, reward: float) -> None:
        """Take in an outcome. The inverse is updated by Sherman and Morrison's formula."""
        ahead = self.inverse @ x
        self.inverse -= np.outer(ahead, ahead) / (1.0 + x @ ahead)
        self.sum += reward * x
        self.weights = self.inverse @ self.sum

    def bound(self, x: Floats, width: float) -> float:
        """Return the upper confidence bound of the reward at a context."""
        return float(self.weights @ x + width * sqrt(max(float(x @ self.inverse @ x), 0.0)))


class LinearBandit:
    """LinUCB with an arm for each (group, queue): serve the pair whose reward may be the largest.

    `prior`: (group, queue) -> reward to start from, `width`: standard errors of optimism. The
    reward is 1 for a contact solved, times `reward` of its queue. Two-sided: a free agent takes
    what it is worth most to; nobody is held back. Longest idle settles ties. Source: Li, Chu,
    Langford and Schapire, "A contextual-bandit approach to personalized news article
    recommendation", WWW (2010), algorithm 1.
    """

    name = "linear_bandit"

    def __init__(
        self,
        prior: Pairs | None = None,
        reward: Mapping[str, float] | None = None,
        width: float = 0.5,
    ) -> None:
        if width < 0:
            raise ValueError(f"width: {width}; allowed: numbers from 0")
        self._prior, self._reward, self._width = dict(prior or {}), dict(reward or {}), width
        self._lines: dict[Arm, _Line] = {}

    def decide(self, view: View, rng: Random) -> list[Match]:  # noqa: ARG002 - needs no dice
        """Return the matches; see `Policy.decide`."""
        draft, heads = Draft(view), Heads(view)
        ranked: dict[str, _Ranked] = {}
        while len(draft.matches) < view.limit:
            for contact in heads:
                if contact.id not in ranked:
                    ranked[contact.id] = _Ranked(self, contact, draft)
            best = min(
                (ranked[contact.id] for contact in heads if ranked[contact.id].keys),
                key=_Ranked.best,
                default=None,
            )
            if best is None:
                break
            bound, _, _, name = best.best()
            agent = draft.agent(name)
            draft.give(best.contact, agent, Why(scores={name: {"upper_bound": -bound}}))
            heads.take(best.contact)
            for other in ranked.values():
                other.changed(name, draft)
        return draft.matches

    def learn(self, outcome: Outcome) -> None:
        """Take in how a contact ended."""
        queue = outcome.contact.demand.queue
        x = context(outcome.contact, outcome.agent, outcome.decided_at)
        worth = self._reward.get(queue, 1.0) * outcome.solved
        for group in sorted(outcome.agent.groups):
            arm = (group, queue)
            self._lines.setdefault(arm, _Line()).add(x, worth - self._prior.get(arm, 0.5))

    def bound(self, contact: ContactView, agent: AgentView, now: float) -> float:
        """Return the most that the pair may be worth, over the agent's groups."""
        x = context(contact, agent, now)
        return max(self._arm_bound((g, contact.demand.queue), x) for g in agent.groups or {""})

    def _arm_bound(self, arm: Arm, x: Floats) -> float:
        line = self._lines.get(arm)
        prior = self._prior.get(arm, 0.5)
        if line is None:
            return prior + self._width * float(np.sqrt(x @ x / RIDGE))
        return prior + line.bound(x, self._width)


Key = tuple[float, tuple[float, float, str], tuple[float, ...], str]


class _Ranked:
    """A contact's eligible agents with their keys, kept true while a round gives agents away."""

    def __init__(self, bandit: LinearBandit, contact: ContactView, draft: Draft) -> None:
        self._bandit, self.contact = bandit, contact
        self._known: dict[tuple[object, ...], float] = {}
        now = draft.view.now
        self.keys = {agent.id: self._key(agent, now) for agent in draft.eligible(contact)}

    def best(self) -> Key:
        """Return the smallest key: the largest bound, older contact, longest idle, lower id."""
        return min(self.keys.values())

    def changed(self, name: str, draft: Draft) -> None:
        """Look at one agent again."""
        if name in self.keys:
            agent, now = draft.agent(name), draft.view.now
            if reason(self.contact, agent, now) is None:
                self.keys[name] = self._key(agent, now)
            else:
                del self.keys[name]

    def _key(self, agent: AgentView, now: float) -> Key:
        like = (agent.groups, tuple(agent.skills.items()), agent.used, agent.capacity)
        if like not in self._known:
            self._known[like] = self._bandit.bound(self.contact, agent, now)
        return (-self._known[like], self.contact.order, idle_order(agent), agent.id)
