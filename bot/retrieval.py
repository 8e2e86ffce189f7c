"""BM25 over words and character n-grams of every wording: which known questions are alike.

One index for both languages: jieba's words and characters for Chinese, words and pieces of
words for English. A document is one wording; wordings lie in the order of their topics.

Source: Robertson and Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond (2009).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bot.features import F32, I32, Row, Vocabulary
from bot.kernels import add_postings, best_of_each
from bot.sparse import Rows, joined

K1 = 1.2
B = 0.3
SHARES = {"w": 1.0, "b": 1.0, "s": 0.0, "c": 0.4, "z": 0.7}
"""What a feature of each kind counts: a word has many n-grams, so each counts less."""
COMMON = 0.05
"""An n-gram found in more of the wordings than this says next to nothing and is left out, from
`MANY` wordings on."""
MANY = 1_000


class Bm25:
    """An index. Immutable: `first`, `docs` and `weights` are the postings of each column;
    `rarity` is each column's weight, `owners` the topic of each document, ascending."""

    def __init__(
        self, first: NDArray[np.int64], docs: I32, weights: F32, rarity: F32, owners: I32
    ) -> None:
        self.first = first
        self.docs = docs
        self.weights = weights
        self.rarity = rarity
        self.owners = owners
        self.topics_n = int(owners.max(initial=-1)) + 1
        self._begins = np.searchsorted(owners, np.arange(self.topics_n + 1)).astype(np.int64)

    @classmethod
    def build(cls, rows: Rows, vocabulary: Vocabulary, owners: I32) -> Bm25:
        """Index one row per wording."""
        docs = np.repeat(np.arange(rows.n, dtype=np.int32), np.diff(rows.starts))
        found_in = np.bincount(rows.columns, minlength=len(vocabulary))
        kinds = vocabulary.kinds()
        shares = np.array([SHARES[kind] for kind in kinds.tolist()], np.float32)
        if rows.n >= MANY:
            shares[(found_in > COMMON * rows.n) & (kinds == "c")] = 0
        rarity = np.log1p((rows.n - found_in + 0.5) / (found_in + 0.5)) * shares
        lengths = np.bincount(docs, rows.counts, minlength=rows.n)
        long = lengths / max(float(lengths.mean()) if rows.n else 1.0, 1e-9)
        kept = rarity[rows.columns] > 0
        columns, counts, docs = rows.columns[kept], rows.counts[kept], docs[kept]
        weights = rarity[columns] * _saturated(counts, 1 - B + B * long[docs])
        order = np.argsort(columns, kind="stable")
        sizes = np.bincount(columns, minlength=len(vocabulary))
        first = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        postings = docs[order], weights[order].astype(np.float32)
        return cls(first, *postings, rarity.astype(np.float32), owners)

    def scores(self, rows: Rows) -> F32:
        """Return rows x wordings: the score of each, 0 where nothing is shared."""
        found = np.zeros((rows.n, len(self.owners)), np.float32)
        add_postings(*rows, self.first, self.docs, self.weights, found)
        return found

    def shares(self, rows: Rows) -> F32:
        """Return rows x topics: the best wording's score as a share of what the question itself
        would get as a wording of usual length; about 1 for a known question."""
        best = np.zeros((rows.n, self.topics_n), np.float32)
        best_of_each(self.scores(rows), self._begins, best)
        own = self.rarity[rows.columns] * rows.counts * _saturated(rows.counts, np.float32(1))
        total = np.add.reduceat(np.append(own, 0), rows.starts[:-1]) * (np.diff(rows.starts) > 0)
        shares: F32 = best / np.maximum(total, 1e-6).astype(np.float32)[:, None]
        return shares

    def alike(self, row: Row, limit: int) -> list[tuple[int, float]]:
        """Return the best wordings (place, score), best first."""
        scores = self.scores(joined([row]))[0]
        order = np.argsort(-scores, kind="stable")[:limit]
        return [(int(doc), float(scores[doc])) for doc in order if scores[doc] > 0]

    def parts(self, row: Row, doc: int) -> list[tuple[int, float]]:
        """Return which columns made the score of one wording, with what each gave."""
        found = []
        for column, count in zip(row[0].tolist(), row[1].tolist(), strict=True):
            start, end = self.first[column], self.first[column + 1]
            at = start + np.searchsorted(self.docs[start:end], doc)
            if at < end and self.docs[at] == doc:
                found.append((column, float(count * self.weights[at])))
        return found


def _saturated(counts: F32, long: NDArray[np.floating] | np.float32) -> F32:
    return (counts * (K1 + 1) / (counts + K1 * long)).astype(np.float32)
