"""The decision log: one row per decision, complete enough to explain it and to make it again.

    Decision ─ who asked       contact     what was known of the contact
             ├ who could       candidates  every agent, eligible or the reason why not
             ├ what was done   action      an agent, or `HOLD`; with its probability after guards
             ├ how             policy, versions, seed, fallback level, latency
             └ what came of it outcome     joined later (`policies.joining`)

Decisions made together, in one call of one policy, are a *round*: they share `round` and `seed`,
and `place` counts them. The first row of a round (`place` 0) also holds what else the policy saw
(`scene`), so that `policies.replay` can call the policy again. In a huge centre not every row can
hold everybody: `detail` says what this one holds, `detail_rate` how probable it was to hold it all.

Times are seconds since 1970, durations end in `_s`. Rows are delivered at least once: two of the
same `id` are one decision.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Literal

import msgspec

from policies.view import HOLD, QueueView

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
    the last person who served. False also where the log goes on for so long without: see
    `policies.joining`."""


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
