"""Sparse rows as three arrays, and the wordings of a base as such rows with their topics.

All wordings are cut into features once; what is learned from some of them takes its rows from it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix  # type: ignore[import-untyped]  # scipy ships no types

from bot.features import F32, I32, I64, RARE, Row, Vocabulary, pieces, placed_features
from bot.kernels import multiply, weigh


class Rows(NamedTuple):
    """Texts x features: row i holds `columns` and `counts` from `starts[i]` to `starts[i + 1]`."""

    starts: I64
    columns: I32
    counts: F32

    @property
    def n(self) -> int:
        """How many rows."""
        return len(self.starts) - 1

    def places(self, places: NDArray[np.int64]) -> tuple[I64, I64]:
        """Return the starts that only these rows would have, and where their values lie now."""
        sizes = np.diff(self.starts)[places]
        starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        return starts, np.repeat(self.starts[places] - starts[:-1], sizes) + np.arange(starts[-1])

    def chosen(self, places: NDArray[np.int64]) -> Rows:
        """Return only these rows."""
        starts, at = self.places(places)
        return Rows(starts, self.columns[at], self.counts[at])

    def only(self, kept: NDArray[np.bool_]) -> Rows:
        """Return only the columns that are kept."""
        here = kept[self.columns]
        starts = np.concatenate([[0], np.cumsum(here)])[self.starts].astype(np.int64)
        return Rows(starts, self.columns[here], self.counts[here])

    def weighed(self, weights: F32) -> F32:
        """Return the values count x weight, each row of length 1 (or 0)."""
        values = np.zeros(len(self.columns), np.float32)
        weigh(self.starts, self.columns, self.counts, weights, values)
        return values

    def times(self, values: F32, table: F32) -> F32:
        """Return the rows, with these values, times a dense table."""
        out = np.zeros((self.n, table.shape[1]), np.float32)
        multiply(self.starts, self.columns, values, table, out)
        return out


class Examples(NamedTuple):
    """Wordings as rows that repeat a feature each time it occurs, with the first and last word it
    hangs on, and each wording's topic."""

    rows: Rows
    first_word: I32
    last_word: I32
    topics: I32

    def chosen(self, places: NDArray[np.int64]) -> Examples:
        """Return only these wordings."""
        _, at = self.rows.places(places)
        words = self.first_word[at], self.last_word[at]
        return Examples(self.rows.chosen(places), *words, self.topics[places])

    def only(self, kept: NDArray[np.bool_]) -> Examples:
        """Return only the features whose column is kept."""
        here = kept[self.rows.columns]
        words = self.first_word[here], self.last_word[here]
        return Examples(self.rows.only(kept), *words, self.topics)

    def summed(self) -> Rows:
        """Return the rows with each feature once."""
        return _summed(self.rows.starts, self.rows.columns)


def joined(rows: Sequence[Row]) -> Rows:
    """Return rows one below the other."""
    starts = np.cumsum([0, *(len(row[0]) for row in rows)]).astype(np.int64)
    columns = np.concatenate([np.zeros(0, np.int32), *(row[0] for row in rows)])
    counts = np.concatenate([np.zeros(0, np.float32), *(row[1] for row in rows)])
    return Rows(starts, columns.astype(np.int32), counts)


class Cut(NamedTuple):
    """Texts cut into features: those of text i lie from `starts[i]` to `starts[i + 1]`, each time
    one occurs, as places in `names`, with the first and last word that each hangs on. `once`: the
    same with each feature of a text once."""

    names: list[str]
    starts: I64
    numbers: I32
    first_word: I32
    last_word: I32
    once: Rows

    @classmethod
    def of(cls, texts: Sequence[str]) -> Cut:
        """Cut normalised texts."""
        of_word = lru_cache(maxsize=None)(pieces)
        number: defaultdict[str, int] = defaultdict()
        number.default_factory = number.__len__
        found = [placed_features(text, of_word) for text in texts]
        sizes = [len(names) for names, _, _ in found]
        starts = np.cumsum([0, *sizes]).astype(np.int64)
        columns = _flat([map(number.__getitem__, names) for names, _, _ in found], starts[-1])
        first = _flat([first for _, first, _ in found], starts[-1])
        last = _flat([last for _, _, last in found], starts[-1])
        return cls(list(number), starts, columns, first, last, _summed(starts, columns))

    def read(self, places: NDArray[np.int64], vocabulary: Vocabulary) -> tuple[Rows, F32]:
        """Return the texts at `places` as `vocabulary` reads them: their rows, and the share of
        words that it knows."""
        number = {name: at for at, name in enumerate(self.names)}
        column = np.full(len(self.names), -1, np.int32)
        for at, name in enumerate(vocabulary.names):
            column[number[name]] = at
        known = self.once.chosen(places).only(column >= 0)
        words = np.array([name[0] == "w" for name in self.names], bool)
        ours = self.numbers[words[self.numbers]]
        starts = np.concatenate([[0], np.cumsum(words[self.numbers])])[self.starts]
        found = np.concatenate([[0], np.cumsum(column[ours] >= 0)])[starts]
        shares = np.diff(found)[places] / np.maximum(np.diff(starts)[places], 1)
        return known._replace(columns=column[known.columns]), shares.astype(np.float32)

    def taught(
        self, places: NDArray[np.int64], topics: NDArray[np.int64]
    ) -> tuple[Vocabulary, Examples]:
        """Return the vocabulary of the texts at `places`, in a fixed order, and these texts as
        examples of `topics`."""
        every = Examples(
            Rows(self.starts, self.numbers, np.ones(len(self.numbers), np.float32)),
            self.first_word,
            self.last_word,
            np.zeros(len(self.starts) - 1, np.int32),
        ).chosen(places)
        here = np.zeros(len(self.starts) - 1, bool)
        here[places] = True
        mine = self.once.columns[np.repeat(here, np.diff(self.once.starts))]
        found_in = np.bincount(mine, minlength=len(self.names)).tolist()
        least, names = 2 if len(places) >= RARE else 1, self.names
        kept = [i for i, n in enumerate(found_in) if n >= least or (n and names[i][0] == "w")]
        kept.sort(key=names.__getitem__)
        column = np.full(len(names), -1, np.int32)
        column[kept] = np.arange(len(kept), dtype=np.int32)
        known = every.only(column >= 0)
        rows = known.rows._replace(columns=column[known.rows.columns])
        vocabulary = Vocabulary([names[i] for i in kept])
        return vocabulary, known._replace(rows=rows, topics=topics.astype(np.int32))


def _flat(parts: Sequence[Iterable[int]], n: int) -> I32:
    return np.fromiter(chain.from_iterable(parts), np.int32, n)


def _summed(starts: I64, columns: I32) -> Rows:
    """Return rows that repeat columns with each column once, ascending."""
    shape = len(starts) - 1, int(columns.max(initial=0)) + 1
    made = csr_matrix((np.ones(len(columns), np.float32), columns, starts), shape, copy=True)
    made.sum_duplicates()
    return Rows(made.indptr.astype(np.int64), made.indices.astype(np.int32), made.data)
