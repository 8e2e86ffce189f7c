"""Epsilon among near ties: now and then, somebody who is about as good."""

from __future__ import annotations

from random import Random

import msgspec

from policies.exploring.plan import Plan
from policies.longest_idle import LongestIdle
from policies.view import ContactView, Match, Policy, View

SHARE = 0.25
EPSILON = 0.1


class ExploreNearTies:
    """A policy whose agent is replaced, with probability `epsilon`, by one drawn from near ties.

    Near ties are the agents who may take the contact beside everything else in the round, and whose
    score is at most `tie` below the chosen one's; the chosen one is among them. Scores are those
    that the policy tells (`Match.why`); where it tells none, all who may are ties. With n ties the
    chosen agent has probability 1 - epsilon + epsilon / n, each other epsilon / n.

    Guards: no VIP contact is explored (`vip`), none that waits for longer than `wait_s` (`wait`),
    and at most `share` of a round's matches, at least one, end with another agent (`share`); nobody
    is loaded beyond `load` of the capacity for the sake of exploring. A match that is a draw
    already is left alone. Source: epsilon-greedy action choice (Sutton and Barto, Reinforcement
    Learning, 2018, 2.2), kept to the near ties.
    """

    name = "explore"

    def __init__(
        self,
        policy: Policy | None = None,
        *,
        epsilon: float = EPSILON,
        tie: float = 0.05,
        share: float = SHARE,
        load: float = 1.0,
        wait_s: float = float("inf"),
    ) -> None:
        for field, value in (("epsilon", epsilon), ("share", share), ("load", load)):
            if not 0 <= value <= 1:
                raise ValueError(f"{field}: {value}; allowed: 0 to 1")
        if not tie >= 0:
            raise ValueError(f"tie: {tie}; allowed: 0 and more")
        self.policy = policy or LongestIdle()
        self.deciders = (self.policy,)
        self._epsilon, self._tie = epsilon, tie
        self._share, self._load, self._wait_s = share, load, wait_s

    def decide(self, view: View, rng: Random) -> list[Match]:
        """Return the matches; see `Policy.decide`."""
        plan = Plan(view, self.policy.decide(view, rng))
        left = max(1, int(self._share * len(plan.contacts)))
        for contact in plan.contacts:
            left -= self._explore(plan, contact, left, rng)
        return plan.matches()

    def _explore(self, plan: Plan, contact: ContactView, left: int, rng: Random) -> int:
        """Draw the contact's agent; return 1 if it became another one."""
        ties = [] if plan.draws_lots(contact) else self._ties(plan, contact)
        if len(ties) < 2 or not self._epsilon:
            return 0
        guard = self._guard(plan, contact, left)
        if guard is not None:
            plan.keep(contact, guard)
            return 0
        chosen, each = plan.agent_of(contact), self._epsilon / len(ties)
        drawn = rng.choice(ties) if rng.random() < self._epsilon else chosen
        chances = {agent: each for agent in ties if agent != chosen}
        chances[chosen] = 1.0 - sum(chances.values())
        why = msgspec.structs.replace(plan.why_of(contact), propensities=chances)
        plan.move(contact, drawn, why)
        return int(drawn != chosen)

    def _ties(self, plan: Plan, contact: ContactView) -> list[str]:
        """Return the near ties by id, the chosen agent among them."""
        chosen, scores = plan.agent_of(contact), plan.scores(contact)
        least = scores.get(chosen, 0.0) - self._tie
        ties = []
        for agent in plan.options(contact, [contact]):
            loaded = agent.used + contact.demand.units <= self._load * agent.capacity
            near = scores.get(agent.id, -float("inf")) >= least if scores else True
            if agent.id == chosen or (loaded and near):
                ties.append(agent.id)
        return ties

    def _guard(self, plan: Plan, contact: ContactView, left: int) -> str | None:
        if contact.vip:
            return "vip"
        if plan.view.now - contact.arrived_at > self._wait_s:
            return "wait"
        return "share" if left < 1 else None
