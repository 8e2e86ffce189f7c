"""The few inner loops that numpy has no words for, compiled by numba on first use.

Machine code is kept in `__pycache__` beside this file, so only the very first process waits for
the compiler. The lock of Python is released while they run.
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


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile `function` at its first call with each kind of array."""
    made: Callable[P, R] = numba.njit(cache=True, nogil=True, fastmath=True)(function)
    return made


@kernel
def add_postings(  # noqa: PLR0917 - compiled functions take positional arguments only
    columns: I32, values: F32, starts: I64, docs: I32, weights: F32, scores: F32
) -> None:
    """Add to `scores` what each document gets for the query's terms: value x weight."""
    for i in range(columns.shape[0]):
        column, value = columns[i], values[i]
        for at in range(starts[column], starts[column + 1]):
            scores[docs[at]] += value * weights[at]
