"""The decision log: one row per decision, complete enough to explain it and to make it again.

    Decision ─ who asked       contact     what was known of the contact
             ├ who could       candidates  every agent, eligible or the reason why not
             ├ what was done   action      an agent, or `HOLD`; with its probability after guards
             ├ how             policy, versions, seed, fallback level, latency
             └ what came of it outcome     joined later (`join`)

Decisions made together, in one call of one policy, are a *round*: they share `round` and `seed`,
and `place` counts them. The first row of a round (`place` 0) also holds what else the policy saw
(`scene`), so that `policies.replay` can call the policy again. In a huge centre not every row can
hold everybody: `detail` says what this one holds, `detail_rate` how probable it was to hold it all.

Times are seconds since 1970, durations end in `_s`. Rows are delivered at least once: two of the
same `id` are one decision.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec

from policies.view import HOLD, AgentView, ContactView, Demand, QueueView

VERSION = 1
"""Of this schema. A reader of version n refuses any other, by name."""
NEAR = 1e-6
"""By how much the probabilities of one decision may miss 1."""

DAY_S, WEEK_S = 86_400.0, 7 * 86_400.0
"""Within which a customer who asks for help again was not done with."""

USED_UP = frozenset({"capacity", "channel", "quota"})
"""Reasons that earlier decisions of a round may be to blame for: where a round is drawn all
together, a candidate may have had a chance and yet be gone."""

Detail = Literal["full", "capped", "chosen"]
"""`full`: every agent, and every contact that the policy saw; `capped`: the first so many of them;
`chosen`: the chosen agent alone."""
Result = Literal["offered", "accepted", "held", "stale"]
"""`offered`; `accepted`: of itself, at once; `held`: given to nobody; `stale`: no longer fitted
when its turn came (another policy's decision of the same instant took the agent)."""
Ending = Literal["accepted", "declined", "missed", "withdrawn", "failed"]


class DecisionLogError(ValueError):
    """A log that cannot be used; the text names the file, the field and what is allowed."""


class _Row(msgspec.Struct, frozen=True, kw_only=True):
    """Base of what is stored."""


class Candidate(_Row, frozen=True, kw_only=True):
    """One agent, as it was when this decision was made (what the round gave away before counts)."""

    agent: str
    reason: str = ""
    """Empty: eligible; else one of `policies.eligibility.REASONS`."""
    kind: str = "human"
    groups: list[str] = []
    skills: dict[str, int] = {}
    status: str = "available"
    enabled: bool = True
    capacity: int = 1
    used: int = 0
    contacts_n: int = 0
    idle_since: float = 0.0
    languages: list[str] = []
    channels: dict[str, int] = {}
    used_in: dict[str, int] = {}
    quotas: dict[str, int] = {}
    given_at: float = 0.0
    lately: float = 0.0
    """As in `AgentView`."""
    propensity: float = 0.0
    scores: dict[str, float] = {}
    predictions: dict[str, float] = {}

    @property
    def eligible(self) -> bool:
        """Whether it could have been chosen."""
        return not self.reason


class Asked(_Row, frozen=True, kw_only=True):
    """The contact: `session` and `episode` identify it."""

    session: str
    episode: int = 0
    customer: str = ""
    queue: str
    kind: str = "human"
    groups: list[str] = []
    needs: dict[str, int] = {}
    units: int = 1
    channel: str = "chat"
    arrived_at: float
    virtual_at: float
    agent: str = ""
    prefer: str = ""
    prefer_until: float = 0.0
    exclude: list[str] = []
    tried: list[str] = []
    """Who declined or missed it before: its attempts."""
    purpose: str = "serve"
    vip: int = 0
    lang: str = ""
    needs_lang: str = ""
    """The language that its agent must speak."""
    intent: str = ""
    relaxed: int = 0


class Scene(_Row, frozen=True, kw_only=True):
    """What the policy saw beside the agents: who waited, the queues, and its bounds."""

    contacts: list[Asked]
    queues: list[QueueView]
    limit: int
    only: list[str] | None = None


class Outcome(_Row, frozen=True, kw_only=True, omit_defaults=True):
    """What came of a decision. Told in parts as they become known, by dispatch and by sessions,
    some of them days later: None is not known (yet)."""

    decision: str
    session: str
    at: float
    """When this (the last part) became known."""
    ending: Ending | None = None
    wait_s: float | None = None
    """From arrival to the accepted offer, or to the end without one."""
    abandoned: bool | None = None
    handle_s: float | None = None
    """From the accepted offer to the slot's release: talk and wrap-up."""
    transfers_n: int | None = None
    """1: the agent handed the customer on; 0: the conversation ended with this agent."""
    disposition: str | None = None
    solved: bool | None = None
    """As the disposition says, in the organisation's settings."""
    rating: int | None = None
    """The customer's, 1 to 5."""
    recontact_1d: bool | None = None
    recontact_7d: bool | None = None
    """Whether the customer asked for help again within that time of the conversation's end: laid to
    the last person who served. False also where the log goes on for so long without (`join`)."""


class Decision(_Row, frozen=True, kw_only=True):
    """One row. `id` is also the offer's, where there is one."""

    schema: int = VERSION
    id: str
    at: float
    org: str
    trigger: str
    """The command that made dispatch look: `ContactWaiting`, `AgentChanged`, `Release`, ..."""
    round: str
    place: int
    seed: int
    policy: str
    policy_params: str = "{}"
    """As JSON."""
    chosen_by: str = ""
    """The policy that `policy` asked, where it asks others (an experiment); else itself."""
    policy_version: str = ""
    model_version: str = ""
    features_version: str = ""
    experiment: str = ""
    arm: str = ""
    block: str = ""
    shadow: dict[str, str] = {}
    contact: Asked
    candidates: list[Candidate]
    agents_n: int
    """How many there were, also where `candidates` does not hold them all."""
    waiting_n: int
    detail: Detail = "full"
    detail_rate: float = 1.0
    action: str
    """The agent chosen, or `HOLD`."""
    propensity: float = 1.0
    """Probability of `action`, after guards."""
    hold_propensity: float = 0.0
    guards: list[str] = []
    fallback_level: int = 0
    """0: the queue's own policy decided; 1: the queue's weights did; 2: longest idle did."""
    fallback_reason: str = ""
    """What kept the queue's own policy from deciding."""
    latency_s: float
    """Of the whole round."""
    result: Result
    scene: Scene | None = None
    outcome: Outcome | None = None


def check(rows: Iterable[Decision], source: str) -> list[Decision]:
    """Return the rows, once each, if they keep the promises of this page.

    Raises:
        DecisionLogError: names `source`, the row's field, and what is allowed.
    """
    found: dict[str, Decision] = {}
    for row in rows:
        wrong = _wrong(row)
        if wrong is not None:
            raise DecisionLogError(f"{source}: decision {row.id}: {wrong}")
        found.setdefault(row.id, row)
    return list(found.values())


def _wrong(row: Decision) -> str | None:
    if row.schema != VERSION:
        return f"schema: {row.schema}; allowed: {VERSION}"
    if not 0.0 < row.propensity <= 1.0 + NEAR:
        return f"propensity: {row.propensity}; allowed: more than 0, at most 1"
    if row.action != HOLD and all(one.agent != row.action for one in row.candidates):
        return f"action: {row.action!r}; allowed: one of the candidates"
    for one in row.candidates:
        taken = row.place > 0 and one.reason in USED_UP
        if one.reason and one.propensity > 0 and not taken:
            why = f"it could not be chosen ({one.reason})"
            return f"candidates.propensity: {one.propensity} of {one.agent!r}; allowed: 0, {why}"
    total = math.fsum([row.hold_propensity, *(one.propensity for one in row.candidates)])
    if row.detail == "full" and abs(total - 1.0) > NEAR:
        return f"candidates.propensity: their sum is {total}; allowed: 1"
    return None


def join(
    rows: Iterable[Decision], outcomes: Iterable[Outcome], *, known_until: float | None = None
) -> list[Decision]:
    """Return the rows with their outcomes; of each part the last told counts.

    Args:
        known_until: every outcome told before this instant is among `outcomes`. So a customer who
            would have been back by then, and is not, did not come back. None: silence says nothing.
    """
    parts: dict[str, list[Outcome]] = {}
    for part in sorted(outcomes, key=lambda outcome: outcome.at):
        parts.setdefault(part.decision, []).append(part)
    return [
        msgspec.structs.replace(row, outcome=_told(row, parts.get(row.id, []), known_until))
        for row in rows
    ]


def _told(row: Decision, parts: list[Outcome], known_until: float | None) -> Outcome | None:
    """What the parts say together, and what can be concluded from them."""
    told = _at_once(row) if row.result == "accepted" else None
    if not parts and row.outcome is not None:
        parts = [row.outcome]
    for part in parts:
        told = part if told is None else _merged(told, part)
    ended_at = [part.at for part in parts if part.transfers_n == 0]
    if told is None or not ended_at or known_until is None or row.contact.kind != "human":
        return told
    silent_s = known_until - ended_at[-1]
    return msgspec.structs.replace(
        told,
        recontact_1d=_back(told.recontact_1d, silent_s, DAY_S),
        recontact_7d=_back(told.recontact_7d, silent_s, WEEK_S),
    )


def _back(told: bool | None, silent_s: float, within_s: float) -> bool | None:
    return False if told is None and silent_s > within_s else told


def _at_once(row: Decision) -> Outcome:
    """What is known of a decision that needed nobody's yes."""
    return Outcome(
        decision=row.id,
        session=row.contact.session,
        at=row.at,
        ending="accepted",
        wait_s=row.at - row.contact.arrived_at,
    )


def _merged(before: Outcome, told: Outcome) -> Outcome:
    """The later part replaces what it says; a new disposition also what the old one meant."""
    names = [name for name in Outcome.__struct_fields__ if getattr(told, name) is not None]
    if told.disposition is not None:
        names.append("solved")
    return msgspec.structs.replace(before, **{name: getattr(told, name) for name in names})


# --- between rows and what policies see ----------------------------------------------------


def asked(contact: ContactView, customer: str = "") -> Asked:
    """Return the row of a contact."""
    demand = contact.demand
    return Asked(
        session=contact.id,
        episode=contact.episode,
        customer=customer,
        queue=demand.queue,
        kind=demand.kind,
        groups=sorted(demand.groups),
        needs=dict(demand.needs),
        units=demand.units,
        channel=demand.channel,
        arrived_at=contact.arrived_at,
        virtual_at=contact.virtual_at,
        agent=contact.agent,
        prefer=contact.prefer,
        prefer_until=contact.prefer_until,
        exclude=sorted(contact.exclude),
        tried=sorted(contact.tried),
        purpose=contact.purpose,
        vip=contact.vip,
        lang=contact.lang,
        needs_lang=demand.lang,
        intent=contact.intent,
        relaxed=contact.relaxed,
    )


def contact_of(row: Asked) -> ContactView:
    """Return the contact of a row, as the policy saw it."""
    demand = Demand(
        queue=row.queue,
        kind=row.kind,
        groups=frozenset(row.groups),
        needs=tuple(sorted(row.needs.items())),
        units=row.units,
        channel=row.channel,
        lang=row.needs_lang,
    )
    return ContactView(
        id=row.session,
        demand=demand,
        arrived_at=row.arrived_at,
        virtual_at=row.virtual_at,
        episode=row.episode,
        agent=row.agent,
        prefer=row.prefer,
        prefer_until=row.prefer_until,
        exclude=frozenset(row.exclude),
        tried=frozenset(row.tried),
        purpose=row.purpose,
        vip=row.vip,
        lang=row.lang,
        intent=row.intent,
        relaxed=row.relaxed,
    )


def candidate(
    agent: AgentView,
    reason: str,
    propensity: float,
    scores: Mapping[str, float],
    predictions: Mapping[str, float],
) -> Candidate:
    """Return the row of an agent."""
    return Candidate(
        agent=agent.id,
        reason=reason,
        kind=agent.kind,
        groups=sorted(agent.groups),
        skills=dict(agent.skills),
        status=agent.status,
        enabled=agent.enabled,
        capacity=agent.capacity,
        used=agent.used,
        contacts_n=agent.contacts_n,
        idle_since=agent.idle_since,
        languages=sorted(agent.languages),
        channels=dict(agent.channels),
        used_in=dict(agent.used_in),
        quotas=dict(agent.quotas),
        given_at=agent.given_at,
        lately=agent.lately,
        propensity=propensity,
        scores=dict(scores),
        predictions=dict(predictions),
    )


def agent_of(row: Candidate) -> AgentView:
    """Return the agent of a row, as the policy saw it."""
    return AgentView(
        id=row.agent,
        kind=row.kind,
        groups=frozenset(row.groups),
        skills=row.skills,
        capacity=row.capacity,
        used=row.used,
        contacts_n=row.contacts_n,
        status=row.status,
        enabled=row.enabled,
        idle_since=row.idle_since,
        languages=frozenset(row.languages),
        channels=row.channels,
        used_in=row.used_in,
        quotas=row.quotas,
        given_at=row.given_at,
        lately=row.lately,
    )
