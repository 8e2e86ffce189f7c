"""Logged decisions as arrays: what every estimator works on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from policies.arrays import Floats, Ints

SUM_SLACK = 1e-6
"""By how much the probabilities of one decision may miss 1."""


class LogError(ValueError):
    """A log that cannot be evaluated. The text names file, row, field and what is allowed."""


@dataclass(frozen=True, eq=False)
class Logged:
    """n decisions with m candidates in all; candidates of a decision are neighbours.

    A log that knows the target's probability of the action taken alone has one candidate a
    decision, and is not `complete`: no model can be asked what the target would have done.
    """

    starts: Ints
    """(n+1,) where each decision's candidates begin; the last entry is m."""
    chosen: Ints
    """(n,) the candidate that was taken: its place among all m."""
    reward: Floats
    """(n,)"""
    logging: Floats
    """(m,) probability with which the logging policy took each candidate; nan where the log tells
    only that of the action taken (`taken_only`)."""
    target: Floats
    """(m,) probability with which the target policy would take it."""
    predicted: Floats | None = None
    """(m,) reward that a model predicts; needed by `dm`, `dr` and `switch_dr`."""
    cluster: Ints | None = None
    """(n,) decisions of one cluster depend on each other; None: all independent."""
    complete: bool = True
    """Whether every candidate is there, so that the target's probabilities sum to 1."""
    taken_only: bool = False

    @classmethod
    def of(
        cls,
        rewards: Sequence[float],
        chosen: Sequence[int],
        logging: Sequence[Sequence[float]],
        target: Sequence[Sequence[float]],
        predicted: Sequence[Sequence[float]] | None = None,
    ) -> Logged:
        """Return decisions given one by one; `chosen` counts within each decision.

        Raises:
            LogError: the lists do not fit together; the text names the row.
        """
        starts = np.cumsum([0, *(len(row) for row in logging)])
        flat = [np.array([p for row in rows for p in row]) for rows in (logging, target)]
        guessed = None if predicted is None else np.array([p for row in predicted for p in row])
        logged = cls(
            starts=starts,
            chosen=starts[:-1] + np.asarray(chosen, dtype=np.int64),
            reward=np.asarray(rewards, dtype=np.float64),
            logging=flat[0],
            target=flat[1],
            predicted=guessed,
        )
        logged.check("log")
        return logged

    @property
    def n(self) -> int:
        """Return how many decisions there are."""
        return len(self.reward)

    @property
    def weight(self) -> Floats:
        """Return (n,) the target's probability of what was done over the logging policy's."""
        weight: Floats = self.target[self.chosen] / self.logging[self.chosen]
        return weight

    def per_decision(self, values: Floats) -> Floats:
        """Return (n,) sums over each decision's candidates of `values` (m,)."""
        sums: Floats = np.add.reduceat(values, self.starts[:-1])
        return sums

    def check(self, source: str) -> None:
        """Make sure that estimators can work on it.

        Raises:
            LogError: something is not allowed; the text starts with `source` and names the row,
                counted from 1, and the field.
        """
        if self.n == 0:
            raise LogError(f"{source}: rows: none; allowed: at least one decision")
        sizes = np.diff(self.starts)
        self._refuse(source, "candidates", sizes < 1, sizes, "at least one")
        self._refuse(source, "reward", ~np.isfinite(self.reward), self.reward, "a finite number")
        wrong = (self.chosen < self.starts[:-1]) | (self.chosen >= self.starts[1:])
        self._refuse(source, "action", wrong, self.chosen, "one of the decision's candidates")
        taken = self.logging[self.chosen]
        outside = ~((taken > 0) & (taken <= 1 + SUM_SLACK))
        self._refuse(source, "propensity", outside, taken, "above 0, at most 1")
        if not self.taken_only:
            self._check_probabilities(source, "propensity", self.logging)
        self._check_probabilities(source, "target", self.target)
        if self.predicted is not None:
            bad = ~self._all(np.isfinite(self.predicted))
            self._refuse(source, "predicted", bad, None, "finite numbers")

    def _check_probabilities(self, source: str, field: str, values: Floats) -> None:
        inside = self._all((values >= 0) & (values <= 1 + SUM_SLACK))
        self._refuse(source, field, ~inside, values[self.chosen], "0 to 1")
        if self.complete:
            sums = self.per_decision(values)
            off = np.abs(sums - 1) > SUM_SLACK
            self._refuse(source, f"sum of {field}", off, sums, "1")

    def _all(self, good: np.ndarray) -> np.ndarray:
        whole: np.ndarray = np.logical_and.reduceat(good, self.starts[:-1])
        return whole

    @staticmethod
    def _refuse(
        source: str, field: str, bad: np.ndarray, values: np.ndarray | None, allowed: str
    ) -> None:
        if not bad.any():
            return
        row = int(np.flatnonzero(bad)[0])
        got = "" if values is None else f" {values[row]:.6g};"
        raise LogError(f"{source}: row {row + 1}: {field}:{got} allowed: {allowed}")
