"""BM25 over words and character n-grams of every wording: which known questions are alike.

One index for both languages: jieba's words and characters for Chinese, words and pieces of
words for English. A document is one wording; wordings lie in the order of their topics.

Source: Robertson and Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond (2009).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bot.features import F32, I32, Row, Vocabulary
from bot.kernels import add_postings

K1 = 1.2
B = 0.3
PIECE_SHARE = 0.4
"""What an n-gram counts beside a word of the same rarity: a word has many n-grams."""


class Bm25:
    """An index. Immutable: `starts`, `docs` and `weights` are the postings of each column."""

    def __init__(self, starts: NDArray[np.int64], docs: I32, weights: F32, docs_n: int) -> None:
        self.starts = starts
        self.docs = docs
        self.weights = weights
        self.docs_n = docs_n

    @classmethod
    def build(cls, rows: Sequence[Row], vocabulary: Vocabulary) -> Bm25:
        """Index one row per wording."""
        columns = np.concatenate([row[0] for row in rows] or [np.zeros(0, np.int32)])
        counts = np.concatenate([row[1] for row in rows] or [np.zeros(0, np.float32)])
        sizes = np.array([len(row[0]) for row in rows], np.int64)
        docs = np.repeat(np.arange(len(rows), dtype=np.int32), sizes)
        lengths = np.array([row[1].sum() for row in rows], np.float32)
        long = lengths / max(float(lengths.mean()) if len(rows) else 1.0, 1e-9)
        found_in = np.bincount(columns, minlength=len(vocabulary))
        rarity = np.log1p((len(rows) - found_in + 0.5) / (found_in + 0.5)) * shares(vocabulary)
        weights = rarity[columns] * counts * (K1 + 1) / (counts + K1 * (1 - B + B * long[docs]))
        order = np.argsort(columns, kind="stable")
        starts = np.concatenate([[0], np.cumsum(found_in)]).astype(np.int64)
        return cls(starts, docs[order], weights[order].astype(np.float32), len(rows))

    def scores(self, row: Row) -> F32:
        """Return the score of every wording, 0 where nothing is shared."""
        found = np.zeros(self.docs_n, np.float32)
        add_postings(row[0], row[1], self.starts, self.docs, self.weights, found)
        return found

    def parts(self, row: Row, doc: int) -> list[tuple[int, float]]:
        """Return which columns made the score of one wording, with what each gave."""
        found = []
        for column, value in zip(row[0].tolist(), row[1].tolist(), strict=True):
            start, end = self.starts[column], self.starts[column + 1]
            at = start + np.searchsorted(self.docs[start:end], doc)
            if at < end and self.docs[at] == doc:
                found.append((column, float(value * self.weights[at])))
        return found


def shares(vocabulary: Vocabulary) -> F32:
    """Return what each column counts: words and pairs in full, n-grams less."""
    whole = np.fromiter((name[0] in "wb" for name in vocabulary.names), bool, len(vocabulary))
    return np.where(whole, 1.0, PIECE_SHARE).astype(np.float32)
