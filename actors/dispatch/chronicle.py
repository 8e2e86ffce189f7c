"""What dispatch takes down for the decision log: rounds as they were, and how offers ended.

Cheap by design: a round keeps the policies' own frozen values, and what is asked of it later (who
was eligible, why not) is worked out by whoever reads it (`policies.rounds`). How many people a
whole round holds is bounded by a budget per second; above it, a lot decides which rounds are whole.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import islice

import msgspec

from actors.config import OrgConfig
from actors.dispatch.ledger import Hold, Offer
from actors.dispatch.rounds import Asking
from actors.effects import Effect, Record
from actors.messages import Contact
from policies.decisions import Detail, Ending, Outcome
from policies.pool import Pool
from policies.rounds import Choice, Round
from policies.view import AgentView, ContactView, QueueView, View

AGENTS_CAP = 2_000
CONTACTS_CAP = 200
"""A whole row holds no more people than this; it then says `capped`."""
SMOOTHING_S = 2.0
"""Over how long the demand for detail is averaged."""

_encode = msgspec.msgpack.Encoder().encode
_budget = [10_000.0]


def use_budget(per_s: float) -> None:
    """Say how many people a second each dispatch of this process may write down whole."""
    _budget[:] = [per_s]


def people_per_s(config: OrgConfig) -> float:
    """Return an organisation's budget: its own, else the operator's."""
    return _budget[0] if config.log_people_per_s is None else config.log_people_per_s


class Budget:
    """How probable a whole round may be, so that whole rounds together hold about `per_s` people a
    second. Depends on the number of people alone, so the lot is fair to every decision."""

    def __init__(self, per_s: float) -> None:
        self.per_s = per_s
        self._demand = 0.0
        self._at = 0.0

    def rate(self, people: int, now: float) -> float:
        """Return the probability for a round of so many people; counts it as asked for."""
        idle = math.exp(-max(0.0, now - self._at) / SMOOTHING_S)
        self._demand, self._at = self._demand * idle + people / SMOOTHING_S, now
        if self._demand <= self.per_s:
            return 1.0
        return max(1e-6, self.per_s / self._demand)


class Sight(msgspec.Struct, frozen=True):
    """What was to be seen before a round gave anything away."""

    detail: Detail
    rate: float
    agents: list[AgentView]
    contacts: list[ContactView]
    agents_n: int
    waiting_n: int


def look(view: View, asked: Iterable[Asking], budget: Budget, lot: float) -> Sight:
    """Return what the round will be remembered by.

    Args:
        lot: drawn in [0, 1).
    """
    pool, waiting = view.pool, view.waiting
    made = [proposal for asking in asked for proposal in asking.proposals]
    # Every row of a round has its own list of agents.
    people = min(len(pool), AGENTS_CAP) * max(1, len(made)) + min(len(waiting), CONTACTS_CAP)
    rate = budget.rate(people, view.now)
    detail: Detail = "full"
    if lot >= rate:
        detail = "chosen"
        contacts = [proposal.contact for proposal in made]
        agents = [pool[agent] for agent in dict.fromkeys(p.agent for p in made)]
    elif len(pool) > AGENTS_CAP or len(waiting) > CONTACTS_CAP:
        detail = "capped"
        contacts = _some_contacts(view, [proposal.contact for proposal in made])
        agents = _some_agents(pool, [proposal.agent for proposal in made])
    else:
        contacts = list(waiting)
        agents = [pool[agent] for agent in pool]
    return Sight(detail, rate, agents, contacts, len(pool), len(waiting))


def _some_contacts(view: View, must: list[ContactView]) -> list[ContactView]:
    """Those decided about, and the oldest of each class beside them."""
    waiting = view.waiting
    each = max(1, CONTACTS_CAP // max(1, len(waiting.classes)))
    ids = dict.fromkeys(contact.id for contact in must)
    for orders in waiting.classes.values():
        ids |= dict.fromkeys(order[2] for order in orders[:each])
    return [waiting[contact] for contact in islice(ids, CONTACTS_CAP)]


def _some_agents(pool: Pool, must: list[str]) -> list[AgentView]:
    """Those chosen, then those with room, then the others."""
    ids = dict.fromkeys([*must, *sorted(pool.free)])
    if len(ids) < AGENTS_CAP:
        ids |= dict.fromkeys(pool)
    return [pool[agent] for agent in islice(ids, AGENTS_CAP)]


def taken_down(
    sight: Sight,
    asking: Asking,
    choices: list[Choice],
    customers: dict[str, str],
    *,
    org: str,
    at: float,
    trigger: str,
    queues: list[QueueView],
) -> Effect:
    """Return the record of one call of one policy."""
    contacts, agents = sight.contacts, sight.agents
    if sight.detail == "chosen":
        mine = {choice.contact for choice in choices}
        theirs = {choice.agent for choice in choices}
        contacts = [contact for contact in contacts if contact.id in mine]
        agents = [agent for agent in agents if agent.id in theirs]
    made = Round(
        id=choices[0].id,
        at=at,
        org=org,
        trigger=trigger,
        seed=asking.seed,
        policy=asking.policy,
        policy_params=asking.params,
        policy_version=asking.version,
        fallback_level=asking.level,
        fallback_reason=asking.reason,
        latency_s=asking.latency_s,
        limit=asking.limit,
        only=None if asking.only is None else sorted(asking.only),
        detail=sight.detail,
        detail_rate=sight.rate,
        agents=agents,
        contacts=contacts,
        queues=queues if sight.detail != "chosen" else [],
        customers=customers,
        agents_n=sight.agents_n,
        waiting_n=sight.waiting_n,
        choices=choices,
    )
    return Record("round", _encode(made))


def ended(what: Offer | Hold, outcome: Ending, now: float) -> Effect:
    """Return the record of an offer's or a hold's end; of a hold that was served, with its handle
    time."""
    if isinstance(what, Hold):
        made = Outcome(
            decision=what.id,
            session=what.session,
            at=now,
            ending=outcome,
            handle_s=round(now - what.at, 3) if outcome == "accepted" else None,
        )
    else:
        made = Outcome(
            decision=what.id,
            session=what.contact.session,
            at=now,
            ending=outcome,
            wait_s=round(now - what.contact.arrived_at, 3) if outcome == "accepted" else None,
        )
    return Record("outcome", _encode(made))


def waited(decision: str, contact: Contact, now: float, *, abandoned: bool) -> Effect:
    """Return the record of how a contact's being held back ended: with an agent, or without."""
    made = Outcome(
        decision=decision,
        session=contact.session,
        at=now,
        wait_s=round(now - contact.arrived_at, 3),
        abandoned=abandoned,
    )
    return Record("outcome", _encode(made))
