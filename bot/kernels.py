"""The inner loops that numpy has no words for, compiled by numba on first use.

Machine code is kept in `__pycache__` beside this file, so only the very first process waits for
the compiler. The lock of Python is released while they run. Rows of a sparse matrix are given as
`starts` (one more than rows), `columns` and `values`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

import numba
import numpy as np
from numpy.typing import NDArray

P = ParamSpec("P")
R = TypeVar("R")
F32 = NDArray[np.float32]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]

GROW, STEP = np.uint64(6364136223846793005), np.uint64(1442695040888963407)
HIGH, SIDES = np.uint64(40), 2**24
"""Dice for compiled loops: 64 bits grow by one multiplication and one addition, and the highest 24
are read (Knuth's MMIX generator)."""

# ruff: noqa: PLR0917 - compiled functions take positional arguments only


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile `function` at its first call with each kind of array."""
    made: Callable[P, R] = numba.njit(cache=True, nogil=True, fastmath=True, error_model="numpy")(
        function
    )
    return made


@kernel
def weigh(starts: I64, columns: I32, counts: F32, weights: F32, values: F32) -> None:
    """Set `values` to count x weight, each row of length 1 (or 0)."""
    for i in range(starts.shape[0] - 1):
        total = np.float32(0)
        for at in range(starts[i], starts[i + 1]):
            values[at] = counts[at] * weights[columns[at]]
            total += values[at] * values[at]
        if total > 0:
            scale = np.float32(1) / np.sqrt(total)
            for at in range(starts[i], starts[i + 1]):
                values[at] *= scale


@kernel
def multiply(starts: I64, columns: I32, values: F32, table: F32, out: F32) -> None:
    """Add the sparse rows times the dense `table` to `out`."""
    width = table.shape[1]
    for i in range(starts.shape[0] - 1):
        row = out[i]
        for at in range(starts[i], starts[i + 1]):
            value = values[at]
            if value != 0:
                line = table[columns[at]]
                for k in range(width):
                    row[k] += value * line[k]


@kernel
def add_postings(
    starts: I64, columns: I32, values: F32, first: I64, docs: I32, weights: F32, scores: F32
) -> None:
    """Add to `scores` (rows x documents) what each document gets: value x weight of its term."""
    for i in range(starts.shape[0] - 1):
        row = scores[i]
        for at in range(starts[i], starts[i + 1]):
            column, value = columns[at], values[at]
            for p in range(first[column], first[column + 1]):
                row[docs[p]] += value * weights[p]


@kernel
def best_of_each(scores: F32, begins: I64, best: F32) -> None:
    """Set `best` (rows x owners) to the highest score of any document of each owner, whose
    documents lie together from `begins` on."""
    for i in range(scores.shape[0]):
        for owner in range(best.shape[1]):
            highest = np.float32(0)
            for doc in range(begins[owner], begins[owner + 1]):
                highest = max(highest, scores[i, doc])
            best[i, owner] = highest


@kernel
def nearest_of_some(asked: F32, table: F32, begins: I64, some: I64, best: F32) -> None:
    """Raise `best` (rows x owners) to the highest product of each row of `asked` with any line of
    `table` of each owner that `some` (rows x a few) names; lines lie as in `best_of_each`."""
    for i in range(asked.shape[0]):
        for k in range(some.shape[1]):
            owner = some[i, k]
            highest = best[i, owner]
            for doc in range(begins[owner], begins[owner + 1]):
                product = np.float32(0)
                for n in range(table.shape[1]):
                    product += asked[i, n] * table[doc, n]
                highest = max(highest, product)
            best[i, owner] = highest


@kernel
def train_margins(
    starts: I64,
    columns: I32,
    values: F32,
    labels: I32,
    order: I64,
    c: float,
    table: F32,
    bias: F32,
) -> None:
    """Fit one-against-the-rest support vector machines of squared hinge loss, all classes at once.

    Dual coordinate descent (Hsieh et al., ICML 2008): each class's problem is its own, so visiting
    an example for all classes together changes no result and lets the processor add in parallel.
    `order`: rounds x examples. `table` (features x classes) and `bias` start at 0.
    """
    classes = table.shape[1]
    alpha = np.zeros((order.shape[1], classes), np.float32)
    step = np.zeros(classes, np.float32)
    ridge = np.float32(0.5 / c)
    for turn in range(order.shape[0]):
        for i in order[turn]:
            size = ridge + np.float32(1)
            for k in range(classes):
                step[k] = bias[k]
            for at in range(starts[i], starts[i + 1]):
                value = values[at]
                size += value * value
                line = table[columns[at]]
                for k in range(classes):
                    step[k] += value * line[k]
            label = labels[i]
            for k in range(classes):
                sign = np.float32(1) if k == label else np.float32(-1)
                old = alpha[i, k]
                new = max(old - (sign * step[k] - 1 + ridge * old) / size, np.float32(0))
                alpha[i, k] = new
                step[k] = (new - old) * sign
                bias[k] += step[k]
            for at in range(starts[i], starts[i + 1]):
                value = values[at]
                line = table[columns[at]]
                for k in range(classes):
                    line[k] += value * step[k]


@kernel
def train_hidden(  # noqa: PLR0915 - one loop body: compiled parts would copy their arrays
    starts: I64,
    columns: I32,
    values: F32,
    first_word: I32,
    last_word: I32,
    labels: I32,
    order: I64,
    settings: F32,
    seed: int,
    table: F32,
    offset: F32,
    out_table: F32,
    out_offset: F32,
) -> None:
    """Fit a network of one hidden layer by AdaGrad, one learning rate per row of a table.

    Whole words are dropped with all their features, then single features, then hidden units: the
    customers' next wording lacks words too. `settings`: rate, share of words, of features and of
    hidden units dropped, label smoothing.

    Most of learning is spent here. What is kept is written down without branches, which no
    processor could foretell, and dice are one multiplication each (`GROW`).
    """
    rate, lose_word, lose_feature, lose_unit, smooth = settings
    dice = np.uint64(seed) * GROW + STEP
    least_word = np.uint64(lose_word * SIDES)
    least_feature = np.uint64(lose_feature * SIDES)
    least_unit = np.uint64(lose_unit * SIDES)
    hidden_n, classes = out_table.shape
    per_class, per_unit = np.float32(1) / np.float32(classes), np.float32(1) / np.float32(hidden_n)
    seen_in = np.full(table.shape[0], 1e-6, np.float32)
    seen_out = np.full(hidden_n, 1e-6, np.float32)
    seen_offset = np.full(hidden_n, 1e-6, np.float32)
    seen_out_offset = np.full(classes, 1e-6, np.float32)
    hidden, back = np.zeros(hidden_n, np.float32), np.zeros(hidden_n, np.float32)
    error = np.zeros(classes, np.float32)
    longest = 0
    for i in range(starts.shape[0] - 1):
        longest = max(longest, starts[i + 1] - starts[i])
    words_n = 1
    for at in range(last_word.shape[0]):
        words_n = max(words_n, last_word[at] + 1)
    kept, active = np.zeros(longest + 1, np.int64), np.zeros(hidden_n + 1, np.int64)
    word_kept = np.zeros(words_n, np.bool_)
    grow = np.float32(1 / (1 - lose_unit))
    for turn in range(order.shape[0]):
        pace = np.float32(rate * (1 - turn / order.shape[0]))
        for i in order[turn]:
            top = 0
            for at in range(starts[i], starts[i + 1]):
                top = max(top, last_word[at] + 1)
            for word in range(top):
                dice = dice * GROW + STEP
                word_kept[word] = (dice >> HIGH) >= least_word
            kept_n = 0
            for at in range(starts[i], starts[i + 1]):
                dice = dice * GROW + STEP
                kept[kept_n] = at
                whole = word_kept[first_word[at]] & word_kept[last_word[at]]
                kept_n += whole & ((dice >> HIGH) >= least_feature)
            total = np.float32(0)
            for k in range(kept_n):
                total += values[kept[k]] * values[kept[k]]
            if total == 0:
                continue
            scale = np.float32(1) / np.sqrt(total)
            for h in range(hidden_n):
                hidden[h] = offset[h]
            for k in range(kept_n):
                value, column = values[kept[k]] * scale, columns[kept[k]]
                for h in range(hidden_n):
                    hidden[h] += value * table[column, h]
            active_n = 0
            for h in range(hidden_n):
                back[h] = 0
                dice = dice * GROW + STEP
                active[active_n] = h
                active_n += (hidden[h] > 0) & ((dice >> HIGH) >= least_unit)
            for k in range(classes):
                error[k] = out_offset[k]
            for a in range(active_n):
                h = active[a]
                hidden[h] *= grow
                for k in range(classes):
                    error[k] += hidden[h] * out_table[h, k]
            highest = error.max()
            total = np.float32(0)
            for k in range(classes):
                error[k] = np.exp(error[k] - highest)
                total += error[k]
            share, flat = np.float32(1) / total, smooth * per_class
            for k in range(classes):
                error[k] = error[k] * share - flat
            error[labels[i]] -= 1 - smooth
            strength = np.float32(0)
            for k in range(classes):
                strength += error[k] * error[k] * per_class
            force = np.float32(0)
            for a in range(active_n):
                h = active[a]
                seen_out[h] += hidden[h] * hidden[h] * strength
                step = pace * hidden[h] / np.sqrt(seen_out[h])
                pull = np.float32(0)
                for k in range(classes):
                    pull += out_table[h, k] * error[k]
                    out_table[h, k] -= step * error[k]
                back[h] = pull * grow
                force += back[h] * back[h] * per_unit
            for k in range(classes):
                seen_out_offset[k] += error[k] * error[k]
                out_offset[k] -= pace * error[k] / np.sqrt(seen_out_offset[k])
            for h in range(hidden_n):
                seen_offset[h] += back[h] * back[h]
                offset[h] -= pace * back[h] / np.sqrt(seen_offset[h])
            for k in range(kept_n):
                value, column = values[kept[k]] * scale, columns[kept[k]]
                seen_in[column] += value * value * force
                step = pace * value / np.sqrt(seen_in[column])
                for h in range(hidden_n):
                    table[column, h] -= step * back[h]
