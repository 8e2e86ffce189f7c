"""Choose a base's bands: answer as often as possible at a stated precision."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from bot.combining import F64
from bot.decisions import Thresholds

STRANGER_SHARE = 0.05
"""How many of all questions are taken to be strangers, when those that were judged do not say."""
ENOUGH = 40
"""Judged questions below which the thresholds stay as they are."""
KNOWN_LOSS = 0.02
"""Share of known questions that may be taken for strangers, so that strangers are not answered."""
MAX_KNOWN = 0.9


class Forecast(msgspec.Struct, frozen=True, kw_only=True):
    """What to expect of thresholds: the share of known questions answered at once, how often such
    an answer is right (strangers counted as wrong), and the share of strangers turned away."""

    coverage: float
    precision: float
    stranger_recall: float
    judged_n: int


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """Questions with a known outcome, as arrays of one length: how sure and how known the model
    was, whether its best topic was right, and whether there was no right topic at all."""

    confidence: F64
    known: F64
    right: NDArray[np.bool_]
    stranger: NDArray[np.bool_]

    def weights(self, stranger_share: float | None) -> F64:
        """Return how much each question counts, strangers together `stranger_share` (None: as
        they come)."""
        strangers, n = int(self.stranger.sum()), len(self.stranger)
        if stranger_share is None or not strangers or strangers == n:
            return np.ones(n)
        each = stranger_share / (1 - stranger_share) * (n - strangers) / strangers
        return np.where(self.stranger, each, 1.0)


def choose_thresholds(
    judged: Judged, target_precision: float, stranger_share: float | None = STRANGER_SHARE
) -> Thresholds:
    """Return the bands that answer most questions with at least the target's share right.

    `known` first: as high as `KNOWN_LOSS` of the known questions allow. Then `answer`: the lowest
    confidence above which the target is met, a half wrong answer being added to what was seen;
    where it is never met, the confidence is taken at its word. `clarify`: half of `answer`, at
    most a half: what is offered is right more often than not.
    """
    usual = Thresholds(target_precision=target_precision)
    if len(judged.right) < ENOUGH or judged.stranger.all():
        return usual
    weigh = judged.weights(stranger_share)
    own = judged.known[~judged.stranger]
    known = float(np.quantile(own, KNOWN_LOSS)) if judged.stranger.any() else usual.known
    known = min(known, MAX_KNOWN)
    passed = judged.known >= known
    order = np.argsort(-judged.confidence[passed], kind="stable")
    sure, good = judged.confidence[passed][order], judged.right[passed][order]
    heavy = weigh[passed][order]
    precision = ((good * heavy).cumsum() - 0.5) / heavy.cumsum()
    last = np.append(sure[1:] < sure[:-1], True)  # a threshold takes all of equal confidence
    met = np.flatnonzero((precision >= target_precision) & last)
    answer = float(sure[met[-1]]) if len(met) else target_precision
    return Thresholds(
        answer=answer,
        clarify=min(answer / 2, 0.5),
        known=known,
        target_precision=target_precision,
    )


def forecast(
    judged: Judged, thresholds: Thresholds, stranger_share: float | None = STRANGER_SHARE
) -> Forecast:
    """Return what these thresholds would have done with the judged questions."""
    weigh = judged.weights(stranger_share)
    passed = judged.known >= thresholds.known
    answered = passed & (judged.confidence >= thresholds.answer)
    own, odd = ~judged.stranger, judged.stranger
    total = float(weigh[answered].sum())
    return Forecast(
        coverage=_share(answered[own]),
        precision=float(weigh[answered & judged.right].sum()) / total if total else 1.0,
        stranger_recall=_share(~answered[odd]),
        judged_n=len(judged.right),
    )


def _share(chosen: NDArray[np.bool_]) -> float:
    return float(chosen.mean()) if len(chosen) else 0.0
