"""Rounds: policies propose, the ladder catches their failures (R6), proposals are rechecked."""

from __future__ import annotations

import time
from collections.abc import Callable
from random import Random

import msgspec

from actors.config import OrgConfig
from actors.effects import Count, Effect, Log
from policies import registry
from policies.eligibility import reason
from policies.pool import Pool
from policies.view import ContactView, Match, Policy, QueueView, View
from policies.waits import Waits

LATE_S = 0.1
"""A decision that took longer is not used."""
SUSPEND_S = 10.0
"""A policy that failed is not asked again for this long: its failure costs the others nothing."""
LIMIT = 64
"""Matches asked of a policy at once."""


class Plan(msgspec.Struct):
    """A policy and the queues it decides for (None: all)."""

    policy: Policy
    only: frozenset[str] | None
    suspended_until: float = 0.0


class Proposal(msgspec.Struct, frozen=True):
    """A rechecked match, and who made it."""

    contact: ContactView
    agent: str
    policy: str
    seed: int


class Rounds:
    """Runs the policies of an organisation's queues.

    With several policies, all propose on the same view; the proposals are used oldest contact
    first, up to the first that no longer fits because another policy's took the units. So two
    policies that compete for one agent give it to the older contact.
    """

    def __init__(self, config: OrgConfig, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._ladder = registry.make(registry.FALLBACK)
        self.effects: list[Effect] = []
        self.configure(config)

    def configure(self, config: OrgConfig) -> None:
        """Take over new settings."""
        by_policy: dict[str, set[str]] = {}
        for queue in config.queues.values():
            by_policy.setdefault(queue.policy, set()).add(queue.id)
        self._queues = {
            q.id: QueueView(
                id=q.id,
                kind=q.kind,
                policy=q.policy,
                priority_points=q.priority_points,
                units=q.units,
                service_level_s=q.service_level_s,
            )
            for q in config.queues.values()
        }
        alone = len(by_policy) == 1
        self._plans = [
            Plan(self._made(name), None if alone else frozenset(queues))
            for name, queues in sorted(by_policy.items())
        ]

    def propose(
        self, waits: Waits, pool: Pool, *, now: float, seed: int, limit: int
    ) -> tuple[list[Proposal], bool]:
        """Return the proposals of one round in the order in which to use them, and whether to ask
        again at once. `limit`: the most that will be used."""
        started, limit = self._clock(), min(limit, LIMIT)
        found: list[Proposal] = []
        again = False
        for plan in self._plans:
            view = View(
                now=now, waiting=waits, pool=pool, queues=self._queues, only=plan.only, limit=limit
            )
            proposals = self._decide(plan, view, seed)
            again = again or len(proposals) >= limit
            found += proposals
        if len(self._plans) > 1:
            found.sort(key=lambda proposal: proposal.contact.order)
        self.effects.append(Count("decision_seconds", self._clock() - started))
        return found[:limit], again or len(found) > limit

    def _decide(self, plan: Plan, view: View, seed: int) -> list[Proposal]:
        policy = plan.policy
        if view.now < plan.suspended_until or policy is self._ladder:
            return _proposals(self._ladder, view, seed)
        started = self._clock()
        try:
            proposals = _proposals(policy, view, seed)
            late = self._clock() - started > LATE_S
            why = "late" if late else ""
        except Exception as error:  # noqa: BLE001 - whatever a policy does, routing goes on
            why = f"{type(error).__name__}: {error}"
        if not why:
            return proposals
        plan.suspended_until = view.now + SUSPEND_S
        self._fell_back(policy.name, why)
        return _proposals(self._ladder, view, seed)

    def _made(self, name: str) -> Policy:
        try:
            return registry.make(name)
        except LookupError as error:
            self._fell_back(name, str(error))
            return self._ladder

    def _fell_back(self, policy: str, why: str) -> None:
        self.effects.append(Count("fallbacks_total", label=policy))
        self.effects.append(Log("policy.fallback", {"policy": policy, "reason": why}))


def _proposals(policy: Policy, view: View, seed: int) -> list[Proposal]:
    """Ask and recheck.

    Raises:
        ValueError: the policy's answer breaks a rule of the view.
    """
    matches = policy.decide(view, Random(seed))
    if len(matches) > view.limit:
        raise ValueError(f"{len(matches)} matches, {view.limit} allowed")
    proposals, taken, seen = [], dict[str, int](), set[str]()
    for match in matches:
        contact = _checked(match, view, seen)
        units = taken.get(match.agent, 0) + contact.demand.units
        if units > view.pool[match.agent].free:
            raise ValueError(f"{match}: over capacity")
        taken[match.agent] = units
        proposals.append(Proposal(contact, match.agent, policy.name, seed))
    return proposals


def _checked(match: Match, view: View, seen: set[str]) -> ContactView:
    contact, agent = view.waiting.get(match.contact), view.pool.get(match.agent)
    if contact is None or agent is None or match.contact in seen or not view.sees(contact):
        raise ValueError(f"{match}: unknown or twice")
    why = reason(contact, agent, view.now)
    if why is not None:
        raise ValueError(f"{match}: {why}")
    seen.add(match.contact)
    return contact
