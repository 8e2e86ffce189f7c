"""Bandits over skill queues: who solves what is learned while serving, and priced by a program."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random

from policies.learning import Outcome
from policies.lp_value import HOLD_S, lp_prices
from policies.prices import Pairs, Prices, most_worthwhile
from policies.view import Match, View

Pair = tuple[str, str]

PRIOR_N = 8.0
"""Outcomes that a pair's prior, the rate of all pairs together, counts for."""
WIDTH = 0.25
"""Standard deviations of optimism. Little: a centre tries every pair when others are busy."""
EARLY_N, EVERY_N = 25, 200
"""Outcomes between two price lists: few at first, later these."""


@dataclass(slots=True)
class Tally:
    """Outcomes of one (group, queue)."""

    n: int = 0
    solved: int = 0


@dataclass(frozen=True)
class Centre:
    """What a bandit knows of its centre from the start, as `LpValue` does."""

    mean_s: Pairs = field(default_factory=dict)
    arrivals_per_s: Mapping[str, float] = field(default_factory=dict)
    agents: Mapping[str, float] = field(default_factory=dict)
    leave_per_s: Mapping[str, float] = field(default_factory=dict)
    reward: Mapping[str, float] = field(default_factory=dict)
    """Queue -> what solving one is worth; 1 where it is silent."""
    hold_s: float = HOLD_S
    seen: Mapping[Pair, tuple[int, int]] = field(default_factory=dict)
    """(group, queue) -> contacts and solved, from before."""


class SkillBandit:
    """Prices from guesses of the chances of solving; what a guess is, the two bandits differ in.

    Beta-binomial: every (group, queue) starts as `PRIOR_N` outcomes of the rate of all together, so
    that the first outcomes of a pair neither damn nor hallow it.
    """

    name = "skill_bandit"

    def __init__(self, centre: Centre | None = None, seed: int = 0) -> None:
        self._centre, self._seed = centre or Centre(), seed
        self._tallies: dict[Pair, Tally] = {pair: Tally() for pair in self._centre.mean_s}
        self._all, self._learned_n = Tally(), 0
        for pair, (n, solved) in self._centre.seen.items():
            self._count(pair, n, solved)
        self._prices = self._priced()

    def decide(self, view: View, rng: Random) -> list[Match]:  # noqa: ARG002 - dice are in `learn`
        """Return the matches; see `Policy.decide`."""
        return most_worthwhile(view, self._prices)

    def learn(self, outcome: Outcome) -> None:
        """Count the outcome; make new prices from time to time."""
        queue = outcome.contact.demand.queue
        for group in sorted(outcome.agent.groups):
            self._count((group, queue), 1, int(outcome.solved))
        self._learned_n += 1
        if self._learned_n % (EARLY_N if self._learned_n < 10 * EVERY_N else EVERY_N) == 0:
            self._prices = self._priced()

    def _count(self, pair: Pair, n: int, solved: int) -> None:
        for tally in (self._tallies.setdefault(pair, Tally()), self._all):
            tally.n += n
            tally.solved += solved

    def posterior(self, pair: Pair) -> tuple[float, float]:
        """Return the parameters of the pair's beta distribution."""
        rate = (self._all.solved + 1.0) / (self._all.n + 2.0)
        tally = self._tallies.get(pair, Tally())
        solved = PRIOR_N * rate + tally.solved
        return solved, PRIOR_N + tally.n - solved

    def guess(self, pair: Pair, dice: Random) -> float:
        """Return the chance of solving to work with for now."""
        raise NotImplementedError

    def _priced(self) -> Prices:
        """Return prices; the dice depend on the seed and on how much is known, not on the clock."""
        dice, at = Random(f"{self._seed} {self._learned_n}"), self._centre
        worth = {
            pair: self.guess(pair, dice) * at.reward.get(pair[1], 1.0)
            for pair in sorted(self._tallies)
        }
        return lp_prices(
            worth,
            at.mean_s,
            arrivals_per_s=at.arrivals_per_s,
            agents=at.agents,
            leave_per_s=at.leave_per_s,
            hold_s=at.hold_s,
        )


class ThompsonSkills(SkillBandit):
    """Works with a draw from what it believes: doubtful pairs are tried as often as they may be
    best. Source: Thompson, Biometrika 25 (1933); Russo et al., "A tutorial on Thompson sampling"
    (2018); with a program inside: Ferreira, Simchi-Levi, Wang, Operations Research 66 (2018).
    """

    name = "thompson"

    def guess(self, pair: Pair, dice: Random) -> float:
        """Return a draw from the pair's beta distribution."""
        return dice.betavariate(*self.posterior(pair))


class UcbSkills(SkillBandit):
    """Works with the most that it can believe: optimism in the face of doubt.

    The bound is the posterior mean plus `width` standard deviations. Source: Auer, Cesa-Bianchi,
    Fischer, Machine Learning 47 (2002); Kaufmann, Cappe, Garivier (2012) for Bayesian bounds.
    """

    name = "ucb"

    def __init__(self, centre: Centre | None = None, seed: int = 0, width: float = WIDTH) -> None:
        self._width = width
        super().__init__(centre, seed)

    def guess(self, pair: Pair, dice: Random) -> float:  # noqa: ARG002 - needs no dice
        """Return the upper bound."""
        solved, not_solved = self.posterior(pair)
        n = solved + not_solved
        spread = math.sqrt(solved * not_solved / (n * n * (n + 1.0)))
        return min(solved / n + self._width * spread, 1.0)
