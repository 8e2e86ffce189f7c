"""Check each written sentence against the passages that it names, before anybody sees it.

A sentence is shown only if it cites a passage, and that passage carries it: its quantities, links
and weighty words (free, all, before ...) stand there, each quantity about the same as here, most of
its words do, and it denies what the passage denies and nothing else. What cannot be told to be
right counts as wrong: the cost is a fallback.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

import msgspec

from bot.acts import Ground
from bot.normalise import normalise
from bot.quantities import are_carried, in_digits, quantities, without_quantities
from bot.tokens import words

SENTENCE_CHARS = 400
"""A longer sentence would be too much to check (`bot.normalise.MAX_CHARS`)."""
CARRIED = 0.7
"""Share of a sentence's words that its passage must hold."""
_END = re.compile(r"(?<=[.!?])(?:\s*\[\d+\])+\s*|(?:\[\d+\])+[.!?。！？]?\s*|(?<=[。！？\n])\s*")
_CITED = re.compile(r"\[(\d{1,2})\]")
_LINK = re.compile(
    r"https?://[^\s，。！？；）]+|[\w.+-]+@[\w.-]+\w|(?<![\w.])[a-z0-9-]{2,}(?:\.[a-z0-9-]+)*\.[a-z]{2,}\b",
    re.IGNORECASE | re.ASCII,
)
_MARKUP = re.compile(r"[<>]|\]\(|!\[|```|&#?\w+;")
_WEIGHTY = re.compile(
    r"\b(?:free|all|any|every|always|must|only|guarante|compensat|before|after|at least|at most|"
    r"up to|more than|less than|unlimited|forever|immediately|double)|免费|全免|免运?费|包邮|赔|"
    r"补偿|保证|一定|所有|全部|任何|必须|只能|仅|无条件|随时|永久|终身|立即|双倍|(?<![目提当])前|(?<!然)后|"
    r"以上|以下|至少|最多|最少|最长|超过|不限"
)
"""Words that change what is promised: one that the passage does not have is one too many."""
_DENIES = re.compile(
    r"\b(?:not|no|never|none|cannot|without|neither|nor)\b|n't\b|不|没|無|无|未|别|禁止",
    re.IGNORECASE,
)
_CLAUSE = re.compile(
    r"[，、;；。!?！？:：\n]|[,.](?!\d)|\b(?:and|but|while|whereas)\b|[和与及而但]", re.IGNORECASE
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
    if not text or not known or len(known) < len(set(numbers)) or not _is_plain(text):
        return Judged(text, ())
    passage = "\n".join(f"{grounds[n - 1].question}\n{grounds[n - 1].text}" for n in known)
    return Judged(text, known if _carries(passage, text) else ())


def _is_plain(text: str) -> bool:
    """Short, no markup, and nothing that is not seen or turns the writing round."""
    if len(text) > SENTENCE_CHARS or _MARKUP.search(text) is not None:
        return False
    return not any(unicodedata.category(c) in _HIDDEN for c in text)


_HIDDEN = frozenset({"Cc", "Cf", "Cn", "Co", "Cs"})


def _carries(passage: str, sentence: str) -> bool:
    plain, said = in_digits(normalise(passage)), in_digits(normalise(sentence))
    amounts = quantities(said)
    if not are_carried(amounts, quantities(plain)) or not _keep_company(plain, said):
        return False
    if not set(_WEIGHTY.findall(said)) <= set(_WEIGHTY.findall(plain)):
        return False
    if any(link.lower().rstrip(".,") not in passage.lower() for link in _LINK.findall(sentence)):
        return False
    mine = _weighed(said)
    if not mine:
        return bool(amounts)
    held = set(words(plain)) | _stems(words(plain))
    if sum(word in held or _stem(word) in held for word in mine) < CARRIED * len(mine):
        return False
    return _denies(sentence) == _denies(_nearest(passage, mine))


def _keep_company(passage: str, sentence: str) -> bool:
    """Tell whether each quantity of the sentence stands in that clause of the passage which has
    most of the words beside it: "gold costs 10, silver costs 20" is no ground for "gold costs 20".
    """
    there = [(quantities(c), _stems(_weighed(c))) for c in _CLAUSE.split(passage)]
    there = [(amounts, beside) for amounts, beside in there if amounts]
    if len(there) < 2:  # then there is nothing to mix up
        return True
    for clause in _CLAUSE.split(sentence):
        own = _stems(_weighed(clause))
        mine = own or _stems(_weighed(sentence))
        for amount in quantities(clause):
            here, elsewhere = 0, 0
            for amounts, beside in there:
                if are_carried({amount}, amounts):
                    here = max(here, len(mine & beside))
                else:
                    elsewhere = max(elsewhere, len(mine & beside))
            if here < (max(elsewhere, 1) if own else elsewhere + 1):
                return False
    return True


def _weighed(text: str) -> list[str]:
    """Return the words that say something, without quantities."""
    return [word for word in words(without_quantities(text)) if word not in _SMALL]


def _nearest(passage: str, mine: Sequence[str]) -> str:
    """Return the part of the passage that has most of the words."""
    parts = [part for part in re.split(r"[.!?。！？;；\n]", passage) if part.strip()]
    return max(parts, key=lambda part: len(set(words(normalise(part))) & set(mine)), default="")


def _denies(text: str) -> bool:
    return _DENIES.search(text) is not None


def _stem(word: str) -> str:
    """Plurals and tenses of English, roughly: takes, taking and take are one word."""
    for ending in ("ing", "ed", "es", "e", "s"):
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
