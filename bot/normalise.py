"""Bring every spelling of one question to the same text: width, script, case, emoji, noise.

The order matters: lone surrogates and invisible characters go first, NFKC folds full and half
width, then case, then traditional Chinese to simplified (Taiwan's words first, while they are
still recognisable). The tables are OpenCC's (Apache-2.0), read from its Python package.

Source: Unicode Standard Annex 15 (NFKC); OpenCC, https://github.com/BYVoid/OpenCC.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from importlib import resources

MAX_CHARS = 1000
"""Characters of a question that are looked at: longer texts are cut, so that cost is bounded."""

_INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufe00-\ufe0f\ud800-\udfff]")
_APOSTROPHES = str.maketrans({"\u2019": "'", "\u2018": "'", "`": "'", "\u00b4": "'"})
_EMOJI = re.compile("[\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff]")
_NOISE = re.compile(r"[^\w]|_")
_GAPS = re.compile("(?<=[\u3400-\u9fff])\\s+(?=[\u3400-\u9fff])")
_CJK = re.compile("[\u3400-\u9fff\U00020000-\U0003ffff]")


_PRONOUNS = {"妳": "你", "祢": "你", "牠": "它", "祂": "它"}
"""Taiwan's: OpenCC leaves them."""


def _table(name: str) -> list[tuple[str, str]]:
    text = resources.files("opencc").joinpath("dictionary", name).read_text(encoding="utf-8")
    pairs = (line.split("\t") for line in text.splitlines() if "\t" in line)
    return [(pair[0], pair[1].split(" ")[0]) for pair in pairs]


@lru_cache(maxsize=1)
def _characters() -> dict[int, str]:
    """Return traditional (and Taiwan's and Hong Kong's variants) -> simplified, by code point."""
    simple = dict(_table("TSCharacters.txt"))
    variants = _table("TWVariantsRev.txt") + _table("HKVariantsRev.txt")
    rows = _PRONOUNS | {here: simple.get(there, there) for here, there in variants} | simple
    done = {there for here, there in rows.items() if here != there}  # 么: the table would turn it
    return {ord(a): b for a, b in rows.items() if len(a) == 1 and (a == b or a not in done)}


@lru_cache(maxsize=1)
def _phrases() -> tuple[re.Pattern[str], dict[str, str]]:
    """Return Taiwan's words -> the mainland's (軟體 -> 軟件), as one pattern and its table."""
    words = dict(_table("TWPhrasesRev.txt"))
    longest_first = sorted(words, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first))), words


def simplify(text: str) -> str:
    """Return the text in simplified Chinese; a text without traditional characters is unchanged."""
    if _CJK.search(text) is None:
        return text
    simple = text.translate(_characters())
    if simple == text:
        return text
    pattern, words = _phrases()
    return pattern.sub(lambda hit: words[hit.group()], text).translate(_characters())


def is_readable(text: str) -> bool:
    """Tell whether the text is something a person wrote, not bytes shown as letters."""
    sample = text[:MAX_CHARS]
    if sample.isascii() and sample.isprintable():
        return True
    odd = sum(
        1
        for c in sample
        if c == "\ufffd" or (unicodedata.category(c) in _ODD and c not in "\t\r\n")
    )
    return odd * 10 <= len(sample)


_ODD = frozenset({"Cc", "Cn", "Co", "Cs"})


def normalise(text: str) -> str:
    """Return the comparable form: lower case, half width, simplified, one space between parts.

    Emoji become spaces unless nothing else is left. At most `MAX_CHARS` characters are read.
    """
    plain = _INVISIBLE.sub("", text[: MAX_CHARS * 2])[:MAX_CHARS]
    if not plain.isascii():
        plain = simplify(unicodedata.normalize("NFKC", plain).translate(_APOSTROPHES).casefold())
        without = _EMOJI.sub(" ", plain)
        plain = without if without.strip() else plain
    folded = plain.translate(_APOSTROPHES).lower()
    if not folded.isprintable():
        folded = "".join(c if c.isprintable() else " " for c in folded)
    return " ".join(folded.split())


def closed_up(text: str) -> str:
    """Return the text without the gaps between Chinese characters: "转 人 工" is one word."""
    return _GAPS.sub("", text)


def match_key(normalised: str) -> str:
    """Return the letters and digits only: two questions with one key are the same question."""
    return _NOISE.sub("", normalised) or normalised


def has_chinese(text: str) -> bool:
    """Tell whether the text holds a Chinese character."""
    return _CJK.search(text) is not None
