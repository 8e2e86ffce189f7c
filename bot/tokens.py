"""Cut normalised text into words: Latin by letters, Chinese by jieba, digits on their own.

jieba's own cache is never read: it lies in the shared temporary folder, where anyone could put
one. The dictionary is loaded once per process, when the first Chinese text arrives (about 1 s).
"""

from __future__ import annotations

import re
import threading
from functools import lru_cache

import jieba

_PART = re.compile(
    "(?P<zh>[\u3400-\u9fff\U00020000-\U0003ffff]+)"
    "|[^\\W\\d_\u3400-\u9fff\U00020000-\U0003ffff]+(?:'[^\\W\\d_]+)?|\\d+|[?!$%€£¥]"
)
_loading = threading.Lock()
LONG_RUN = 60
"""Characters from which a run is not remembered: it will hardly come again, and fills memory."""


@lru_cache(maxsize=1)
def _cutter() -> jieba.Tokenizer:
    cutter = jieba.Tokenizer()
    cutter.FREQ, cutter.total = cutter.gen_pfdict(cutter.get_dict_file())
    cutter.initialized = True
    return cutter


def warm_up() -> None:
    """Load the Chinese dictionary now, so that no customer waits for it."""
    with _loading:
        _cutter()


@lru_cache(maxsize=50_000)
def _cut(run: str) -> tuple[str, ...]:
    return _cut_anew(run)


def _cut_anew(run: str) -> tuple[str, ...]:
    with _loading:
        cutter = _cutter()
    return tuple(cutter.cut(run))


def words(normalised: str) -> list[str]:
    """Return the words in order; punctuation is dropped but for ? ! and currency signs."""
    found: list[str] = []
    for part in _PART.finditer(normalised):
        if part.lastgroup == "zh":
            run = part.group()
            found.extend(_cut(run) if len(run) <= LONG_RUN else _cut_anew(run))
        else:
            found.append(part.group())
    return found
