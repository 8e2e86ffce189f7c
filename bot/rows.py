"""Turn table rows into topics and back: one row a topic, columns named in English or Chinese.

A row that cannot be read costs only itself: it is reported with its number and the reason.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from hashlib import blake2b
from typing import TypeVar

import msgspec

from bot.knowledge import Answer, Topic
from bot.normalise import match_key, normalise

COLUMNS: dict[str, tuple[str, ...]] = {
    "id": ("id", "编号", "topic", "topic_id"),
    "category": ("category", "分类", "类目"),
    "question": ("question", "standard question", "标准问", "标准问题", "问题"),
    "similar": ("similar", "similar questions", "相似问", "相似问题", "相似问法"),
    "answer": ("answer", "答案", "回答", "客户答案"),
    "agent_answer": ("agent_answer", "agent answer", "坐席答案", "内部答案"),
    "image": ("image", "图片", "图片链接"),
    "cards": ("cards", "卡片"),
    "related": ("related", "related questions", "关联问", "相关问题"),
    "valid_from": ("valid_from", "valid from", "生效时间", "开始时间"),
    "valid_until": ("valid_until", "valid until", "失效时间", "结束时间"),
    "enabled": ("enabled", "启用", "是否启用"),
    "source": ("source", "来源"),
    "hot": ("hot", "热门", "热门问题"),
}
"""Column -> the headings that name it, ours first."""

MAX_CELL = 20_000
"""Characters of a cell, or of each wording, link or answer of a cell that holds many."""
MAX_WORDINGS = 5_000
_MANY = frozenset({"similar", "answer", "agent_answer", "image", "cards", "related"})
_BY_HEADING = {heading: name for name, names in COLUMNS.items() for heading in names}
_TRUE = {"", "1", "true", "yes", "y", "on", "是", "启用"}
_FALSE = {"0", "false", "no", "n", "off", "否", "停用", "禁用"}
T = TypeVar("T")
_UNSAFE_START = re.compile(r"^[=+\-@\t\r]")


class BadRow(msgspec.Struct, frozen=True):
    """A row that was not imported. `number` is its line in the file, the heading being 1."""

    number: int
    reason: str


class RowError(ValueError):
    """The row cannot become a topic; the text says why."""


def column_names(headings: Iterable[object]) -> list[str]:
    """Return our name for each heading, empty for one that we do not know.

    Raises:
        RowError: there is no column for the question.
    """
    found = [_BY_HEADING.get(str(cell or "").strip().casefold(), "") for cell in headings]
    if "question" not in found:
        raise RowError("no column 'question' (标准问) in the first row")
    return found


def id_of(cells: Mapping[str, str]) -> str:
    """Return the id of a row (column -> text): its own, else one that follows from the question,
    the same in every file; '' without either."""
    given = cells.get("id", "").strip()
    if given:
        return given
    key = match_key(normalise(cells.get("question", "").strip()))
    return f"q-{blake2b(key.encode(), digest_size=8).hexdigest()}" if key else ""


def topic_of(cells: Mapping[str, str]) -> Topic:
    """Return the topic of one row (column -> text).

    Raises:
        RowError: a cell is missing, too long or not readable as what its column says.
    """
    for name, text in cells.items():
        if name not in _MANY:
            _bounded(name, [text])
    question = cells.get("question", "").strip()
    if not normalise(question):
        raise RowError("question: empty")
    similar = _lines(cells, "similar")
    if len(similar) > MAX_WORDINGS:
        raise RowError(f"similar: more than {MAX_WORDINGS} wordings")
    return Topic(
        id=id_of(cells),
        question=question,
        similar=similar,
        answers=_answers(cells),
        category=_category(cells.get("category", "").strip()),
        related=_lines(cells, "related"),
        valid_from=_read(cells, "valid_from", _instant),
        valid_until=_read(cells, "valid_until", _instant),
        enabled=bool(_read(cells, "enabled", _flag, default=True)),
        source=cells.get("source", "").strip(),
        hot=int(_read(cells, "hot", _whole) or 0),
    )


def _category(path: str) -> str:
    """Return a path such as `Cards/Lost` without blanks around its parts."""
    parts = [part.strip() for part in path.split("/")]
    if path and not all(parts):
        raise RowError(f"category: {path!r} has an empty part")
    return "/".join(parts)


def row_of(topic: Topic) -> dict[str, str]:
    """Return the row that `topic_of` reads back to the same topic."""
    texts = [a.text for a in topic.answers if a.kind == "text" and a.audience == "customer"]
    inside = [a.text for a in topic.answers if a.kind == "text" and a.audience == "agent"]
    images = [a.url for a in topic.answers if _is_plain_image(a)]
    rest = [a for a in topic.answers if a.kind != "text" and not _is_plain_image(a)]
    return {
        "id": topic.id,
        "category": topic.category,
        "question": topic.question,
        "similar": "\n".join(topic.similar),
        "answer": "\n---\n".join(texts),
        "agent_answer": "\n---\n".join(inside),
        "image": "\n".join(images),
        "cards": msgspec.json.encode(rest).decode() if rest else "",
        "related": "\n".join(topic.related),
        "valid_from": _when(topic.valid_from),
        "valid_until": _when(topic.valid_until),
        "enabled": "" if topic.enabled else "no",
        "source": topic.source,
        "hot": str(topic.hot) if topic.hot else "",
    }


def escape_formula(text: str) -> str:
    """Return the text so that a spreadsheet shows it instead of running it (CWE-1236)."""
    return "'" + text if _UNSAFE_START.match(text) else text


def unescape_formula(text: str) -> str:
    """Undo `escape_formula`."""
    return text[1:] if text.startswith("'") and _UNSAFE_START.match(text[1:]) else text


def _is_plain_image(answer: Answer) -> bool:
    return answer.kind == "image" and not answer.text and answer.audience == "customer"


def _bounded(name: str, texts: list[str]) -> list[str]:
    if any(len(text) > MAX_CELL for text in texts):
        raise RowError(f"{name}: more than {MAX_CELL} characters")
    return texts


def _lines(cells: Mapping[str, str], name: str) -> tuple[str, ...]:
    lines = [line.strip() for line in cells.get(name, "").splitlines() if line.strip()]
    return tuple(_bounded(name, lines))


def _answers(cells: Mapping[str, str]) -> tuple[Answer, ...]:
    found = [Answer(text=text) for text in _parts(cells, "answer")]
    found += [Answer(kind="image", url=url) for url in _lines(cells, "image")]
    found += _cards(cells.get("cards", "").strip())
    inside = [Answer(text=text, audience="agent") for text in _parts(cells, "agent_answer")]
    return tuple(found + inside)


def _cards(text: str) -> list[Answer]:
    if not text:
        return []
    try:
        cards = msgspec.json.decode(text, type=list[Answer])
    except (msgspec.DecodeError, RecursionError) as error:
        raise RowError(f"cards: {error}") from error
    for card in cards:
        _bounded("cards", [card.text, card.title, card.url, *card.buttons])
    return cards


def _parts(cells: Mapping[str, str], name: str) -> list[str]:
    parts = re.split(r"(?m)^---$", cells.get(name, ""))
    return _bounded(name, [part.strip() for part in parts if part.strip()])


def _read(
    cells: Mapping[str, str], name: str, parse: Callable[[str], T], default: T | None = None
) -> T | None:
    text = cells.get(name, "").strip()
    if not text:
        return default
    try:
        return parse(text)
    except ValueError as error:
        raise RowError(f"{name}: {text[:40]!r} {error}") from error


def _flag(text: str) -> bool:
    folded = text.casefold()
    if folded in _TRUE | _FALSE:
        return folded in _TRUE
    raise ValueError("is neither yes nor no")


def _whole(text: str) -> int:
    try:
        return int(float(text))
    except (ValueError, OverflowError):
        raise ValueError("is not a whole number") from None


def _instant(text: str) -> float:
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise ValueError("is not a date like 2026-01-31 or 2026-01-31T08:00+08:00") from None


def _when(instant: float | None) -> str:
    return "" if instant is None else datetime.fromtimestamp(instant, UTC).isoformat()
