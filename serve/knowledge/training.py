"""Holds a newly learned version against the live one, on questions that people reviewed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bot import rollout
from bot.answering import Understanding
from bot.evaluating import calibration_error_of, judge
from bot.knowledge import Base
from bot.normalise import match_key, normalise
from bot.thresholds import Judged
from serve.knowledge.encoding import encoder_here


def train(
    draft: Base, live: Base | None, reviewed: Sequence[tuple[str, str]], now: float
) -> rollout.Gate:
    """Return how the draft stands the gate; seconds of CPU for ten thousand wordings.

    Args:
        reviewed: (text, topic id or '' for what belongs to no topic). Those that meanwhile are
            wordings of the draft say nothing of what it has not seen, and are left out.
    """
    items = _unseen(draft, reviewed)
    # Also without items: what cannot be learned must not pass.
    learned = Understanding.learn(draft, encoder=encoder_here())
    if not items:
        return rollout.gate(items=0, accuracy=0.0, live_accuracy=None, calibration_error=0.0)
    judged = judge(learned, items, now)
    before = None
    if live is not None:
        old = Understanding.learn(live, encoder=encoder_here())
        before = _accuracy(judge(old, items, now), old.thresholds.known)
    return rollout.gate(
        items=len(items),
        accuracy=_accuracy(judged, learned.thresholds.known),
        live_accuracy=before,
        calibration_error=calibration_error_of(judged),
    )


def _unseen(draft: Base, reviewed: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    wordings = (text for topic in draft.topics for text in topic.phrasings())
    seen = {match_key(normalise(text)) for text in (*wordings, *draft.strangers)}
    known = {"", *(topic.id for topic in draft.topics)}
    return [
        (text, topic)
        for text, topic in reviewed
        if topic in known and match_key(normalise(text)) not in seen
    ]


def _accuracy(judged: Judged, least_known: float) -> float:
    """Return the share of questions whose topic was right and that were not turned away, or that
    were turned away as strangers and are."""
    turned_away: NDArray[np.bool_] = judged.known < least_known
    right = judged.right & ~turned_away
    return float(np.where(judged.stranger, turned_away, right).mean())
