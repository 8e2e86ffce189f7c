"""Tell editors which topics need more wordings: those that are few, or that are not found."""

from __future__ import annotations

from typing import Literal

import msgspec
import numpy as np

from bot.answering import Understanding
from bot.checking import FEW_PHRASINGS

LOW = 0.7
"""A topic of which fewer held-out wordings than this are found is named."""
LEAST_HELD = 3


class WeakTopic(msgspec.Struct, frozen=True, kw_only=True):
    """A topic to work on. `found`: the share of its held-out wordings that led to it, None where
    too few were held out to say."""

    topic: str
    question: str
    wordings_n: int
    held_n: int
    found: float | None
    why: Literal["few_phrasings", "not_found"]


def weak_topics(bot: Understanding) -> list[WeakTopic]:
    """Return the topics that need more wordings, the worst first."""
    _, places = bot.catalogue.wordings()
    own = np.array(places, np.int64)
    held_of = own[bot.evidence.wording[bot.evidence.wording >= 0]]
    hits = bot.evidence.judged.right[bot.evidence.wording >= 0]
    topics = bot.catalogue.topics
    wordings = np.bincount(own, minlength=len(topics))
    held = np.bincount(held_of, minlength=len(topics))
    right = np.bincount(held_of, hits, minlength=len(topics))
    found = []
    for place, topic in enumerate(topics):
        n, tried = int(wordings[place]), int(held[place])
        share = float(right[place] / tried) if tried >= LEAST_HELD else None
        if n < FEW_PHRASINGS or (share is not None and share < LOW):
            found.append(
                WeakTopic(
                    topic=topic.id,
                    question=topic.question,
                    wordings_n=n,
                    held_n=tried,
                    found=share,
                    why="few_phrasings" if n < FEW_PHRASINGS else "not_found",
                )
            )
    return sorted(found, key=lambda weak: (1.0 if weak.found is None else weak.found, weak.topic))
