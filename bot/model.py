"""The learned part: from a normalised question to a probability for every topic. Immutable."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from bot.features import F32, I32, Row, Vocabulary
from bot.retrieval import Bm25

SHARPNESS = 8.0


class Ranks(msgspec.Struct, frozen=True, kw_only=True):
    """What the model thinks of n questions. `probable`: questions x topics, the probability that
    the topic is what was meant. `known`: how likely each question is about the base at all."""

    probable: F32
    known: F32


class Model:
    """Vocabulary, retrieval and what was learned from them, for `topics_n` topics."""

    def __init__(
        self, vocabulary: Vocabulary, bm25: Bm25, topic_of_doc: I32, topics_n: int
    ) -> None:
        self.vocabulary = vocabulary
        self.bm25 = bm25
        self.topic_of_doc = topic_of_doc
        self.topics_n = topics_n

    @classmethod
    def fit(cls, texts: Sequence[str], topics: Sequence[int], topics_n: int) -> Model:
        """Learn from normalised wordings and the place of each one's topic."""
        vocabulary = Vocabulary.of(texts)
        bm25 = Bm25.build(vocabulary.rows(texts), vocabulary)
        return cls(vocabulary, bm25, np.array(topics, np.int32), topics_n)

    def rank(self, texts: Sequence[str]) -> Ranks:
        """Return what is thought of each normalised text."""
        best = np.stack([self._best(self.vocabulary.row(text)) for text in texts])
        shares = best / np.maximum(best.max(axis=1, keepdims=True), 1e-6)
        sharp = np.exp(SHARPNESS * (shares - 1))
        probable = sharp / sharp.sum(axis=1, keepdims=True)
        known = np.array([self.vocabulary.coverage(text) for text in texts], np.float32)
        return Ranks(probable=(probable * known[:, None]).astype(np.float32), known=known)

    def _best(self, row: Row) -> F32:
        found = np.zeros(self.topics_n, np.float32)
        np.maximum.at(found, self.topic_of_doc, self.bm25.scores(row))
        return found
