"""One round as dispatch commits it: what the policy saw and what it chose, cheap to take down; and
the rows of the decision log that it becomes, later and elsewhere."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from policies.decision_views import asked, candidate
from policies.decisions import Asked, Candidate, Decision, Detail, Result, Scene
from policies.eligibility import reason
from policies.view import HOLD, AgentView, ContactView, QueueView, Why

_CERTAIN = Why()


class Choice(msgspec.Struct, frozen=True, array_like=True):
    """One decision of the round. `agent`: `HOLD` gave the contact to nobody."""

    id: str
    contact: str
    agent: str
    result: Result
    why: Why | None = None


class Round(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One call of one policy. `agents` and `contacts` as they were before it; see `Decision` for
    `detail` and the rest."""

    id: str
    at: float
    org: str
    trigger: str
    seed: int
    policy: str
    policy_params: str = "{}"
    policy_version: str = ""
    fallback_level: int = 0
    fallback_reason: str = ""
    latency_s: float
    limit: int
    only: list[str] | None = None
    detail: Detail
    detail_rate: float = 1.0
    agents: list[AgentView]
    contacts: list[ContactView]
    queues: list[QueueView] = []
    customers: dict[str, str] = {}
    """Contact -> customer, of the choices."""
    agents_n: int
    waiting_n: int
    choices: list[Choice]


def rows_of(made: Round) -> list[Decision]:
    """Return the rows of a round, in order; what each gave away is taken before the next."""
    contacts = {contact.id: contact for contact in made.contacts}
    agents = {agent.id: agent for agent in made.agents}
    found: list[Decision] = []
    for place, choice in enumerate(made.choices):
        contact = contacts[choice.contact]
        found.append(_row(made, choice, place, contact, agents))
        if choice.agent != HOLD:
            agents[choice.agent] = agents[choice.agent].given(contact.demand, made.at)
    return found


def _row(
    made: Round, choice: Choice, place: int, contact: ContactView, agents: dict[str, AgentView]
) -> Decision:
    why = choice.why or _CERTAIN
    odds = _odds(choice)
    return Decision(
        id=choice.id,
        at=made.at,
        org=made.org,
        trigger=made.trigger,
        round=made.id,
        place=place,
        seed=made.seed,
        policy=made.policy,
        chosen_by=why.policy or made.policy,
        policy_params=made.policy_params,
        policy_version=why.version or made.policy_version,
        model_version=why.model,
        features_version=why.features,
        experiment=why.experiment,
        arm=why.arm,
        block=why.block,
        shadow=dict(why.shadow),
        contact=_asked(made, contact),
        candidates=_candidates(made, choice, contact, agents),
        agents_n=made.agents_n,
        waiting_n=made.waiting_n,
        detail=made.detail,
        detail_rate=made.detail_rate,
        action=choice.agent,
        propensity=odds.get(choice.agent, 0.0),
        hold_propensity=odds.get(HOLD, 0.0),
        guards=list(why.guards),
        fallback_level=max(made.fallback_level, why.fallback_level),
        fallback_reason=made.fallback_reason or why.fallback_reason,
        latency_s=made.latency_s,
        result=choice.result,
        scene=_scene(made) if place == 0 else None,
    )


def _candidates(
    made: Round, choice: Choice, contact: ContactView, agents: dict[str, AgentView]
) -> list[Candidate]:
    why = choice.why or _CERTAIN
    odds = _odds(choice)
    if made.detail == "chosen":
        agents = {choice.agent: agents[choice.agent]} if choice.agent != HOLD else {}
    found = []
    for agent in agents.values():
        wrong = reason(contact, agent, made.at) or ""
        share = 0.0 if wrong or not why.uniform_n else 1.0 / why.uniform_n
        scores, expected = why.scores.get(agent.id, {}), why.predictions.get(agent.id, {})
        found.append(candidate(agent, wrong, odds.get(agent.id, share), scores, expected))
    return found


def _odds(choice: Choice) -> Mapping[str, float]:
    """The probabilities by agent; of an even choice, that of the one chosen."""
    why = choice.why or _CERTAIN
    if why.propensities:
        return why.propensities
    return {choice.agent: 1.0 / why.uniform_n if why.uniform_n else 1.0}


def _scene(made: Round) -> Scene:
    contacts = made.contacts if made.detail != "chosen" else []
    return Scene(
        contacts=[_asked(made, contact) for contact in contacts],
        queues=list(made.queues),
        limit=made.limit,
        only=made.only,
    )


def _asked(made: Round, contact: ContactView) -> Asked:
    return asked(contact, made.customers.get(contact.id, ""))
