"""Make probabilities mean what they say: choose a calibration, measure the error that is left."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from bot.combining import F64, TINY, Line, Steps, fit_line, logit, on_top

ENOUGH, ENOUGH_STEPS = 20, 300
"""Examples below which probabilities stay as the combiner made them, and below which isotonic steps
would follow single examples."""
FOLDS = 5
BINS = 15
Calibration = Line | Steps | None
_SAME = Line(0.0, (1.0,))


def choose_calibration(top: F64, right: NDArray[np.bool_], seed: int = 0) -> Calibration:
    """Return the calibration of the best topics' chances that errs least when crossed: none,
    Platt's line, or isotonic steps."""
    if len(top) < ENOUGH or right.all() or not right.any():
        return None
    kinds: list[Callable[[F64, NDArray[np.bool_]], Calibration]] = [_nothing, platt]
    kinds += [isotonic] if len(top) >= ENOUGH_STEPS else []
    fold = np.random.default_rng(seed).permutation(len(top)) % FOLDS
    losses = []
    for fit in kinds:
        loss = 0.0
        for k in range(FOLDS):
            there = fold != k
            fair = on_top(top[~there], fit(top[there], right[there]))
            loss += _loss(fair, right[~there])
        losses.append(loss)
    return kinds[int(np.argmin(losses))](top, right)


def platt(top: F64, right: NDArray[np.bool_]) -> Line:
    """Return a logistic regression over the chances' logits."""
    return fit_line(logit(top)[:, None], right, np.ones(len(top)), _SAME, 1.0)


def isotonic(top: F64, right: NDArray[np.bool_]) -> Steps:
    """Return the best rising steps, drawn in from 0 and 1 by one example each way."""
    # Half a second, which whoever only reads back what was learned need not pay.
    from sklearn.isotonic import (  # type: ignore[import-untyped] # noqa: PLC0415 - no types
        IsotonicRegression,
    )

    fitted = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(top, right)
    room = 1 / (len(top) + 2)
    ys = np.clip(fitted.y_thresholds_, room, 1 - room)
    return Steps(tuple(fitted.X_thresholds_.tolist()), tuple(ys.tolist()))


def calibration_error(confidence: F64, right: NDArray[np.bool_], bins: int = BINS) -> float:
    """Return the expected calibration error: the mean distance between confidence and the share
    that was right, over `bins` equal slices of [0, 1], weighted by how many fell into each.

    Source: Guo et al., On Calibration of Modern Neural Networks (ICML 2017).
    """
    if not len(confidence):
        return 0.0
    slot = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = np.bincount(slot, confidence - right, minlength=bins)
    return float(np.abs(gaps).sum() / len(confidence))


def _nothing(_top: F64, _right: NDArray[np.bool_]) -> Calibration:
    return None


def _loss(fair: F64, right: NDArray[np.bool_]) -> float:
    held = np.clip(fair, TINY, 1 - TINY)
    return float(-np.where(right, np.log(held), np.log1p(-held)).sum())
