"""What the bot decides about one question, and what it is decided by: frozen values.

These travel between processes and into the search-test endpoint: msgspec encodes them as they are.
"""

from __future__ import annotations

from typing import Literal

import msgspec

Band = Literal["answer", "clarify", "fallback"]

Why = Literal[
    "exact",  # the question is a wording of the topic
    "model",  # the model is sure enough
    "ambiguous",  # a wording of several topics
    "unsure",  # something fits, not surely
    "stranger",  # about nothing in the base
    "no_answer",  # the topic has nothing to show to this audience
    "unreadable",  # bytes, not words
    "empty",  # nothing was asked
    "empty_base",  # there is nothing to answer from
]


class Thresholds(msgspec.Struct, frozen=True, kw_only=True):
    """One base's bands. A topic is given as the answer from `answer` up; suggestions are made
    when the best five together reach `clarify`; below `known` nothing is."""

    answer: float = 0.6
    clarify: float = 0.25
    known: float = 0.3
    target_precision: float = 0.95


class Suggestion(msgspec.Struct, frozen=True, kw_only=True):
    """A topic to offer: its id, its standard question, and how likely it is what was meant."""

    topic: str
    question: str
    confidence: float = 0.0


class Explanation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why a question got its answer: for editors, never for customers."""

    normalised: str = ""
    words: tuple[str, ...] = ()
    known_words: tuple[str, ...] = ()
    nearest: tuple[tuple[str, str, float], ...] = ()
    """The most similar wordings: (wording, topic id, BM25 score)."""
    matched: tuple[tuple[str, float], ...] = ()
    """What the nearest wording shares with the question, and what each part gave."""
    scores: dict[str, dict[str, float]] = {}
    """Topic id -> the parts of its score and its probability."""
    known: float = 0.0
    """How likely the question is about anything in the base."""
    thresholds: Thresholds = Thresholds()


class Decision(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What to do with a question.

    `topic` is the best topic's id, empty when there is none; it is to be shown only in the band
    `answer`. `confidence` is the calibrated probability that it is right. `suggestions` (at most
    five) are for the band `clarify`, `related` for the card after an answer.
    """

    band: Band
    why: Why
    topic: str = ""
    confidence: float = 0.0
    known: float = 0.0
    suggestions: tuple[Suggestion, ...] = ()
    related: tuple[Suggestion, ...] = ()
    version: int = 0
    explanation: Explanation | None = None
