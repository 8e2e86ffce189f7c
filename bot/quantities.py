"""Find how much a text speaks of: numbers with their units, in digits or words, both languages.

A number in words counts only before a unit ("三十天", "a week"): elsewhere it is often none
("一般", "one of them"). Of a range ("7-14 days") both ends have the unit.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

Quantity = tuple[str, str]
"""Value as written in digits, and its unit; '' for none."""

_UNITS: dict[str, str] = {
    "workday": r"个?工作日|(?:business|working)[ -]days?",
    "day": r"天|日|days?",
    "hour": r"个?(?:小时|钟头)|hours?|hrs?",
    "minute": r"分钟|minutes?|mins?",
    "second": r"秒钟?|seconds?|secs?",
    "week": r"个?(?:周|星期|礼拜)|weeks?",
    "month": r"个?月|months?",
    "year": r"年|years?|yrs?",
    "percent": r"%|percent|per cent",
    "discount": r"折",
    "yuan": r"元|块钱?|人民币|rmb|cny|yuan",
    "dollar": r"美元|美金|dollars?|usd",
    "euro": r"欧元|euros?|eur",
    "pound": r"英镑|pounds?|gbp",
    "time": r"次|times",
    "fold": r"倍",
    "piece": r"件|items?|pieces?",
    "person": r"人|位|people|persons?",
}
_SIGNS = {"$": "dollar", "€": "euro", "£": "pound", "¥": "yuan"}
_ONES = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen",
    "nineteen",
)  # fmt: skip
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_ENGLISH = {word: n for n, word in enumerate(_ONES)} | {
    word: 10 * n for n, word in enumerate(_TENS, start=2)
}
_SCALES = {"hundred": 100, "thousand": 1000, "十": 10, "百": 100, "千": 1000, "万": 10_000}
_CHINESE = {c: n for n, c in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_WORD = rf"(?:{'|'.join([*_ENGLISH, 'hundred', 'thousand', 'half', 'an?'])})"
_UNIT = "|".join(f"(?P<{name}>{pattern})" for name, pattern in _UNITS.items())
_DIGITS = r"\d+(?:[.,:]\d+)*"
_FOUND = re.compile(
    rf"(?P<sign>[$€£¥])?\s*(?P<digits>{_DIGITS})"
    rf"(?:\s*(?:-|~|–|—|至|到|to|or|或)\s*(?P<upto>{_DIGITS}))?(?:\s*-?(?:{_UNIT})(?![a-z]))?"
)
_WORDS = (
    rf"(?P<words>[零〇一二两三四五六七八九十百千万半]+|(?<![a-z]){_WORD}(?:[ -](?:and )?{_WORD})*)"
)
_SPELT = re.compile(rf"{_WORDS}(?=\s*-?(?:{_UNIT})(?![a-z]))")
_SPELT_FROM = re.compile(rf"{_WORDS}(?=\s*(?:-|~|–|—|至|到|to|or|或)\s*\d+\s*-?(?:{_UNIT}))")


def quantities(normalised: str) -> list[Quantity]:
    """Return what a normalised text (`bot.normalise`) speaks of, in its order."""
    found: list[Quantity] = []
    for hit in _FOUND.finditer(in_digits(normalised)):
        unit = _SIGNS.get(hit["sign"] or "", "") or _unit(hit)
        found += [(_plain(number), unit) for number in (hit["digits"], hit["upto"]) if number]
    return found


def in_digits(normalised: str) -> str:
    """Return the text with every number before a unit in digits: "三十天" as "30天"."""
    upto = _SPELT.sub(lambda hit: _spelt(hit["words"]), normalised)
    return _SPELT_FROM.sub(lambda hit: _spelt(hit["words"]), upto)


def without_quantities(normalised: str) -> str:
    """Return the rest of the text, with spaces in their places."""
    return _FOUND.sub(" ", in_digits(normalised))


def are_carried(said: Sequence[Quantity], there: Sequence[Quantity]) -> bool:
    """Tell whether everything that is said stands there: the value, and the unit where both have
    one."""
    values = {value for value, _ in there}
    return all(
        value in values if not unit else (value, unit) in there or (value, "") in there
        for value, unit in said
    )


def _unit(hit: re.Match[str]) -> str:
    return next((name for name in _UNITS if hit[name]), "")


def _plain(number: str) -> str:
    """1,000 is 1000 and 7.50 is 7.5; 9:00 stays."""
    if re.fullmatch(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?", number):
        number = number.replace(",", "")
    return f"{float(number):g}" if re.fullmatch(r"\d{1,9}(?:\.\d{1,6})?", number) else number


def _spelt(words: str) -> str:
    """Return the number in digits: thirty, 三十, two hundred, 半, a."""
    total, last = 0.0, 0.0
    for word in re.findall(r"[a-z]+|[^\sa-z-]", words):
        if word in _SCALES:
            total, last = total + (last or 1) * _SCALES[word], 0.0
        elif word in ("half", "半"):
            last += 0.5
        elif word in ("a", "an"):
            last = last or 1
        elif word in _CHINESE:
            last = _CHINESE[word]
        else:
            last += _ENGLISH.get(word, 0)
    return f"{total + last:g}"
