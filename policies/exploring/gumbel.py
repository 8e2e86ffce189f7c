"""Gumbel noise for batches: all matches of a round drawn together, with estimated marginals."""

from __future__ import annotations

from random import Random

import msgspec
import numpy as np
from scipy.optimize import linear_sum_assignment  # type: ignore[import-untyped] # has no types

from policies.arrays import Floats, Ints
from policies.exploring.plan import Plan
from policies.longest_idle import LongestIdle
from policies.view import ContactView, Match, Policy, View

DRAWS_N = 200
WORK_N, ASIDE_N = 1_000_000, 300
"""Pairs weighed in all draws of a round, at most: each batch costs draws x (contacts x seats +
`ASIDE_N`, for what is beside the matrix), 10 to 40 ns a pair. Batches beyond are left as they are:
a round has a deadline, and replaying it must not depend on a clock."""
_NEVER = -1e9


class ExploreBatch:
    """A policy whose contacts are assigned anew, all together, by scores plus Gumbel noise.

    Who is served stays the policy's choice. Among the contacts of one queue, agents are exchanged
    so that the sum of (score / `scale` + Gumbel noise) is largest. One contact alone gets a softmax
    of its scores, which is exact (the Gumbel-max trick: Gumbel 1954; Maddison, Tarlow and Minka,
    NIPS 2014). For several who compete, the marginal probability of each pair has no formula: it is
    the share of `draws` further assignments, plus the one used, that have the pair. Counting the
    one used keeps the estimate above 0, and the inverse weight right but for (1 - p)^(draws + 1).
    `scores` of `Match.why` holds its standard error as `propensity_se`; without one it is exact.
    Guard: `work`, a batch too large for the time of a round.

    Scores are those that the policy tells (`Match.why`); where it tells none, its own choice has 1
    and any other 0, so that `scale` says how often the policy is followed.
    """

    name = "explore_batch"

    def __init__(
        self, policy: Policy | None = None, *, scale: float = 0.25, draws: int = DRAWS_N
    ) -> None:
        if not scale > 0:
            raise ValueError(f"scale: {scale}; allowed: above 0")
        if draws < 1:
            raise ValueError(f"draws: {draws}; allowed: whole numbers from 1")
        self.policy = policy or LongestIdle()
        self.deciders = (self.policy,)
        self._scale, self._draws = scale, draws

    def decide(self, view: View, rng: Random) -> list[Match]:
        """Return the matches; see `Policy.decide`."""
        plan = Plan(view, self.policy.decide(view, rng))
        dice, left = np.random.default_rng(rng.getrandbits(64)), WORK_N
        for batch in _batches(plan):
            if len(batch) == 1:
                self._draw_one(plan, batch[0], dice)
                continue
            seats, score = _seats(plan, batch)
            if len(seats) < 2:
                continue
            work = (self._draws + 1) * (score.size + ASIDE_N)
            if work > left:
                for contact in batch:
                    plan.keep(contact, "work")
                continue
            left -= work
            self._draw(plan, batch, seats, score, dice)
        return plan.matches()

    def _draw(
        self,
        plan: Plan,
        batch: list[ContactView],
        seats: list[str],
        score: Floats,
        dice: np.random.Generator,
    ) -> None:
        table = score / self._scale
        agents, number = np.unique(seats, return_inverse=True)
        used = number[_assigned(table, dice)]
        chance = self._marginals(table, number, len(agents), used, dice)
        se = np.sqrt(chance * (1 - chance) / (self._draws + 1))
        names = [str(agent) for agent in agents]
        for row, contact in enumerate(batch):
            told = zip(names, chance[row].tolist(), se[row].tolist(), strict=True)
            _tell(plan, contact, names[used[row]], {name: (p, e) for name, p, e in told if p > 0})

    def _draw_one(self, plan: Plan, contact: ContactView, dice: np.random.Generator) -> None:
        """Draw the agent of a contact with which none competes: an exact softmax."""
        scores = _scores(plan, contact, [contact])
        if len(scores) < 2:
            return
        table = np.array(list(scores.values())) / self._scale
        weight = np.exp(table - table.max())
        weight /= weight.sum()
        agent = list(scores)[int(np.argmax(table + dice.gumbel(size=len(table))))]
        chances = {a: p for a, p in zip(scores, weight.tolist(), strict=True) if p > 0}
        why = msgspec.structs.replace(plan.why_of(contact), propensities=chances)
        plan.move(contact, agent, why)

    def _marginals(
        self, table: Floats, number: Ints, agents_n: int, used: Ints, dice: np.random.Generator
    ) -> Floats:
        """Return (contacts, agents) shares of the assignments that have each pair."""
        counts = np.zeros((len(table), agents_n))
        rows = np.arange(len(table))
        counts[rows, used] = 1
        for _ in range(self._draws):
            counts[rows, number[_assigned(table, dice)]] += 1
        shares: Floats = counts / (self._draws + 1)
        return shares


def _batches(plan: Plan) -> list[list[ContactView]]:
    """Return the contacts that may exchange agents: alike in what they take of one."""
    found: dict[object, list[ContactView]] = {}
    for contact in plan.contacts:
        if not contact.vip and not plan.draws_lots(contact):
            demand = contact.demand
            found.setdefault((demand.queue, demand.units, demand.channel), []).append(contact)
    return list(found.values())


def _seats(plan: Plan, batch: list[ContactView]) -> tuple[list[str], Floats]:
    """Return the agent of each seat, and (contacts, seats) scores; `_NEVER` where not eligible."""
    rows = [_scores(plan, contact, batch) for contact in batch]
    seats: list[str] = []
    for agent in sorted({agent for row in rows for agent in row}):
        seats += [agent] * _seats_n(plan, agent, batch)
    table = [[row.get(agent, _NEVER) for agent in seats] for row in rows]
    return seats, np.array(table).reshape(len(batch), len(seats))


def _scores(plan: Plan, contact: ContactView, batch: list[ContactView]) -> dict[str, float]:
    """Return the score of each agent who may take the contact beside all but the batch."""
    told, chosen = plan.scores(contact), plan.agent_of(contact)
    options = (agent.id for agent in plan.options(contact, batch))
    return {a: told.get(a, float(not told and a == chosen)) for a in options}


def _seats_n(plan: Plan, agent: str, batch: list[ContactView]) -> int:
    """Return how many of the batch the agent has room for, beside all else that is planned."""
    room, demand, n = plan.room(agent, batch), batch[0].demand, 0
    while n < len(batch) and room.open and room.full(demand) is None:
        room, n = room.given(demand, plan.view.now), n + 1
    return n


def _assigned(table: Floats, dice: np.random.Generator) -> Ints:
    """Return (contacts,) the seat of each in the best assignment under fresh noise."""
    columns: Ints = linear_sum_assignment(table + dice.gumbel(size=table.shape), maximize=True)[1]
    return columns


def _tell(
    plan: Plan, contact: ContactView, agent: str, known: dict[str, tuple[float, float]]
) -> None:
    """Give the contact to the agent drawn; `known`: probability and standard error by agent."""
    why = plan.why_of(contact)
    errors = {a: {**why.scores.get(a, {}), "propensity_se": e} for a, (_, e) in known.items()}
    chances = {a: p for a, (p, _) in known.items()}
    told = msgspec.structs.replace(why, propensities=chances, scores={**why.scores, **errors})
    plan.move(contact, agent, told)
