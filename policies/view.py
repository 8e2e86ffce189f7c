"""What a policy may see, and what it answers.

A policy is a pure function of a `View`: `decide(view, rng) -> list[Match]`. The view holds every
rule that dispatch enforces, so a policy that only proposes pairs for which
`eligibility.reason(contact, agent, now)` is None is never corrected.

    View ── queues    QueueView      settings of each queue
         ├─ waiting   Waits          ContactView, oldest virtual time first
         └─ pool      Pool           AgentView, with who is free

Times are seconds since 1970 (or since the start of a simulation), durations end in `_s`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from random import Random
from typing import TYPE_CHECKING, Protocol

import msgspec

from policies.eligibility import reason

if TYPE_CHECKING:
    from policies.pool import Pool
    from policies.waits import Waits


HALF_LIFE_S = 1800.0
"""How fast `AgentView.lately` forgets."""


class Demand(msgspec.Struct, frozen=True, kw_only=True):
    """What a contact requires of an agent, whatever the moment. Contacts of equal demand form a
    class: an agent fit for one of them is fit for all. Hashable."""

    queue: str
    kind: str = "human"
    """Who serves it: `human` or `bot`."""
    groups: frozenset[str] = frozenset()
    """The agent is in one of these; empty: in any or none."""
    needs: tuple[tuple[str, int], ...] = ()
    """(skill, lowest level), of the queue and the contact together, sorted by skill."""
    units: int = 1
    """Capacity units that the contact takes."""
    channel: str = "chat"
    """What it comes by; agents may hold only so many units of one."""
    lang: str = ""
    """The language that its agent must speak, as a primary subtag (`zh`); empty: any."""


class ContactView(msgspec.Struct, frozen=True, kw_only=True):
    """One contact that waits for an agent."""

    id: str
    demand: Demand
    arrived_at: float
    virtual_at: float
    """Virtual enqueue time, see `priority`; smallest first."""
    episode: int = 0
    agent: str = ""
    """Only this agent, whatever the demand's kind, groups and needs (a transfer to a person)."""
    prefer: str = ""
    prefer_until: float = 0.0
    """Before this instant only `prefer`, afterwards anyone."""
    exclude: frozenset[str] = frozenset()
    """Agents it must not go to."""
    tried: frozenset[str] = frozenset()
    """Agents who declined or missed it; emptied once all eligible others have, too."""
    purpose: str = "serve"
    vip: int = 0
    lang: str = ""
    intent: str = ""
    """What the customer wants, where somebody (a bot) has found out."""
    relaxed: int = 0
    """How many relaxation steps of its queue are behind it; `demand` has them in it."""

    @property
    def order(self) -> tuple[float, float, str]:
        """Sort key of service: virtual time, then arrival, then id."""
        return (self.virtual_at, self.arrived_at, self.id)


class AgentView(msgspec.Struct, frozen=True, kw_only=True):
    """One agent, as loaded now: open offers count as taken."""

    id: str
    kind: str = "human"
    groups: frozenset[str] = frozenset()
    skills: Mapping[str, int] = {}
    capacity: int = 1
    used: int = 0
    """Units held or offered."""
    contacts_n: int = 0
    """Contacts held or offered."""
    status: str = "available"
    enabled: bool = True
    idle_since: float = 0.0
    """When the agent last became available, was given a contact, or finished one."""
    given_at: float = 0.0
    """When the agent was last given a contact; 0: never, as far as is known."""
    lately: float = 0.0
    """Contacts given up to `given_at`; each counts half as much `HALF_LIFE_S` later."""
    languages: frozenset[str] = frozenset()
    """Primary subtags of the languages it speaks."""
    channels: Mapping[str, int] = {}
    """Channel -> most units of it held at once; one that is not named is bounded by `capacity`."""
    used_in: Mapping[str, int] = {}
    """Units held or offered, by channel; only of those in `channels`."""
    quotas: Mapping[str, int] = {}
    """Queue -> how many more of its contacts it may be given today; not named: any number."""

    @property
    def free(self) -> int:
        """Units left; negative after a cut of capacity."""
        return self.capacity - self.used

    @property
    def open(self) -> bool:
        """True if the agent can be given at least one unit of something."""
        return self.enabled and self.status == "available" and self.used < self.capacity

    def full(self, demand: Demand) -> str | None:
        """Return why there is no room for one more such contact (`capacity`, `channel`, `quota`),
        None if there is."""
        if self.capacity - self.used < demand.units:
            return "capacity"
        if self.channels:
            most = self.channels.get(demand.channel)
            if most is not None and self.used_in.get(demand.channel, 0) + demand.units > most:
                return "channel"
        if self.quotas and self.quotas.get(demand.queue, 1) < 1:
            return "quota"
        return None

    def given(self, demand: Demand, now: float) -> AgentView:
        """Return the agent as it is after being given one more such contact."""
        after = self.loaded(demand.units, now)
        if not self.channels and not self.quotas:
            return after
        used_in, quotas = dict(self.used_in), dict(self.quotas)
        if demand.channel in self.channels:
            used_in[demand.channel] = used_in.get(demand.channel, 0) + demand.units
        if demand.queue in quotas:
            quotas[demand.queue] -= 1
        return msgspec.structs.replace(after, used_in=used_in, quotas=quotas)

    def lately_at(self, now: float) -> float:
        """Return the contacts given until now, old ones counting less."""
        if self.lately == 0.0:
            return 0.0
        faded: float = 0.5 ** (max(now - self.given_at, 0.0) / HALF_LIFE_S)
        return self.lately * faded

    def loaded(self, units: int, now: float) -> AgentView:
        """Return the agent as it is after being given one more contact of `units`."""
        return msgspec.structs.replace(
            self,
            used=self.used + units,
            contacts_n=self.contacts_n + 1,
            idle_since=now,
            given_at=now,
            lately=self.lately_at(now) + 1.0,
        )


class QueueView(msgspec.Struct, frozen=True, kw_only=True):
    """What a policy may want to know of a queue."""

    id: str
    kind: str = "human"
    policy: str = "longest_idle"
    priority_points: float = 0.0
    units: int = 1
    service_level_s: float = 20.0
    channel: str = "chat"
    weights: Mapping[str, float] = {}
    """Agent -> its share of this queue's contacts, for policies that weigh; not named: 1."""


WEIGHTED, LONGEST_IDLE = 1, 2
"""Levels of the fallback ladder: who decides where a queue's own policy (0) cannot."""


class Why(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a policy tells the decision log of one match. What is left out was certain: the agent
    chosen with probability 1. Keys are agents' ids; `HOLD` stands for giving it to nobody."""

    propensities: Mapping[str, float] = {}
    """Probability of each choice, after guards; the sum is 1."""
    uniform_n: int = 0
    """In place of `propensities`: each of so many eligible agents was equally probable."""
    scores: Mapping[str, Mapping[str, float]] = {}
    """Agent -> the parts of its score by name."""
    predictions: Mapping[str, Mapping[str, float]] = {}
    """Agent -> what a model expects: `handle_s`, `solved`, `rating`."""
    guards: tuple[str, ...] = ()
    """Names of the guards that fired."""
    policy: str = ""
    """Whose choice it was, where a policy asks others (an experiment, a ladder)."""
    version: str = ""
    model: str = ""
    """Name and version of the model behind `predictions`."""
    features: str = ""
    """Version of the features it was given."""
    experiment: str = ""
    arm: str = ""
    block: str = ""
    shadow: Mapping[str, str] = {}
    """Policy without effect -> the agent it would have chosen."""
    fallback_level: int = 0
    """How far down its ladder the policy went for this match, and why."""
    fallback_reason: str = ""


HOLD = ""


class Match(msgspec.Struct, frozen=True):
    """The proposal to offer a contact (its id) to an agent (its id)."""

    contact: str
    agent: str
    why: Why | None = None


class View:
    """The centre at one instant. Read-only: a policy keeps its own count of what it has given
    away, with a `Draft` or otherwise.

    `only`: the ids of the queues this policy decides for; None: all. `limit`: the most matches
    that will be used; dispatch asks again at once when a policy returns that many.
    """

    __slots__ = ("limit", "now", "only", "pool", "queues", "waiting")

    def __init__(
        self,
        *,
        now: float,
        waiting: Waits,
        pool: Pool,
        queues: Mapping[str, QueueView],
        only: frozenset[str] | None = None,
        limit: int = 64,
    ) -> None:
        self.now = now
        self.waiting = waiting
        self.pool = pool
        self.queues = queues
        self.only = only
        self.limit = limit

    @classmethod
    def of(
        cls,
        contacts: Iterable[ContactView],
        agents: Iterable[AgentView],
        *,
        now: float,
        queues: Iterable[QueueView] = (),
        limit: int = 64,
    ) -> View:
        """Return a view of these contacts and agents; for tests, examples and small models."""
        from policies.pool import Pool  # noqa: PLC0415 - both modules import this one
        from policies.waits import Waits  # noqa: PLC0415

        waiting, pool = Waits(), Pool()
        for contact in contacts:
            waiting.put(contact, now)
        for agent in agents:
            pool.put(agent)
        return cls(
            now=now, waiting=waiting, pool=pool, queues={q.id: q for q in queues}, limit=limit
        )

    def sees(self, contact: ContactView) -> bool:
        """Return whether this view's policy decides for the contact's queue."""
        return self.only is None or contact.demand.queue in self.only

    def contacts(self) -> Iterator[ContactView]:
        """Yield every waiting contact, next to be served first. O(n log n): a policy for large
        centres walks `Draft.candidates` instead."""
        return (c for c in sorted(self.waiting, key=lambda c: c.order) if self.sees(c))

    def agents(self) -> Iterator[AgentView]:
        """Yield every agent, free or not, by id."""
        return (self.pool[agent] for agent in sorted(self.pool))

    def eligible(self, contact: ContactView) -> list[AgentView]:
        """Return the agents who may be given the contact now, by id."""
        return [a for a in self.agents() if reason(contact, a, self.now) is None]


class Policy(Protocol):
    """Decides who serves whom. `checks.exam` is what every policy must pass."""

    name: str
    """As in the settings of a queue; lower case, unique."""

    def decide(self, view: View, rng: Random) -> list[Match]:
        """Return at most `view.limit` matches, the first to be offered first.

        Each contact at most once; each pair eligible, and an agent's pairs together within its
        free units. The same view and the same state of `rng` give the same answer.
        """
        ...
