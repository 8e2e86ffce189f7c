"""The intent models, trained on the base itself: margins, small networks, and topics' centres.

Three views of one question. `margins`: support vector machines, one topic against the rest.
`hidden`: several small networks of one hidden layer that saw wordings with words missing; their
mean errs less than each. `centres`: the cosine to the mean wording of a topic, which needs few
wordings and stays cheap with thousands of topics; with too many topics the other two are left out.

Source: Hsieh et al. (ICML 2008); Srivastava et al., Dropout (JMLR 2014); Rocchio (1971).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix  # type: ignore[import-untyped]  # scipy ships no types

from bot.features import F32, Vocabulary
from bot.kernels import add_postings, train_hidden, train_margins
from bot.sparse import Examples, Rows

KINDS = {"w": 1.0, "b": 1.0, "s": 0.4, "c": 0.6, "z": 0.8}
"""What a feature of each kind counts, before its rarity."""
RARITY_POWER = 0.5
C, MARGIN_ROUNDS = 3.0, 8
HIDDEN = 128
RATE, LOSE_WORD, LOSE_FEATURE, LOSE_UNIT, SMOOTH = 0.07, 0.2, 0.4, 0.2, 0.1
SPREAD = 0.1
"""Standard deviation of a network's first weights."""
MAX_MARGIN_WORK, MAX_NETWORK_WORK = 2e10, 5e10
"""Multiplications above which the margins are left out, and above which fewer networks are trained
(down to none): some ten seconds each."""
MAX_CELLS = 5e7
"""Features x topics above which margins would take too much memory (4 bytes each)."""


class Intent(NamedTuple):
    """What was learned, as arrays. Features x topics: `table` (margins) and the centres as
    postings (`first`, `owners`, `shares`); of each network the `layers` (features x hidden units),
    `offsets`, `outs` (hidden units x topics) and `out_offsets`."""

    weights: F32
    narrow: F32
    table: F32
    bias: F32
    layers: F32
    offsets: F32
    outs: F32
    out_offsets: F32
    first: NDArray[np.int64]
    owners: NDArray[np.int32]
    shares: F32
    topics_n: int

    def margins(self, rows: Rows) -> F32:
        """Return rows x topics: how far on the topic's side of its border; 0 without margins."""
        if not self.table.size:
            return np.zeros((rows.n, self.topics_n), np.float32)
        return rows.times(rows.weighed(self.weights), self.table) + self.bias

    def hidden(self, rows: Rows) -> F32:
        """Return rows x topics: the networks' mean log-probability; 0 without networks."""
        if not self.layers.size:
            return np.zeros((rows.n, self.topics_n), np.float32)
        values = rows.weighed(self.narrow)
        units = np.stack([rows.times(values, layer) for layer in self.layers])
        units += self.offsets[:, None, :]
        np.maximum(units, 0, out=units)
        raw = units @ self.outs + self.out_offsets[:, None, :]
        raw -= raw.max(axis=2, keepdims=True)
        raw -= np.log(np.exp(raw).sum(axis=2, keepdims=True))
        mean: F32 = raw.mean(axis=0)
        return mean

    def centres(self, rows: Rows) -> F32:
        """Return rows x topics: the cosine to the centre of each topic's wordings."""
        found = np.zeros((rows.n, self.topics_n), np.float32)
        values = rows.weighed(self.weights)
        add_postings(rows.starts, rows.columns, values, self.first, self.owners, self.shares, found)
        return found


def fit_intent(
    found: Examples, rows: Rows, vocabulary: Vocabulary, topics_n: int, seed: int
) -> Intent:
    """Learn all views. `rows` are the same examples with each feature once."""
    weights, narrow, values = _weighed(rows, vocabulary)
    shape = len(vocabulary), topics_n
    table, bias = np.zeros((0, topics_n), np.float32), np.zeros(topics_n, np.float32)
    if has_margins(len(rows.columns), shape):
        dice = np.random.default_rng(seed)
        table, bias = _fit_margins(rows, values, found, shape, dice)
    few = found.only(narrow > 0)
    networks = _fit_networks(few, narrow, topics_n, seed)
    return Intent(
        weights, narrow, table, bias, *networks,
        *_centres(rows, values, found.topics, shape), topics_n,
    )  # fmt: skip


def refit_intent(  # noqa: PLR0917
    before: Intent,
    origin: NDArray[np.int64],
    found: Examples,
    rows: Rows,
    vocabulary: Vocabulary,
    changed: NDArray[np.int64],
    seed: int,
) -> Intent:
    """Learn again what few new examples change: the margins of the topics at the places `changed`,
    and the centres. `origin` says which column each feature had before, -1: none."""
    weights, narrow, values = _weighed(rows, vocabulary)
    table, bias = before.table, before.bias
    if table.size:
        table, bias = _carried(table, origin), bias.copy()
        dice = np.random.default_rng(seed)
        among = np.full(before.topics_n, -1, np.int32)  # every other topic is the rest
        among[changed] = np.arange(len(changed))
        own = found._replace(topics=among[found.topics])
        shape = len(vocabulary), len(changed)
        table[:, changed], bias[changed] = _fit_margins(rows, values, own, shape, dice)
    layers = np.zeros((len(before.layers), len(vocabulary), HIDDEN), np.float32)
    for k, layer in enumerate(before.layers):
        layers[k] = _carried(layer, origin)
    return Intent(
        weights, narrow, table, bias, layers, before.offsets, before.outs, before.out_offsets,
        *_centres(rows, values, found.topics, (len(vocabulary), before.topics_n)),
        before.topics_n,
    )  # fmt: skip


def _weighed(rows: Rows, vocabulary: Vocabulary) -> tuple[F32, F32, F32]:
    """Return what each column counts, what it counts for the networks, and the rows' values."""
    weights = feature_weights(rows, vocabulary)
    narrow = np.where(vocabulary.kinds() == "s", 0, weights).astype(np.float32)
    return weights, narrow, rows.weighed(weights)


def _carried(table: F32, origin: NDArray[np.int64]) -> F32:
    """Return the rows of a table in their new order, 0 for features that are new."""
    carried = np.zeros((len(origin), table.shape[1]), np.float32)
    here = origin >= 0
    carried[here] = table[origin[here]]
    return carried


def feature_weights(rows: Rows, vocabulary: Vocabulary) -> F32:
    """Return what each column counts: its kind's share times a tempered rarity."""
    found_in = np.bincount(rows.columns, minlength=len(vocabulary))
    shares = np.array([KINDS[kind] for kind in vocabulary.kinds().tolist()])
    rarity = np.power(np.log((1 + rows.n) / (1 + found_in)) + 1, RARITY_POWER)
    weights: F32 = (shares * rarity).astype(np.float32)
    return weights


def has_margins(known_features: int, shape: tuple[int, int]) -> bool:
    """Tell whether margins are worth their time for so many features in all wordings, and for
    (features, topics)."""
    work = 2.0 * known_features * shape[1] * MARGIN_ROUNDS
    return shape[1] > 1 and work <= MAX_MARGIN_WORK and shape[0] * shape[1] <= MAX_CELLS


def networks_n(wordings: int, topics_n: int) -> int:
    """Return how many networks to train. Few wordings are learned in no time, and profit most from
    many networks; many topics make each dear."""
    if topics_n < 2:
        return 0
    wanted = 3 if wordings > 5_000 else 6 if wordings > 1_500 else 10
    each = float(wordings) * _rounds_n(wordings) * HIDDEN * topics_n
    return min(wanted, int(MAX_NETWORK_WORK / each))


def _rounds_n(wordings: int) -> int:
    return 18 if wordings > 5_000 else 30 if wordings > 1_500 else 40


def _fit_margins(
    rows: Rows,
    values: F32,
    found: Examples,
    shape: tuple[int, int],
    dice: np.random.Generator,
) -> tuple[F32, F32]:
    table, bias = np.zeros(shape, np.float32), np.zeros(shape[1], np.float32)
    order = np.stack([dice.permutation(rows.n) for _ in range(MARGIN_ROUNDS)])
    train_margins(rows.starts, rows.columns, values, found.topics, order, C, table, bias)
    return table, bias


Networks = tuple[F32, F32, F32, F32]
"""Layers, their offsets, output layers, their offsets: of each, one a network."""


def _fit_networks(found: Examples, weights: F32, topics_n: int, seed: int) -> Networks:
    n, rounds = networks_n(found.rows.n, topics_n), _rounds_n(found.rows.n)
    layers = np.empty((n, len(weights), HIDDEN), np.float32)
    outs = np.empty((n, HIDDEN, topics_n), np.float32)
    offsets, out_offsets = np.zeros((n, HIDDEN), np.float32), np.zeros((n, topics_n), np.float32)
    rows, values = found.rows, found.rows.weighed(weights)
    settings = np.array([RATE, LOSE_WORD, LOSE_FEATURE, LOSE_UNIT, SMOOTH], np.float32)
    for k in range(n):
        dice = np.random.default_rng(seed + k)
        dice.standard_normal(dtype=np.float32, out=layers[k])
        dice.standard_normal(dtype=np.float32, out=outs[k])
        layers[k] *= np.float32(SPREAD)
        outs[k] *= np.float32(SPREAD / 2)
        order = np.stack([dice.permutation(rows.n) for _ in range(rounds)])
        train_hidden(
            rows.starts, rows.columns, values, found.first_word, found.last_word, found.topics,
            order, settings, seed + k, layers[k], offsets[k], outs[k], out_offsets[k],
        )  # fmt: skip
    return layers, offsets, outs, out_offsets


def _centres(
    rows: Rows, values: F32, topics: NDArray[np.int32], shape: tuple[int, int]
) -> tuple[NDArray[np.int64], NDArray[np.int32], F32]:
    """Return the topics' mean rows, of length 1, as postings of each column."""
    owner = np.repeat(topics, np.diff(rows.starts))
    cells = coo_matrix((values.astype(np.float64), (rows.columns, owner)), shape).tocsr()
    cells.sort_indices()
    owners = cells.indices.astype(np.int32)
    lengths = np.sqrt(np.bincount(owners, cells.data**2, minlength=shape[1]))
    shares = cells.data / np.maximum(lengths[owners], 1e-9)
    return cells.indptr.astype(np.int64), owners, shares.astype(np.float32)
