"""Turn a question into sparse numbers: words, word pairs, and character n-grams.

English: words, neighbouring pairs, and 2-5 characters inside each word (with its borders), which
survive typing errors. Chinese: jieba's words and pairs, and 1-3 neighbouring characters, which
survive a wrong cut. One vocabulary serves the retrieval and the linear model.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain, pairwise

import numpy as np
from numpy.typing import NDArray

from bot.normalise import has_chinese
from bot.tokens import words

F32 = NDArray[np.float32]
I32 = NDArray[np.int32]
Row = tuple[I32, F32]
"""One text: the columns of its features, ascending, and how often each occurs."""

CHINESE_N = (1, 2, 3)
LATIN_N = (2, 3, 4, 5)
MEMO_WORDS = 50_000
MAX_LATIN = 40
"""Characters of one Latin word that are cut into n-grams: longer ones are no words."""


def pieces(word: str) -> list[str]:
    """Return the features of one word: itself and its character n-grams."""
    if has_chinese(word):
        return [f"w{word}"]
    framed = f" {word[:MAX_LATIN]} "
    grams = (f"c{framed[i : i + n]}" for n in LATIN_N for i in range(len(framed) - n + 1))
    return [f"w{word}", *grams]


def chinese_pieces(normalised: str) -> list[str]:
    """Return the n-grams of neighbouring characters of a Chinese text, blanks left out."""
    run = normalised.replace(" ", "")
    return [f"z{run[i : i + n]}" for n in CHINESE_N for i in range(len(run) - n + 1)]


def pairs(parts: Sequence[str]) -> list[str]:
    """Return the pairs of neighbouring words, the borders of the text included."""
    return [f"b{one} {two}" for one, two in pairwise(("<", *parts, ">"))]


def feature_counts(normalised: str) -> Counter[str]:
    """Return every feature of a text with how often it occurs."""
    parts = words(normalised)
    found = Counter(pairs(parts))
    for part in parts:
        found.update(pieces(part))
    if has_chinese(normalised):
        found.update(chinese_pieces(normalised))
    return found


class Vocabulary:
    """Every feature of a base's wordings -> its column. What it remembers of words that it has
    seen only saves time: answers never depend on it."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        self._columns = {name: column for column, name in enumerate(self.names)}
        self._memo: dict[str, tuple[int, ...]] = {}

    @classmethod
    def of(cls, normalised: Iterable[str]) -> Vocabulary:
        """Return the vocabulary of these texts, in a fixed order."""
        seen: set[str] = set()
        for text in normalised:
            seen.update(feature_counts(text))
        return cls(sorted(seen))

    def __len__(self) -> int:
        return len(self.names)

    def row(self, normalised: str) -> Row:
        """Return the known features of one text; both arrays are empty when none is known."""
        parts = words(normalised)
        found = list(chain.from_iterable(map(self._word, parts)))
        rest = pairs(parts)
        if has_chinese(normalised):
            rest += chinese_pieces(normalised)
        columns = self._columns
        found += [columns[name] for name in rest if name in columns]
        index, counts = np.unique(np.array(found, np.int32), return_counts=True)
        return index, counts.astype(np.float32)

    def rows(self, normalised: Iterable[str]) -> list[Row]:
        """Return the rows of many texts."""
        return [self.row(text) for text in normalised]

    def coverage(self, normalised: str) -> float:
        """Return the share of the words that the base knows, 0 for no words."""
        parts = words(normalised)
        known = sum(f"w{part}" in self._columns for part in parts)
        return known / len(parts) if parts else 0.0

    def known_words(self, normalised: str) -> list[tuple[str, int]]:
        """Return the words that the base knows, each with its column, in order."""
        found = ((part, self._columns.get(f"w{part}", -1)) for part in words(normalised))
        return [(part, column) for part, column in found if column >= 0]

    def _word(self, word: str) -> tuple[int, ...]:
        known = self._memo.get(word)
        if known is None:
            columns = self._columns
            known = tuple(columns[name] for name in pieces(word) if name in columns)
            if len(self._memo) < MEMO_WORDS:
                self._memo[word] = known
        return known
