"""The view of an encoder: how near a question's meaning is to each topic's wordings.

The encoder knows words that the base does not. It learns nothing of the base, so that a wording
that is held out while learning is as strange to this view as a customer's.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bot.encoder import Encoder
from bot.features import F32, I32
from bot.kernels import nearest_of_some

MOST_ALIKE = 0.95
LOOKED_AT = 16
"""Topics, of the nearest centres, whose wordings are looked at one by one: all of them find no
more, and would cost more than everything else that is done for a question."""


class Meaning:
    """An encoder and the vectors of one set of wordings. Immutable. `table`: wordings x width, each
    of length 1, in the order of their topics; `usual`: the mean cosine of two wordings of different
    topics, which is near 0 with some encoders and 0.8 with others."""

    def __init__(self, encoder: Encoder, table: F32, topics: Sequence[int] | I32) -> None:
        self.encoder = encoder
        self.table = table
        owners = np.asarray(topics, np.int64)
        self._begins = np.searchsorted(owners, np.arange(owners.max(initial=-1) + 2))
        sums = np.zeros((len(self._begins) - 1, table.shape[1]), np.float32)
        np.add.at(sums, owners, table)
        self.usual = _usual(sums, np.diff(self._begins))
        lengths = np.linalg.norm(sums, axis=1, keepdims=True)
        self._centres: F32 = sums / np.maximum(lengths, 1e-9)

    def scores(self, embedded: F32) -> F32:
        """Return questions x topics: the mean of the cosines to the topic's nearest wording and to
        its centre, 0 as usual for strangers to each other, 1 for the same meaning."""
        near = embedded @ self._centres.T
        best, n = near.copy(), min(LOOKED_AT, near.shape[1])
        some = (
            np.argpartition(near, -n, axis=1)[:, -n:] if n else np.zeros((len(near), 0), np.int64)
        )
        nearest_of_some(embedded, self.table, self._begins, some, best)
        raw = (best + near) / 2
        scores: F32 = ((raw - self.usual) / (1 - self.usual)).astype(np.float32)
        return scores


def _usual(sums: F32, sizes: np.ndarray[tuple[int], np.dtype[np.int64]]) -> float:
    """Return the mean cosine over all pairs of wordings of different topics, 0 without any."""
    pairs = float(sizes.sum()) ** 2 - float((sizes.astype(float) ** 2).sum())
    if not pairs:
        return 0.0
    whole = sums.sum(axis=0, dtype=np.float64)
    mean = (whole @ whole - float((sums.astype(np.float64) ** 2).sum())) / pairs
    return float(np.clip(mean, 0.0, MOST_ALIKE))
