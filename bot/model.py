"""From normalised questions to the views' scores, and to a probability for every topic."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bot.combining import Combiner
from bot.encoder import Encoder
from bot.features import F32, Vocabulary
from bot.intent import Intent, fit_intent
from bot.meaning import Meaning
from bot.retrieval import Bm25
from bot.sparse import Examples, Rows, joined

VIEWS = ("margins", "hidden", "bm25", "centres", "encoder")
"""What the views are called, in the order of their scores."""


class Scores(NamedTuple):
    """What the views say of n questions: `views` is views x questions x topics; `known_words` the
    share of the question's words that the base knows, `length` how many features it has."""

    views: F32
    known_words: F32
    length: F32


class Ranks(NamedTuple):
    """What the model thinks of n questions. `probable`: questions x topics, the probability that
    the topic is what was meant; `known`: how likely the question is about the base at all."""

    probable: F32
    known: F32
    scores: Scores


class Embedded(NamedTuple):
    """Texts as an encoder reads them: a row of length 1 for each."""

    encoder: Encoder
    rows: F32

    def chosen(self, places: NDArray[np.int64]) -> Embedded:
        """Return only these texts."""
        return Embedded(self.encoder, self.rows[places])


class Views(NamedTuple):
    """Vocabulary, retrieval and intent models of one set of wordings: everything but the
    judgement how much each is worth."""

    vocabulary: Vocabulary
    bm25: Bm25
    intent: Intent
    meaning: Meaning

    @classmethod
    def fit(
        cls,
        vocabulary: Vocabulary,
        found: Examples,
        topics_n: int,
        seed: int,
        embedded: Embedded,
    ) -> Views:
        """Learn from wordings, their topics ascending, and the wordings as the encoder reads
        them."""
        rows = found.summed()
        bm25 = Bm25.build(rows, vocabulary, found.topics)
        intent = fit_intent(found, rows, vocabulary, topics_n, seed)
        return cls(vocabulary, bm25, intent, Meaning(*embedded, found.topics))

    def scores(self, texts: Sequence[str]) -> Scores:
        """Return what every view says of normalised texts."""
        read = [self.vocabulary.read(text) for text in texts]
        known = np.array([share for _, share in read], np.float32)
        vectors = self.meaning.encoder.embed(texts)
        return self.scores_of(joined([row for row, _ in read]), known, vectors)

    def scores_of(self, rows: Rows, known: F32, vectors: F32) -> Scores:
        """Return what every view says of texts that were read: their rows, the share of words that
        are known, and the encoder's vectors."""
        views = [
            self.intent.margins(rows),
            self.intent.hidden(rows),
            self.bm25.shares(rows),
            self.intent.centres(rows),
            self.meaning.scores(vectors),
        ]
        return Scores(np.stack(views), known, _lengths(rows))


def _lengths(rows: Rows) -> F32:
    return np.diff(rows.starts).astype(np.float32)


class Model(NamedTuple):
    """The views, and what their scores are worth together."""

    views: Views
    combiner: Combiner

    def rank(self, texts: Sequence[str]) -> Ranks:
        """Return what is thought of each normalised text. One at a time or many at once is the
        same but for the last bits of a sum."""
        scores = self.views.scores(texts)
        probable, known = self.combiner.judge(scores.views, scores.known_words, scores.length)
        return Ranks(probable, known, scores)


def top_places(chances: F32, limit: int) -> list[int]:
    """Return the places of the highest chances, highest first; ties by place."""
    if len(chances) <= limit:
        return [int(place) for place in np.argsort(-chances, kind="stable")]
    some = np.sort(np.argpartition(-chances, limit)[:limit])
    return [int(place) for place in some[np.argsort(-chances[some], kind="stable")]]
