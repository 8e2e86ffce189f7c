"""Check each written sentence against the passages that it names, before anybody sees it.

A sentence is shown only if it cites a passage, and that passage carries it: its numbers and links
stand there, most of its words do, and it denies what the passage denies and nothing else. What
cannot be told to be right counts as wrong: the cost is a fallback.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from bot.acts import Ground
from bot.normalise import normalise
from bot.tokens import words

CARRIED = 0.6
"""Share of a sentence's words that its passage must hold."""
_END = re.compile(r"(?<=[.!?])(?:\s*\[\d+\])+\s*|(?:\[\d+\])+[.!?。！？]?\s*|(?<=[。！？\n])\s*")
_CITED = re.compile(r"\[(\d{1,2})\]")
_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
_LINK = re.compile(r"https?://\S+|[\w.+-]+@[\w.-]+\w|www\.\S+")
_DENIES = re.compile(
    r"\b(?:not|no|never|none|cannot|without|neither|nor)\b|n't\b|不|没|無|无|未|别|禁止",
    re.IGNORECASE,
)
_SMALL_WORDS = (
    "the a an of to in on for and or is are be it its this that you your we our i can may will do "
    "does if with by from at as so please then also within after before 的 了 在 您 你 我 我们 是 "
    "可以 请 会 和 与 或 就 也 到 把 被 有 即可 后 前 内 中 为 于 将"
)
_SMALL = frozenset(_SMALL_WORDS.split())


class Judged(msgspec.Struct, frozen=True):
    """A sentence without its marks, and the passages (from 1) that carry it; empty: none does."""

    text: str
    cited: tuple[int, ...]


def split(text: str) -> tuple[list[str], str]:
    """Return the sentences that are complete, with their marks, and what is still being written."""
    found, start = [], 0
    for end in _END.finditer(text):
        # A mark at the very end may be followed by another one.
        if end.end() == len(text) and not text.endswith(("\n", "。", "！", "？", " ")):
            break
        if text[start : end.end()].strip():
            found.append(text[start : end.end()].strip())
        start = end.end()
    return _joined(found), text[start:]


def judge(sentence: str, grounds: Sequence[Ground]) -> Judged:
    """Return what of the passages carries the sentence."""
    numbers = [int(n) for n in _CITED.findall(sentence)]
    text = " ".join(_CITED.sub("", sentence).split()).strip()
    text = re.sub(r"\s+([.!?。！？，,])", r"\1", text)
    known = tuple(dict.fromkeys(n for n in numbers if 1 <= n <= len(grounds)))
    if not text or not known or len(known) < len(set(numbers)):
        return Judged(text, ())
    passage = "\n".join(f"{grounds[n - 1].question}\n{grounds[n - 1].text}" for n in known)
    return Judged(text, known if _carries(passage, text) else ())


def _carries(passage: str, sentence: str) -> bool:
    plain, said = normalise(passage), normalise(sentence)
    there = set(_NUMBER.findall(plain))
    if not set(_NUMBER.findall(said)) <= there:
        return False
    if any(link.lower().rstrip(".,") not in passage.lower() for link in _LINK.findall(sentence)):
        return False
    mine = [word for word in words(said) if word not in _SMALL and not word.isdigit()]
    if not mine:
        return False
    held = set(words(plain)) | _stems(words(plain))
    if sum(word in held or _stem(word) in held for word in mine) < CARRIED * len(mine):
        return False
    return _denies(sentence) == _denies(_nearest(passage, mine))


def _nearest(passage: str, mine: Sequence[str]) -> str:
    """Return the part of the passage that has most of the words."""
    parts = [part for part in re.split(r"[.!?。！？;；\n]", passage) if part.strip()]
    return max(parts, key=lambda part: len(set(words(normalise(part))) & set(mine)), default="")


def _denies(text: str) -> bool:
    return _DENIES.search(text) is not None


def _stem(word: str) -> str:
    """Plurals and tenses of English, roughly: refunds, refunded and refund are one word."""
    for ending in ("ing", "ed", "es", "s"):
        if word.isascii() and word.endswith(ending) and len(word) > len(ending) + 2:
            return word[: -len(ending)]
    return word


def _stems(found: Sequence[str]) -> set[str]:
    return {_stem(word) for word in found}


def _joined(parts: Sequence[str]) -> list[str]:
    """A part that is only marks belongs to the sentence before it."""
    found: list[str] = []
    for part in parts:
        if found and not _CITED.sub("", part).strip(" .!?。！？"):
            found[-1] += part
        else:
            found.append(part)
    return found
