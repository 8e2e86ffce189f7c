"""Find what is wrong with a knowledge base before customers do.

Errors keep a base from being published; warnings are for its editors.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec

from bot.knowledge import Base, Category, Topic
from bot.normalise import match_key, normalise

FEW_PHRASINGS = 5
"""Below this many wordings a topic is found noticeably less often (see docs/bot.md)."""

ProblemCode = Literal[
    "category_cycle",
    "duplicate_id",
    "duplicate_question",
    "expired",
    "few_phrasings",
    "no_answer",
    "empty_question",
    "related_unknown",
    "unknown_category",
    "validity_reversed",
]


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One finding. `topic` is the topic's (or category's) id."""

    code: ProblemCode
    topic: str
    detail: str
    severity: Literal["error", "warning"] = "error"


def check(base: Base, now: float) -> list[Problem]:
    """Return every problem of the base at `now`, errors first."""
    found = [*_tree(base.categories), *_identities(base)]
    categories = {category.id for category in base.categories}
    ids = {topic.id for topic in base.topics}
    for topic in base.topics:
        found.extend(_topic(topic, categories, ids))
        found.extend(_hints(topic, now))
    found.extend(_duplicates(base.topics))
    return sorted(found, key=lambda problem: problem.severity != "error")


def _tree(categories: tuple[Category, ...]) -> Iterator[Problem]:
    parents = {category.id: category.parent for category in categories}
    for start, parent in parents.items():
        seen, here = {start}, parent
        while here and here not in seen:
            seen.add(here)
            here = parents.get(here, "")
        if here == start:
            detail = f"the category {start!r} is above itself"
            yield Problem(code="category_cycle", topic=start, detail=detail)
    for category in categories:
        if category.parent and category.parent not in parents:
            detail = f"the parent {category.parent!r} does not exist"
            yield Problem(code="unknown_category", topic=category.id, detail=detail)


def _identities(base: Base) -> Iterator[Problem]:
    seen: set[str] = set()
    for topic in base.topics:
        if topic.id in seen:
            detail = f"the id {topic.id!r} is used twice"
            yield Problem(code="duplicate_id", topic=topic.id, detail=detail)
        seen.add(topic.id)


def _topic(topic: Topic, categories: set[str], ids: set[str]) -> Iterator[Problem]:
    if not normalise(topic.question):
        yield Problem(code="empty_question", topic=topic.id, detail="no standard question")
    if topic.category and topic.category not in categories:
        detail = f"the category {topic.category!r} does not exist"
        yield Problem(code="unknown_category", topic=topic.id, detail=detail)
    for other in topic.related:
        if other not in ids:
            detail = f"the related topic {other!r} does not exist"
            yield Problem(code="related_unknown", topic=topic.id, detail=detail)
    start, end = topic.valid_from, topic.valid_until
    if start is not None and end is not None and start >= end:
        yield Problem(code="validity_reversed", topic=topic.id, detail="ends before it starts")


def _hints(topic: Topic, now: float) -> Iterator[Problem]:
    if topic.valid_until is not None and topic.valid_until <= now:
        yield _warn("expired", topic, "its validity is over: it is not shown to anyone")
    if not topic.answers_for("customer"):
        yield _warn("no_answer", topic, "nothing to show to a customer")
    if len(topic.phrasings()) < FEW_PHRASINGS:
        detail = f"{len(topic.phrasings())} wordings, {FEW_PHRASINGS} or more are found better"
        yield _warn("few_phrasings", topic, detail)


def _warn(code: ProblemCode, topic: Topic, detail: str) -> Problem:
    return Problem(code=code, topic=topic.id, detail=detail, severity="warning")


def _duplicates(topics: tuple[Topic, ...]) -> Iterator[Problem]:
    owner: dict[str, str] = {}
    for topic in topics:
        for text in topic.phrasings():
            key = match_key(normalise(text))
            first = owner.setdefault(key, topic.id)
            if key and first != topic.id:
                detail = f"{text!r} is also a wording of topic {first!r}"
                yield Problem(code="duplicate_question", topic=topic.id, detail=detail)
