"""Sparse rows as three arrays, and the wordings of a base as such rows with their topics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bot.features import F32, I32, I64, Placed, Row, Vocabulary
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
        sizes = np.diff(self.rows.starts)[places]
        starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        at = np.repeat(self.rows.starts[places] - starts[:-1], sizes) + np.arange(starts[-1])
        rows = Rows(starts, self.rows.columns[at], self.rows.counts[at])
        return Examples(rows, self.first_word[at], self.last_word[at], self.topics[places])

    def only(self, kept: NDArray[np.bool_]) -> Examples:
        """Return only the features whose column is kept."""
        here = kept[self.rows.columns]
        starts = np.concatenate([[0], np.cumsum(here)])[self.rows.starts].astype(np.int64)
        rows = Rows(starts, self.rows.columns[here], self.rows.counts[here])
        return Examples(rows, self.first_word[here], self.last_word[here], self.topics)

    def summed(self) -> Rows:
        """Return the rows with each feature once."""
        parts = []
        for i in range(self.rows.n):
            part = self.rows.columns[self.rows.starts[i] : self.rows.starts[i + 1]]
            index, counts = np.unique(part, return_counts=True)
            parts.append((index, counts.astype(np.float32)))
        return joined(parts)


def joined(rows: Sequence[Row]) -> Rows:
    """Return rows one below the other."""
    starts = np.cumsum([0, *(len(row[0]) for row in rows)]).astype(np.int64)
    columns = np.concatenate([np.zeros(0, np.int32), *(row[0] for row in rows)])
    counts = np.concatenate([np.zeros(0, np.float32), *(row[1] for row in rows)])
    return Rows(starts, columns.astype(np.int32), counts)


def examples(
    texts: Sequence[Sequence[Placed]], topics: Sequence[int], vocabulary: Vocabulary
) -> Examples:
    """Return the texts' known features as examples."""
    parts = [vocabulary.placed(text) for text in texts]
    starts = np.cumsum([0, *(len(part[0]) for part in parts)]).astype(np.int64)
    nothing = np.zeros((3, 0), np.int32)
    table = np.concatenate([nothing, *(np.stack(part) for part in parts)], axis=1)
    rows = Rows(starts, table[0].copy(), np.ones(table.shape[1], np.float32))
    return Examples(rows, table[1].copy(), table[2].copy(), np.array(topics, np.int32))
