"""A direct model of the reward, cross-fitted: no decision is predicted by itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from policies.arrays import Floats, Ints
from policies.offline.logged import Logged

FOLDS_N = 5
PULL = 10.0
"""Decisions that the mean of all counts for against a cell's own."""


def with_means(log: Logged, cell: Ints, folds: int = FOLDS_N) -> Logged:
    """Return the log with predictions: the mean reward of each cell, shrunk to the mean of all.

    `cell` (m,): candidates of one number are thought alike, for instance one per context and
    action. The decisions are cut into folds; each is predicted from the others (Chernozhukov et
    al., "Double/debiased machine learning", The Econometrics Journal 21, 2018).
    """
    _, cell = np.unique(cell, return_inverse=True)
    fold = np.arange(log.n) % folds
    taken = cell[log.chosen]
    predicted = np.zeros(len(cell))
    of = np.repeat(fold, np.diff(log.starts))
    for held_out in range(folds):
        others = fold != held_out if folds > 1 else np.ones(log.n, dtype=bool)
        means = _shrunk(taken[others], log.reward[others], int(cell.max()) + 1)
        mine = of == held_out
        predicted[mine] = means[cell[mine]]
    return replace(log, predicted=predicted)


def _shrunk(cell: Ints, reward: Floats, cells: int) -> Floats:
    counts = np.bincount(cell, minlength=cells)
    sums = np.bincount(cell, reward, cells)
    pool = float(reward.mean()) if len(reward) else 0.0
    means: Floats = (sums + PULL * pool) / (counts + PULL)
    return means
