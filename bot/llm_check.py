"""Check each written sentence against the passages that it names, before anybody sees it.

A sentence is shown only if it cites a passage, and that passage carries it: its quantities, links
and weighty words (free, all, before ...) stand there, each quantity about the same as here, most of
its words do, and it denies what the passage denies and nothing else. What cannot be told to be
right counts as wrong: the cost is a fallback.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

import msgspec

from bot.acts import Ground
from bot.normalise import normalise
from bot.quantities import Quantity, are_carried, in_digits, quantities, without_quantities
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
    r"[，、;；。!?！？\n]|[,.](?!\d)|\b(?:and|but|while|whereas)\b|[和与及而但]", re.IGNORECASE
)
_SMALL_WORDS = (
    "the a an of to in on for and or is are be it its this that you your we our i can may will do "
    "does if with by from at as so please then also within after before one 的 了 在 您 你 我 我们 "
    "是 可以 请 会 和 与 或 就 也 到 把 被 有 即可 后 前 内 中 为 于 将"
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
    theirs = [*words(plain), *words(without_quantities(plain))]
    held = set(theirs) | _stems(theirs)
    if sum(word in held or _stem(word) in held for word in mine) < CARRIED * len(mine):
        return False
    return _denies(sentence) == _denies(_nearest(passage, mine))


class _Clause(msgspec.Struct, frozen=True):
    """A part of a text with quantities, and the words beside them."""

    amounts: list[Quantity]
    beside: set[str]


def _keep_company(passage: str, sentence: str) -> bool:
    """Tell whether each quantity of the sentence is about what it is about in the passage: "gold
    costs 10, silver costs 20" is no ground for "gold costs 20"."""
    there = _clauses(passage)
    if sentence.strip(" .!?。！？") in passage:
        return True
    whole = _stems(_weighed(sentence))
    return all(
        any(_is_same(_Clause(one.amounts, one.beside or whole), other, there) for other in there)
        for one in _clauses(sentence)
    )


def _clauses(text: str) -> list[_Clause]:
    found = [_Clause(quantities(c), _stems(_weighed(c))) for c in _CLAUSE.split(text)]
    return [one for one in found if one.amounts]


def _is_same(said: _Clause, clause: _Clause, there: Sequence[_Clause]) -> bool:
    """Tell whether what is said is what the clause says, and of no other one there."""
    return _fit(said.amounts, clause.amounts) and all(
        _is_rather(said.beside, clause.beside, other.beside)
        for other in there
        if not are_carried(said.amounts, other.amounts) and _are_alike(clause, other)
    )


def _fit(said: Sequence[Quantity], there: Sequence[Quantity]) -> bool:
    """Tell whether the quantities stand there in that order, and of a unit that stands there more
    than once ("3 or 5 days") all of them."""
    rest = iter(there)
    if not all(any(are_carried([one], [other]) for other in rest) for one in said):
        return False
    times, mine = Counter(unit for _, unit in there), {unit for _, unit in said}
    return all(one in said for one in there if times[one[1]] > 1 and one[1] in mine)


def _are_alike(one: _Clause, other: _Clause) -> bool:
    """Tell whether there are units in both that could be mixed up."""
    units = {unit for _, unit in one.amounts}
    return any(unit in units or "" in units | {unit} for _, unit in other.amounts)


def _is_rather(mine: set[str], this: set[str], other: set[str]) -> bool:
    """Tell whether words are about this and not about the other: something of this only is among
    them, and if something of the other is too (what this leaves out: "express delivery takes 5
    days, standard 7"), then not all that the other has."""
    if not (mine & this) - other:
        return False
    return not (mine & other) - this or bool(other - this - mine)


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
