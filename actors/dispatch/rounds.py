"""Rounds: policies propose, the ladder catches their failures (R6), proposals are rechecked."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from random import Random

import msgspec

from actors.config import OrgConfig
from actors.dispatch.guarded import GuardedPolicy, NotReadyError
from actors.effects import Count, Effect, Log
from policies import registry
from policies.deciders import use_scorer
from policies.eligibility import reason
from policies.learned_policy import Scorer
from policies.own_class import is_own
from policies.pool import Pool
from policies.view import (
    LONGEST_IDLE,
    AgentView,
    ContactView,
    Match,
    Policy,
    QueueView,
    View,
    Why,
)
from policies.waits import Waits

LATE_S = 0.1
"""A decision that took longer is not used."""
LOADING_S = 0.25
"""How soon a policy that is still loading is looked at again."""
SUSPEND_S = 10.0
"""A policy that failed is not asked again for this long: its failure costs the others nothing."""
LIMIT = 64
"""Matches asked of a policy at once."""


class Plan(msgspec.Struct):
    """A policy, under its name in the settings, and the queues it decides for (None: all)."""

    name: str
    policy: Policy
    params: str
    """As JSON."""
    only: frozenset[str] | None
    broken: str = ""
    """Why the queues' own policy could not be made: `policy` stands in for it."""
    suspended_until: float = 0.0


class Asking(msgspec.Struct, kw_only=True):
    """One call of one policy, and what it proposed. `level`: of the fallback ladder, and why."""

    policy: str
    params: str
    version: str
    level: int
    reason: str
    only: frozenset[str] | None
    limit: int
    seed: int
    latency_s: float = 0.0
    proposals: list[Proposal] = []


class Proposal(msgspec.Struct, frozen=True, eq=False):
    """A rechecked match, and who made it."""

    contact: ContactView
    agent: str
    why: Why | None
    asking: Asking

    @property
    def policy(self) -> str:
        """Name of the policy whose choice it is."""
        return self.asking.policy


class Rounds:
    """Runs the policies of an organisation's queues.

    With several policies, all propose on the same view; the proposals are used oldest contact
    first, up to the first that no longer fits because another policy's took the units. So two
    policies that compete for one agent give it to the older contact.
    """

    def __init__(
        self,
        config: OrgConfig,
        clock: Callable[[], float] = time.perf_counter,
        scorer: Scorer | None = None,
    ) -> None:
        self._clock = clock
        self._scorer = scorer
        self._ladder = registry.make(registry.FALLBACK)
        self._seed = 0
        self._made_of: dict[tuple[str, str], Policy] = {}
        """By name and parameters: settings that leave a policy alone leave what it has learned."""
        self._broken: dict[tuple[str, str], str] = {}
        """Those that could not be made, and why: tried again with the next settings."""
        self.effects: list[Effect] = []
        self.configure(config)

    def configure(self, config: OrgConfig) -> None:
        """Take over new settings."""
        by_policy: dict[tuple[str, str], set[str]] = {}
        for queue in config.queues.values():
            key = (queue.policy, json.dumps(queue.policy_params, sort_keys=True))
            by_policy.setdefault(key, set()).add(queue.id)
        self.queues = {
            q.id: QueueView(
                id=q.id,
                kind=q.kind,
                policy=q.policy,
                priority_points=q.priority_points,
                units=q.units,
                service_level_s=q.service_level_s,
                channel=q.channel,
                weights=q.weights,
            )
            for q in config.queues.values()
        }
        alone = len(by_policy) == 1
        before: dict[tuple[str, str], Policy | None] = {
            key: made for key, made in self._made_of.items() if key not in self._broken
        }
        self._broken = {}
        self._made_of = {key: before.pop(key, None) or self._made(*key) for key in by_policy}
        for policy in before.values():
            if isinstance(policy, GuardedPolicy):
                policy.close()
        self._plans = [
            Plan(
                name=registry.FALLBACK if key in self._broken else key[0],
                policy=self._made_of[key],
                params="{}" if key in self._broken else key[1],
                only=None if alone else frozenset(queues),
                broken=self._broken.get(key, ""),
            )
            for key, queues in sorted(by_policy.items())
        ]

    def propose(
        self, waits: Waits, pool: Pool, *, now: float, seed: int, limit: int
    ) -> tuple[list[Proposal], bool]:
        """Return the proposals of one round in the order in which to use them, and whether to ask
        again at once. `limit`: the most that will be used."""
        started, limit = self._clock(), min(limit, LIMIT)
        self._seed = seed
        found: list[Proposal] = []
        again = False
        for plan in self._plans:
            view = View(
                now=now, waiting=waits, pool=pool, queues=self.queues, only=plan.only, limit=limit
            )
            proposals = self._decide(plan, view, seed)
            again = again or len(proposals) >= limit
            found += proposals
        if len(self._plans) > 1:
            found.sort(key=lambda proposal: proposal.contact.order)
        self.effects.append(Count("decision_seconds", self._clock() - started))
        return found[:limit], again or len(found) > limit

    def held_by(self, queue: str) -> Asking:
        """Return the call, for the log, of a policy that holds a contact of this queue back."""
        plan = next(plan for plan in self._plans if plan.only is None or queue in plan.only)
        return Asking(
            policy=plan.name,
            params=plan.params,
            version=getattr(plan.policy, "version", ""),
            level=0,
            reason="",
            only=plan.only,
            limit=LIMIT,
            seed=self._seed,
        )

    def _decide(self, plan: Plan, view: View, seed: int) -> list[Proposal]:
        if plan.policy is self._ladder:
            return self._ask(plan, view, seed, why=plan.broken)
        if view.now < plan.suspended_until:
            return self._fall_back(plan, view, seed, f"{plan.name} is suspended")
        started = self._clock()
        try:
            proposals = self._ask(plan, view, seed)
            late = self._clock() - started > LATE_S
            why = "late" if late else ""
        except NotReadyError:
            plan.suspended_until = view.now + LOADING_S
            return self._fall_back(plan, view, seed, f"{plan.name} is loading")
        except Exception as error:  # noqa: BLE001 - whatever a policy does, routing goes on
            why = f"{type(error).__name__}: {error}"
        if not why:
            return proposals
        plan.suspended_until = view.now + SUSPEND_S
        self._fell_back(plan.name, why)
        return self._fall_back(plan, view, seed, f"{plan.name}: {why}"[:200])

    def _fall_back(self, plan: Plan, view: View, seed: int, why: str) -> list[Proposal]:
        """Let the ladder decide for the queues of a plan."""
        return self._ask(
            Plan(registry.FALLBACK, self._ladder, "{}", plan.only), view, seed, why=why
        )

    def _ask(self, plan: Plan, view: View, seed: int, *, why: str = "") -> list[Proposal]:
        """Ask and recheck.

        Raises:
            ValueError: the policy's answer breaks a rule of the view.
        """
        asking = Asking(
            policy=plan.name,
            params=plan.params,
            version=getattr(plan.policy, "version", ""),
            level=LONGEST_IDLE if why else 0,
            reason=why,
            only=view.only,
            limit=view.limit,
            seed=seed,
        )
        started = self._clock()
        asking.proposals = _checked(plan.policy.decide(view, Random(seed)), view, asking)
        asking.latency_s = self._clock() - started
        return asking.proposals

    def _made(self, name: str, params: str) -> Policy:
        try:
            if is_own(name):
                return GuardedPolicy(name, params)
            policy = registry.make(name, json.loads(params))
        except Exception as error:  # noqa: BLE001 - whatever a policy does, routing goes on
            why = f"{type(error).__name__}: {error}"[:200]
            self._broken[name, params] = f"{name} cannot be made: {why}"
            self._fell_back(name, why)
            return self._ladder
        if self._scorer is not None:
            use_scorer(policy, self._scorer)
        return policy

    def _fell_back(self, policy: str, why: str) -> None:
        self.effects.append(Count("fallbacks_total", label=policy))
        self.effects.append(Log("policy.fallback", {"policy": policy, "reason": why}))


def _checked(matches: list[Match], view: View, asking: Asking) -> list[Proposal]:
    if len(matches) > view.limit:
        raise ValueError(f"{len(matches)} matches, {view.limit} allowed")
    proposals: list[Proposal] = []
    given: dict[str, AgentView] = {}
    seen: set[str] = set()
    for match in matches:
        contact, agent = view.waiting.get(match.contact), view.pool.get(match.agent)
        if contact is None or agent is None or match.contact in seen or not view.sees(contact):
            raise ValueError(f"{match}: unknown or twice")
        agent = given.get(match.agent, agent)
        why = reason(contact, agent, view.now)
        if why is not None:
            raise ValueError(f"{match}: {why}")
        seen.add(match.contact)
        given[match.agent] = agent.given(contact.demand, view.now)
        proposals.append(Proposal(contact, match.agent, match.why, asking))
    return proposals
