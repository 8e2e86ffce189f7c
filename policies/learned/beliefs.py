"""What is believed of agents, intents, and pairs of both: means, shrunk to the pool.

A pair seen twice says little of itself: its mean is pulled to what its agent and its intent
promise, the more so the less such pairs differ beyond chance (empirical Bayes). For chances this is
the beta-binomial posterior, for handle times the gamma's, for ratings the normal's: in all three
the posterior mean is (k m + sum) / (k + n), with the prior's mean m and its weight k.
Source: Efron and Morris, "Stein's estimation rule and its competitors", JASA 68 (1973); Casella,
"An introduction to empirical Bayes data analysis", American Statistician 39 (1985).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

K = TypeVar("K", bound=Hashable)

MOST_WEIGHT = 1000.0
"""Outcomes that a prior counts for where groups do not differ at all."""
LEAST_WEIGHT = 1.0


class Seen(msgspec.Struct, frozen=True):
    """Outcomes of one agent, intent or pair: how many, and their sum."""

    n: int
    sum: float


class Belief(msgspec.Struct, frozen=True, kw_only=True):
    """One measure (solved, handle time, rating). Nothing known of somebody: the pool's mean."""

    mean: float
    """Of the pool."""
    agent_weight: float
    intent_weight: float
    pair_weight: float
    """Outcomes that each prior counts for."""
    agents: dict[str, Seen] = {}
    intents: dict[str, Seen] = {}
    pairs: dict[str, dict[str, Seen]] = {}
    """Agent -> intent."""

    def of_agent(self, agent: str) -> float:
        """Return the agent's posterior mean."""
        return _shrunk(self.agents.get(agent), self.agent_weight, self.mean)

    def of_intent(self, intent: str) -> float:
        """Return the intent's posterior mean."""
        return _shrunk(self.intents.get(intent), self.intent_weight, self.mean)

    def of_pair(self, agent: str, intent: str) -> float:
        """Return the pair's posterior mean; its prior is the product of what agent and intent are
        against the pool."""
        prior = self.of_agent(agent) * self.of_intent(intent) / self.mean if self.mean else 0.0
        return _shrunk(self.pairs.get(agent, {}).get(intent), self.pair_weight, prior)

    def pair_n(self, agent: str, intent: str) -> int:
        """Return how often the pair was seen."""
        seen = self.pairs.get(agent, {}).get(intent)
        return seen.n if seen else 0


class Beliefs(msgspec.Struct, frozen=True, kw_only=True):
    """All that features and cold starts need."""

    solved: Belief
    handle_s: Belief
    rating: Belief


class Result(msgspec.Struct, frozen=True):
    """One outcome: of whom, what about, and the value."""

    agent: str
    intent: str
    value: float


def believe(results: Iterable[Result], default: float, most: float | None = None) -> Belief:
    """Return the belief that these outcomes support.

    `default` is the pool's mean where there are none; `most` bounds values above.
    """
    rows = list(results)
    values = np.array([row.value for row in rows])
    if most is not None:
        values = np.minimum(values, most)
    if len(values) == 0:
        return Belief(
            mean=default,
            agent_weight=MOST_WEIGHT,
            intent_weight=MOST_WEIGHT,
            pair_weight=MOST_WEIGHT,
        )
    agents = _seen([row.agent for row in rows], values)
    intents = _seen([row.intent for row in rows], values)
    pairs = _seen([(row.agent, row.intent) for row in rows], values)
    within = _variance_within([(row.agent, row.intent) for row in rows], values, pairs)
    nested: dict[str, dict[str, Seen]] = {}
    for (agent, intent), seen in pairs.items():
        nested.setdefault(agent, {})[intent] = seen
    mean = float(values.mean())
    return Belief(
        mean=mean,
        agent_weight=_weight(list(agents.values()), mean, within),
        intent_weight=_weight(list(intents.values()), mean, within),
        pair_weight=_weight(list(pairs.values()), mean, within),
        agents=agents,
        intents=intents,
        pairs=nested,
    )


def _shrunk(seen: Seen | None, weight: float, prior: float) -> float:
    return prior if seen is None else (weight * prior + seen.sum) / (weight + seen.n)


def _seen(keys: Sequence[K], values: NDArray[np.float64]) -> dict[K, Seen]:
    found: dict[K, list[float]] = {}
    for key, value in zip(keys, values.tolist(), strict=True):
        found.setdefault(key, []).append(value)
    return {key: Seen(len(row), float(sum(row))) for key, row in found.items()}


def _variance_within(keys: Sequence[K], values: NDArray[np.float64], seen: dict[K, Seen]) -> float:
    """Return the variance of outcomes of one pair, pooled over all pairs."""
    means = np.array([seen[key].sum / seen[key].n for key in keys])
    freedom = max(len(values) - len(seen), 1)
    return float(((values - means) ** 2).sum() / freedom)


def _weight(groups: list[Seen], mean: float, within: float) -> float:
    """Return the prior's weight: variance of an outcome over the variance between groups.

    By moments: the spread of group means less what chance alone would spread them.
    """
    n = np.array([seen.n for seen in groups], dtype=np.float64)
    means = np.array([seen.sum / seen.n for seen in groups])
    total = n.sum()
    free = total - (n**2).sum() / total
    if len(groups) < 2 or free <= 0:
        return MOST_WEIGHT
    between = ((n * (means - mean) ** 2).sum() - (len(groups) - 1) * within) / free
    if between <= 0:
        return MOST_WEIGHT
    return float(np.clip(within / between, LEAST_WEIGHT, MOST_WEIGHT))
