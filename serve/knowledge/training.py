"""Holds a newly learned version against the live one, on questions that people reviewed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bot import rollout
from bot.answering import Understanding
from bot.knowledge import Base

BINS = 10


def train(
    draft: Base, live: Base | None, reviewed: Sequence[tuple[str, str]], now: float
) -> rollout.Gate:
    """Return how the draft stands the gate; seconds of CPU for ten thousand wordings.

    Args:
        reviewed: (text, topic id or '' for what belongs to no topic), none of them a wording.
    """
    known = {topic.id for topic in draft.topics}
    items = [(text, topic) for text, topic in reviewed if not topic or topic in known]
    learned = Understanding.learn(draft)
    if not items:
        return rollout.gate(items=0, accuracy=0.0, live_accuracy=None, calibration_error=0.0)
    right, sure = _examine(learned, items, now)
    before = None if live is None else _examine(Understanding.learn(live), items, now)[0]
    return rollout.gate(
        items=len(items),
        accuracy=float(right.mean()),
        live_accuracy=None if before is None else float(before.mean()),
        calibration_error=calibration_error(sure, right),
    )


def _examine(
    learned: Understanding, items: Sequence[tuple[str, str]], now: float
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Return for each item whether it was right, and how sure it was of its topic."""
    decisions = learned.answer_many([text for text, _ in items], now=now, audience=None)
    right = [
        one.topic == topic if topic else one.band == "fallback"
        for one, (_, topic) in zip(decisions, items, strict=True)
    ]
    sure = [
        one.confidence if topic else 1 - one.confidence
        for one, (_, topic) in zip(decisions, items, strict=True)
    ]
    return np.array(right, bool), np.array(sure, np.float64)


def calibration_error(sure: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """Return the expected calibration error over bins of equally many items.

    Source: Naeini, Cooper, Hauskrecht (2015), with the adaptive bins of Nixon et al. (2019).
    """
    order = np.argsort(sure, kind="stable")
    parts = np.array_split(order, min(BINS, len(order)))
    gaps = [abs(float(sure[part].mean() - right[part].mean())) * len(part) for part in parts]
    return sum(gaps) / len(order)
