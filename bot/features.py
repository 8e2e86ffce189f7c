"""Turn a question into sparse numbers: words, word pairs, and character n-grams.

English: words, pairs of words up to four apart, and 3-4 characters inside each word (with its
borders), which survive typing errors. Chinese: jieba's words and pairs, and 1-3 neighbouring
characters, which survive a wrong cut. One vocabulary serves retrieval and the intent models.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from bot.normalise import has_chinese
from bot.tokens import words

F32 = NDArray[np.float32]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
Row = tuple[I32, F32]
"""One text: the columns of its features, each once, and how often each occurs."""
Placed = tuple[list[str], list[int], list[int]]
"""The features of one text, each time one occurs, and of each the first and the last word that it
is made of."""

CHINESE_N = (1, 2, 3)
LATIN_N = (3, 4)
APART = 4
"""How far apart two words may stand and still make a pair."""
MEMO_WORDS = 50_000
MAX_LATIN = 40
"""Characters of one Latin word that are cut into n-grams: longer ones are no words."""
RARE = 2_000
"""From this many wordings on, a feature other than a word must occur in two of them."""


def pieces(word: str) -> list[str]:
    """Return the features of one word: itself and its character n-grams."""
    if has_chinese(word):
        return [f"w{word}"]
    framed = f" {word[:MAX_LATIN]} "
    grams = (f"c{framed[i : i + n]}" for n in LATIN_N for i in range(len(framed) - n + 1))
    return [f"w{word}", *grams]


def pairs(parts: Sequence[str]) -> list[str]:
    """Return the pairs of words: `b` for neighbours, borders of the text included, `s` wider."""
    line = ("<", *parts, ">")
    near = [f"b{line[i]} {line[i + 1]}" for i in range(len(line) - 1)]
    for apart in range(2, APART + 1):
        near += [f"s{line[i]} {line[i + apart]}" for i in range(len(line) - apart)]
    return near


def chinese_pieces(parts: Sequence[str]) -> list[str]:
    """Return the n-grams of neighbouring characters of a text with Chinese in it."""
    run = "".join(parts)
    return [f"z{run[i : i + n]}" for n in CHINESE_N for i in range(len(run) - n + 1)]


def placed_features(normalised: str, of_word: Callable[[str], list[str]] = pieces) -> Placed:
    """Return every feature of a text, each time it occurs, with the words that it hangs on.
    `of_word`: `pieces`, perhaps remembered."""
    parts = words(normalised)
    names: list[str] = []
    first: list[int] = []
    for i, part in enumerate(parts):
        own = of_word(part)
        names += own
        first += [i] * len(own)
    near, far = _ends(len(parts))
    names += pairs(parts)
    last = first + far
    first += near
    if has_chinese(normalised):
        of = list(chain.from_iterable([i] * len(part) for i, part in enumerate(parts)))
        names += chinese_pieces(parts)
        for n in CHINESE_N:
            first += of[: max(len(of) - n + 1, 0)]
            last += of[n - 1 :]
    return names, first, last


@lru_cache(maxsize=512)
def _ends(parts_n: int) -> tuple[list[int], list[int]]:
    """Return the first and the last word of each of `pairs`, of a text of so many words."""
    last = max(parts_n - 1, 0)
    ends = [(i, i + apart) for apart in range(1, APART + 1) for i in range(parts_n + 2 - apart)]
    return [max(i - 1, 0) for i, _ in ends], [min(j - 1, last) for _, j in ends]


class Vocabulary:
    """Every feature of a base's wordings -> its column. What it remembers of words that it has
    seen only saves time: answers never depend on it."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        self._columns = {name: column for column, name in enumerate(self.names)}
        self._memo: dict[str, tuple[int, ...]] = {}

    def __len__(self) -> int:
        return len(self.names)

    def columns_of(self, names: Sequence[str]) -> I64:
        """Return the column of each feature, -1 for unknown ones."""
        found = (self._columns.get(name, -1) for name in names)
        return np.fromiter(found, np.int64, len(names))

    def row(self, normalised: str) -> Row:
        """Return the known features of one text; both arrays are empty when none is known."""
        return self.read(normalised)[0]

    def read(self, normalised: str) -> tuple[Row, float]:
        """Return the row of a text, and the share of its words that the base knows."""
        parts = words(normalised)
        found = list(chain.from_iterable(map(self._word, parts)))
        rest = pairs(parts)
        if has_chinese(normalised):
            rest += chinese_pieces(parts)
        columns = self._columns
        found += [column for column in map(columns.get, rest) if column is not None]
        times = Counter(found)
        n = len(times)
        row = np.fromiter(times, np.int32, n), np.fromiter(times.values(), np.float32, n)
        known = sum(f"w{part}" in columns for part in parts)
        return row, known / max(len(parts), 1)

    def known_words(self, normalised: str) -> list[str]:
        """Return the words that the base knows, in order."""
        return [part for part in words(normalised) if f"w{part}" in self._columns]

    def kinds(self) -> NDArray[np.str_]:
        """Return the kind of each column: w word, b and s pairs, c and z n-grams."""
        return np.array([name[0] for name in self.names], "U1")

    def _word(self, word: str) -> tuple[int, ...]:
        known = self._memo.get(word)
        if known is None:
            columns = self._columns
            known = tuple(columns[name] for name in pieces(word) if name in columns)
            if len(self._memo) < MEMO_WORDS:
                self._memo[word] = known
        return known
