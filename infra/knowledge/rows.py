"""Reads knowledge bases: between the forms and the tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from infra.directory.refusals import RefusedError, no_row
from infra.directory.rows import Stored
from infra.knowledge import tables as t
from infra.knowledge.forms import BaseForm, CategoryForm, SettingsForm, TopicForm, TreeForm

PLAIN = ("question", "category", "answers", "related", "valid_from", "valid_until", "enabled")
COLUMNS = (*PLAIN, "source", "hot")


@dataclass(frozen=True)
class Draft:
    """A base as it is being edited, whole. `topics` are rows as stored: 12,000 of them are not
    made into forms on the event loop that chats share."""

    row: t.KnowledgeBase
    topics: Sequence[Any]
    tree: TreeForm

    def content(self) -> dict[str, Any]:
        """Return it as `bot.knowledge.Base` is written in JSON."""
        return {
            "id": self.row.id,
            "name": self.row.name,
            "org": self.row.org,
            "topics": [
                {**dict(one._mapping), "similar": lines(one.similar)}  # noqa: SLF001  # public API
                for one in self.topics
            ],
            "categories": [one.model_dump(mode="json") for one in self.tree.categories],
            "strangers": lines(self.row.strangers),
        }


def lines(text: str) -> list[str]:
    """Return the questions of a text that has one a line."""
    return text.split("\n") if text else []


def base_of(row: t.KnowledgeBase) -> Stored:
    """Return a base without its topics."""
    form = BaseForm(
        name=row.name,
        settings=SettingsForm.model_validate(row.settings),
        strangers=lines(row.strangers),
    )
    return Stored(row.id, form, row.version)


def topic_of(row: Any) -> Stored:
    """Return a topic of its row, or of the columns."""
    content = {name: getattr(row, name) for name in COLUMNS}
    form = TopicForm.model_validate({**content, "similar": lines(row.similar)})
    return Stored(row.id, form, row.version)


def columns_of(form: TopicForm) -> dict[str, Any]:
    """Return a topic's columns."""
    content = form.model_dump(mode="json", include=set(COLUMNS))
    answers = [one.model_dump(mode="json", exclude_defaults=True) for one in form.answers]
    return {**content, "answers": answers, "similar": "\n".join(form.similar)}


async def find_base(session: AsyncSession, org: str, base: str) -> t.KnowledgeBase:
    """Return a base's row.

    Raises:
        RefusedError: `not_found`.
    """
    row = await session.get(t.KnowledgeBase, {"org": org, "id": base})
    if row is None:
        raise no_row("knowledge", base)
    return row


async def find_topic(session: AsyncSession, org: str, base: str, topic: str) -> t.KnowledgeTopic:
    """Return a topic's row.

    Raises:
        RefusedError: `not_found`.
    """
    row = await session.get(t.KnowledgeTopic, {"org": org, "base": base, "id": topic})
    if row is None:
        raise no_row("topics", topic)
    return row


async def find_version(
    session: AsyncSession, org: str, base: str, number: int
) -> t.KnowledgeVersion:
    """Return a published version.

    Raises:
        RefusedError: `not_found`.
    """
    row = await session.get(t.KnowledgeVersion, {"org": org, "base": base, "number": number})
    if row is None:
        raise RefusedError("not_found", f"there is no version {number}")
    return row


async def read_tree(session: AsyncSession, org: str, base: str) -> TreeForm:
    """Return the category tree, in order."""
    table = t.KnowledgeCategory
    wanted = select(table).where(table.org == org, table.base == base).order_by(table.position)
    rows = await session.scalars(wanted)
    return TreeForm(
        categories=[CategoryForm(id=one.id, name=one.name, parent=one.parent) for one in rows]
    )


async def read_draft(session: AsyncSession, org: str, base: str) -> Draft:
    """Return the whole base.

    Raises:
        RefusedError: `not_found`.
    """
    row, table = await find_base(session, org, base), t.KnowledgeTopic
    columns = [getattr(table, name) for name in ("id", "similar", *COLUMNS)]
    wanted = select(*columns).where(table.org == org, table.base == base).order_by(table.id)
    topics = (await session.execute(wanted)).all()
    return Draft(row, topics, await read_tree(session, org, base))


TOPIC_FILTERS: Mapping[str, Any] = {
    "q": lambda value: or_(
        *(
            column.icontains(value, autoescape=True)
            for column in (t.KnowledgeTopic.question, t.KnowledgeTopic.similar, t.KnowledgeTopic.id)
        )
    ),
    "category": lambda value: t.KnowledgeTopic.category == value,
    "enabled": lambda value: t.KnowledgeTopic.enabled == value,
    "source": lambda value: t.KnowledgeTopic.source == value,
    "hot": lambda value: (t.KnowledgeTopic.hot > 0) == value,
}


class KnowledgeReader:
    """Reads the drafts, their history and their versions. Lists go by ascending id, or from the
    newest number down."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def bases(self, org: str, *, after: str = "", limit: int = 100) -> list[t.KnowledgeBase]:
        """Return bases from the first after `after`."""
        table = t.KnowledgeBase
        wanted = select(table).where(table.org == org, table.id > after).order_by(table.id)
        return await self._all(wanted.limit(limit))

    async def base(self, org: str, base: str) -> t.KnowledgeBase:
        """Return one, or refuse with `not_found`."""
        async with AsyncSession(self._engine) as session:
            return await find_base(session, org, base)

    async def tree(self, org: str, base: str) -> Stored:
        """Return the category tree."""
        async with AsyncSession(self._engine) as session:
            row = await find_base(session, org, base)
            return Stored(base, await read_tree(session, org, base), row.tree_version)

    async def topics(
        self, org: str, base: str, *, after: str = "", limit: int = 100, filters: Mapping[str, Any]
    ) -> list[Stored]:
        """Return topics from the first after `after`; refuse with `not_found` without the base."""
        table = t.KnowledgeTopic
        where: list[ColumnElement[bool]] = [TOPIC_FILTERS[n](value) for n, value in filters.items()]
        wanted = select(table).where(table.org == org, table.base == base, *where)
        if after:
            wanted = wanted.where(table.id > after)
        async with AsyncSession(self._engine) as session:
            await find_base(session, org, base)
            rows = await session.scalars(wanted.order_by(table.id).limit(limit))
            return [topic_of(one) for one in rows]

    async def topic(self, org: str, base: str, topic: str) -> Stored:
        """Return one, or refuse with `not_found`."""
        async with AsyncSession(self._engine) as session:
            return topic_of(await find_topic(session, org, base, topic))

    async def edits(
        self, org: str, base: str, kind: str, row: str, *, before: int, limit: int
    ) -> list[t.KnowledgeEdit]:
        """Return the history of a row, newest first, from before that number (0: all)."""
        table = t.KnowledgeEdit
        wanted = select(table).where(table.org == org, table.base == base)
        wanted = wanted.where(table.kind == kind, table.row == row)
        if before:
            wanted = wanted.where(table.number < before)
        return await self._all(wanted.order_by(table.number.desc()).limit(limit))

    async def versions(
        self, org: str, base: str, *, before: int, limit: int
    ) -> list[t.KnowledgeVersion]:
        """Return versions, newest first, from before that number (0: all)."""
        table = t.KnowledgeVersion
        wanted = select(table).where(table.org == org, table.base == base)
        if before:
            wanted = wanted.where(table.number < before)
        return await self._all(wanted.order_by(table.number.desc()).limit(limit))

    async def version(self, org: str, base: str, number: int) -> t.KnowledgeVersion:
        """Return one, or refuse with `not_found`."""
        async with AsyncSession(self._engine) as session:
            return await find_version(session, org, base, number)

    async def topic_ids(self, org: str, base: str) -> list[str]:
        """Return the ids of all topics of a base; none of a base that is not there."""
        table = t.KnowledgeTopic
        return await self._all(select(table.id).where(table.org == org, table.base == base))

    async def draft(self, org: str, base: str) -> Draft:
        """Return the whole base, or refuse with `not_found`."""
        async with AsyncSession(self._engine) as session:
            return await read_draft(session, org, base)

    async def _all(self, wanted: Any) -> list[Any]:
        async with AsyncSession(self._engine) as session:
            return list(await session.scalars(wanted))
