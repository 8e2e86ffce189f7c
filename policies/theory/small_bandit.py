"""Exact answers for a small contextual bandit: what off-policy estimators must reproduce."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from policies.arrays import Floats, Ints


@dataclass(frozen=True, eq=False)
class SmallBandit:
    """Contexts with given chances, actions with Bernoulli rewards, and two policies.

    Variances are of one decision: those of a mean over n decisions are n times smaller.
    """

    chance: Floats
    """(X,) of each context."""
    logging: Floats
    """(X, A) probability of each action."""
    target: Floats
    means: Floats
    """(X, A) chance of reward 1."""

    @property
    def weight(self) -> Floats:
        """Return (X, A) target over logging."""
        return self.target / self.logging

    def _mean(self, table: Floats) -> float:
        """Return the mean of (X, A) under the logging policy."""
        return float(self.chance @ (self.logging * table).sum(axis=1))

    def value(self) -> float:
        """Return the target's value."""
        return self._mean(self.weight * self.means)

    def ips_variance(self) -> float:
        """Return E[w^2 r^2] - V^2; r^2 = r."""
        return self._mean(self.weight**2 * self.means) - self.value() ** 2

    def snips_variance(self) -> float:
        """Return E[w^2 (r - V)^2], the limit of n times the variance."""
        value = self.value()
        spread = self.means * (1 - value) ** 2 + (1 - self.means) * value**2
        return self._mean(self.weight**2 * spread)

    def dr_variance(self) -> float:
        """Return the variance of doubly robust terms when the model knows the true means."""
        inner = (self.target * self.means).sum(axis=1)
        between = float(self.chance @ (inner - self.value()) ** 2)
        return between + self._mean(self.weight**2 * self.means * (1 - self.means))

    def ess_share(self) -> float:
        """Return the effective sample size over n, in the limit."""
        return 1 / self._mean(self.weight**2)

    def draw(self, n: int, dice: np.random.Generator) -> tuple[Ints, Ints, Floats]:
        """Return (n,) contexts, actions of the logging policy, and rewards."""
        context = dice.choice(len(self.chance), size=n, p=self.chance)
        edges = np.cumsum(self.logging, axis=1)
        action = (dice.random(n)[:, None] > edges[context]).sum(axis=1)
        action = np.minimum(action, self.logging.shape[1] - 1)
        reward = (dice.random(n) < self.means[context, action]).astype(np.float64)
        return context.astype(np.int64), action.astype(np.int64), reward


THREE_ACTIONS = SmallBandit(
    chance=np.array([0.5, 0.5]),
    logging=np.array([[0.6, 0.3, 0.1], [0.2, 0.2, 0.6]]),
    target=np.array([[0.1, 0.2, 0.7], [0.5, 0.4, 0.1]]),
    means=np.array([[0.3, 0.5, 0.8], [0.7, 0.6, 0.2]]),
)
"""Worked by hand in `tests/unit/policies_offline/test_known_values.py`."""
