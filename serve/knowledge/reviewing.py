"""Reviews questions of the inbox: into the draft, or out of the way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from bot.normalise import match_key, normalise
from infra.directory.refusals import RefusedError
from infra.directory.writer import Writer
from infra.knowledge import tables as t
from infra.knowledge.forms import TopicForm
from infra.knowledge.inbox import HELD, find_questions, mark
from infra.knowledge.rows import base_of
from infra.knowledge.writer import Change, KnowledgeWriter

EVERY = 5
"""Of so many spellings that are accepted together one is put aside, to examine versions with."""

Decision = Literal["similar", "topic", "stranger", "ignore"]


class Review(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody decided about some questions. `topic` for `similar` and `topic`; `question`
    is a new topic's standard question."""

    ids: Sequence[str]
    decision: Decision
    topic: str = ""
    question: str = ""


class Reviewed(msgspec.Struct, frozen=True, kw_only=True):
    """What was done: how many questions were reviewed, put aside, and became wordings."""

    reviewed: int
    held: int
    added: int
    topic: str


async def review(
    writer: Writer, knowledge: KnowledgeWriter, row: t.KnowledgeBase, wanted: Review
) -> Reviewed:
    """Do it; questions that were reviewed before are left alone.

    Raises:
        RefusedError: `not_found`: the topic to add to; `exists`: the topic to make.
    """
    found = await find_questions(writer.session, writer.org, row.id, list(wanted.ids))
    if wanted.decision == "ignore":
        await mark(writer, found, "ignored")
        return Reviewed(reviewed=len(found), held=0, added=0, topic="")
    held, taken = _put_aside(found)
    texts = _wordings(taken)
    match wanted.decision:
        case "stranger":
            added = await _add_strangers(knowledge, row, texts)
        case "similar":
            added = await _add_similar(knowledge, row, wanted.topic, texts)
        case "topic":
            added = await _make_topic(knowledge, row, wanted, texts)
    kind = "stranger" if wanted.decision == "stranger" else "topic"
    await mark(writer, taken, kind, wanted.topic)
    await mark(writer, held, HELD, wanted.topic)
    return Reviewed(reviewed=len(found), held=len(held), added=added, topic=wanted.topic)


def _put_aside(
    rows: Sequence[t.BotQuestion],
) -> tuple[list[t.BotQuestion], list[t.BotQuestion]]:
    """Return the questions to examine with, and those to learn from: no spelling is in both."""
    spellings: dict[str, list[t.BotQuestion]] = {}
    for one in rows:
        spellings.setdefault(match_key(normalise(one.text)), []).append(one)
    parts: tuple[list[t.BotQuestion], list[t.BotQuestion]] = ([], [])
    for number, same in enumerate(spellings.values(), 1):
        parts[0 if number % EVERY == 0 else 1].extend(same)
    return parts


def _wordings(rows: Sequence[t.BotQuestion]) -> list[str]:
    """Return the texts as single lines, each spelling once."""
    found: dict[str, str] = {}
    for one in rows:
        text = " ".join(one.text.split())
        if text:
            found.setdefault(match_key(normalise(text)), text)
    return list(found.values())


def _new(texts: Sequence[str], present: Sequence[str]) -> list[str]:
    known = {match_key(normalise(one)) for one in present}
    return [one for one in texts if match_key(normalise(one)) not in known]


async def _add_similar(
    knowledge: KnowledgeWriter, row: t.KnowledgeBase, topic: str, texts: Sequence[str]
) -> int:
    old = await knowledge.topic(row.id, topic)
    new = _new(texts, [old.value.question, *old.value.similar])
    form = TopicForm.model_validate(
        {**old.value.model_dump(), "similar": [*old.value.similar, *new]}
    )
    await knowledge.write_topic(row, Change(topic, old, form))
    return len(new)


async def _make_topic(
    knowledge: KnowledgeWriter, row: t.KnowledgeBase, wanted: Review, texts: Sequence[str]
) -> int:
    question = wanted.question or next(iter(texts), "")
    if not question:
        raise RefusedError("not_found", "none of these questions waits")
    form = TopicForm(question=question, similar=_new(texts, [question]), source="inbox")
    await knowledge.create_topic(row, wanted.topic, form)
    return 1 + len(form.similar)


async def _add_strangers(
    knowledge: KnowledgeWriter, row: t.KnowledgeBase, texts: Sequence[str]
) -> int:
    old = base_of(row).value
    new = _new(texts, old.strangers)
    changed = {**old.model_dump(), "strangers": [*old.strangers, *new]}
    await knowledge.update_base(row, type(old).model_validate(changed))
    return len(new)
