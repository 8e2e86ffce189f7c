"""A file with topics, read for the draft of a base: every row that cannot be taken is reported."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import msgspec
from pydantic import ValidationError

from bot.checking import Problem
from bot.knowledge import Base, Category, Topic
from bot.rows import BadRow
from bot.tables import Format, import_base, lost_link
from infra.directory.declared import explain
from infra.directory.declared_rows import Id, Row
from infra.knowledge.forms import CATEGORIES_N, CategoryForm, TopicForm
from serve.knowledge.jobs import FileTopics


class _Named(Row):
    id: Id


def read_file(
    data: bytes, kind: Format, *, now: float, all_or_none: bool, known: Collection[str] = ()
) -> FileTopics:
    """Return what the file holds, whose topics may be related to `known` ones; slow for large
    files.

    Raises:
        bot.tables.FileError: it cannot be read at all.
    """
    found = import_base(data, kind, name="file", now=now, known=known)
    base = found.base or Base(id="file", name="file")
    bad = list(found.bad)
    topics: dict[str, TopicForm] = {}
    for topic in base.topics:
        try:
            _Named(id=topic.id)
            topics[topic.id] = form_of(topic)
        except ValidationError as error:
            reason = "; ".join(f"{at}: {why}" for at, why in explain(error))
            bad.append(BadRow(found.rows.get(topic.id, 0), reason))
    categories = _categories(base, topics, found.rows, bad)
    errors = {one.topic for one in found.problems if one.severity == "error"}
    told = {one.number for one in bad}
    bad += [
        BadRow(found.rows[one.topic], f"{one.code}: {one.detail}")
        for one in found.problems
        if one.topic in errors and one.severity == "error" and one.topic in found.rows
        if found.rows[one.topic] not in told
    ]
    lost = _unlink(topics, known)
    return FileTopics(
        topics={key: one.model_dump(exclude_defaults=True) for key, one in topics.items()},
        categories=categories,
        bad=sorted(bad, key=lambda one: one.number),
        left_out=[key for key in found.rows if key not in topics],
        problems=[*found.problems, *lost],
        refused=all_or_none and bool(bad),
    )


def _unlink(topics: dict[str, TopicForm], known: Collection[str]) -> list[Problem]:
    """Drop links to what was not taken and is not known, and tell of each."""
    there, lost = {*topics, *known}, list[Problem]()
    for key, topic in topics.items():
        gone = [other for other in topic.related if other not in there]
        lost += [lost_link(key, other) for other in gone]
        if gone:
            kept = [other for other in topic.related if other in there]
            topics[key] = topic.model_copy(update={"related": kept})
    return lost


def form_of(topic: Topic) -> TopicForm:
    """Return a topic of a file as it is stored.

    Raises:
        pydantic.ValidationError: it does not fit.
    """
    content = msgspec.to_builtins(topic)
    content.pop("id")
    return TopicForm.model_validate(content)


def _categories(
    base: Base, topics: dict[str, TopicForm], rows: Mapping[str, int], bad: list[BadRow]
) -> list[dict[str, object]]:
    """Return the categories that taken topics are in, with those above them. A topic whose category
    cannot be stored is taken no more, and reported."""
    by_id, wanted = {one.id: one for one in base.categories}, set[str]()
    for key, topic in list(topics.items()):
        chain, here = set[str](), topic.category
        while here in by_id and here not in wanted | chain:
            chain.add(here)
            here = by_id[here].parent
        reason = _why_not([by_id[one] for one in chain], len(wanted))
        if reason:
            del topics[key]
            bad.append(BadRow(rows.get(key, 0), f"category: {reason}"))
        else:
            wanted |= chain
    return [msgspec.to_builtins(one) for one in base.categories if one.id in wanted]


def _why_not(added: list[Category], there_n: int) -> str:
    """Return why these categories cannot be stored beside the others; '' if they can."""
    if there_n + len(added) > CATEGORIES_N:
        return f"more than {CATEGORIES_N} categories"
    try:
        for one in added:
            CategoryForm.model_validate(msgspec.to_builtins(one))
    except ValidationError as error:
        return "; ".join(why for _, why in explain(error))
    return ""
