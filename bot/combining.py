"""What the views are worth together: one probability per topic, and how likely the question is
about the base at all. Learned on wordings that the views had not seen.

Three small steps. A multinomial logistic regression over the views' scores, one weight per view
(positive). A calibration of the best topic's probability: the one of none, Platt's and isotonic
that errs least when crossed. A logistic regression for `known`, from how sure, how clear and how
similar the best topic is.

Source: Platt (1999); Zadrozny and Elkan (KDD 2002); stacking after Wolpert (1992).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from bot.features import F32

F64 = NDArray[np.float64]
START = (0.7, 0.25, 1.5, 2.0, 10.0)
"""Weights of margins, hidden, BM25, centres and encoder where nothing can be learned."""
PULL = 2.0
"""How strongly few examples are held to the start: as much as so many wrong wordings."""
TINY = 1e-6
SURE = 6.0
"""A logit beyond which more says no more."""


class Line(msgspec.Struct, frozen=True, tag="line"):
    """A logistic regression: the probability is 1 / (1 + exp(-(bias + weights x features)))."""

    bias: float
    weights: tuple[float, ...]

    def __call__(self, features: F64) -> F64:
        """Return a probability per row."""
        return sigmoid(self.bias + features @ np.array(self.weights))


class Steps(msgspec.Struct, frozen=True, tag="steps"):
    """A rising map of probabilities through these points, straight between them."""

    xs: tuple[float, ...]
    ys: tuple[float, ...]

    def __call__(self, chances: F64) -> F64:
        """Return a probability per probability."""
        return np.interp(chances, self.xs, self.ys)


KNOWN_START = Line(-2.0, (0.3, 0.2, 0.0, 0.1, 1.0, 2.0, 1.0, 0.0, 1.5))


class Combiner(msgspec.Struct, frozen=True, kw_only=True):
    """What was learned. `calibration` None: the regression's probabilities are right as they are.
    `known` weighs the features of `signs`."""

    weights: tuple[float, ...] = START
    calibration: Line | Steps | None = None
    known: Line = KNOWN_START

    def judge(self, views: F32, known_words: F32, length: F32) -> tuple[F32, F32]:
        """Return (questions x topics probabilities, how likely each question is known)."""
        chances = combined(views, self.weights)
        known = self.known(signs(views, chances, known_words, length))
        return calibrated(chances, self.calibration), known.astype(np.float32)


def combined(views: F32, weights: Sequence[float]) -> F32:
    """Return questions x topics: the softmax of the weighted views."""
    total: F32 = views[0] * np.float32(weights[0])
    for view, weight in zip(views[1:], weights[1:], strict=True):
        total += view * np.float32(weight)
    total -= total.max(axis=1, keepdims=True)
    np.exp(total, out=total)
    total /= np.add.reduce(total, axis=1, keepdims=True)
    return total


def calibrated(chances: F32, calibration: Line | Steps | None) -> F32:
    """Return the chances with the best one calibrated and the rest scaled to leave the sum at 1."""
    if calibration is None or chances.shape[1] < 2:
        return chances
    best = chances.argmax(axis=1)
    rows = np.arange(len(chances))
    top = chances[rows, best].astype(np.float64)
    right = np.clip(on_top(top, calibration), 0.0, 1.0)
    others = (1 - right) / np.maximum(1 - top, TINY)
    fair = chances * others[:, None]
    fair[rows, best] = right
    whole: F32 = fair.astype(np.float32)
    return whole


def on_top(top: F64, calibration: Line | Steps | None) -> F64:
    """Return the calibrated chances of the best topics."""
    match calibration:
        case None:
            return top
        case Line():
            return calibration(logit(top)[:, None])
        case Steps():
            return calibration(top)


def signs(views: F32, chances: F32, known_words: F32, length: F32) -> F64:
    """Return what tells known questions from strange ones, a row per question: how sure, how clear,
    how far on the topic's side, what the networks say, how like a wording and how like the centre
    (as a share of all words), the share of known words, how long, how near in meaning."""
    two = np.partition(np.pad(chances, ((0, 0), (1, 1))), -2, axis=1)[:, -2:].astype(np.float64)
    best = views.max(axis=2).astype(np.float64)
    alone = chances.shape[1] < 2  # a single topic is always the likeliest: that says nothing
    apart = np.log(two[:, 1] + TINY) - np.log(two[:, 0] + TINY)
    return np.column_stack(
        [
            np.clip(logit(two[:, 1]), -SURE, SURE) * (not alone),
            np.minimum(apart, 2 * SURE) * (not alone),
            best[0],
            best[1],
            np.minimum(best[2], 1.5) * known_words,
            best[3] * known_words,
            known_words,
            np.log1p(length),
            best[4],
        ]
    )


def fit_weights(seen: Sequence[tuple[F32, NDArray[np.int64]]]) -> tuple[float, ...]:
    """Return the views' weights under which held-out wordings are likeliest.

    Args:
        seen: per round (views x wordings x topics, the right topic of each wording).
    """
    if not sum(len(right) for _, right in seen):
        return START
    start = np.log(np.array(START))

    def loss(logs: F64) -> tuple[float, F64]:
        weights = np.exp(logs)
        total, slope = 0.0, np.zeros(len(weights))
        for views, right in seen:
            chances = combined(views, weights.tolist())
            rows = np.arange(len(right))
            total -= float(np.log(chances[rows, right] + TINY).sum())
            miss = chances.copy()
            miss[rows, right] -= 1
            slope += views.reshape(len(views), -1) @ miss.ravel() * weights
        away = logs - start
        return total + PULL * float(away @ away), slope + 2 * PULL * away

    found = lowest(loss, start)
    return tuple(float(weight) for weight in np.exp(found))


def lowest(loss: Callable[[F64], tuple[float, F64]], start: F64) -> F64:
    """Return where a function, which also tells its slope, is lowest (L-BFGS)."""
    # A third of a second, which whoever only reads back what was learned need not pay.
    from scipy.optimize import minimize  # type: ignore[import-untyped] # noqa: PLC0415 - no types

    found: F64 = minimize(loss, start, jac=True, method="L-BFGS-B").x
    return found


def fit_line(features: F64, right: NDArray[np.bool_], weigh: F64, start: Line, pull: float) -> Line:
    """Return the logistic regression, held to `start` by `pull` where examples are few.

    Features are put on one scale first, so that the pull is fair.
    """
    centre, scale = features.mean(axis=0), features.std(axis=0) + 1e-3
    scaled = (features - centre) / scale
    first = np.array([start.bias + centre @ np.array(start.weights), *(start.weights * scale)])

    def loss(line: F64) -> tuple[float, F64]:
        raw = line[0] + scaled @ line[1:]
        total = float((weigh * np.logaddexp(0, np.where(right, -raw, raw))).sum())
        miss = weigh * (sigmoid(raw) - right)
        away = line - first
        slope = np.concatenate([[miss.sum()], miss @ scaled]) + 2 * pull * away
        return total + pull * float(away @ away), slope

    line = lowest(loss, first)
    weights = line[1:] / scale
    return Line(float(line[0] - weights @ centre), tuple(float(one) for one in weights))


def sigmoid(raw: F64) -> F64:
    """Return 1 / (1 + exp(-raw)) without overflow."""
    fair: F64 = 0.5 * (1 + np.tanh(raw / 2))
    return fair


def logit(chances: F64) -> F64:
    """Return log(p / (1 - p)), p held away from 0 and 1."""
    held = np.clip(chances, TINY, 1 - TINY)
    fair: F64 = np.log(held) - np.log1p(-held)
    return fair
