"""Edits knowledge bases inside one transaction of the directory: every edit leaves its history."""

from __future__ import annotations

import asyncio
import hashlib
import json
import zlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, insert, select, update

from infra.directory import audit
from infra.directory.declared import DeclarationError
from infra.directory.declared_rows import Row
from infra.directory.refusals import RefusedError
from infra.directory.rows import Stored
from infra.directory.writer import Writer
from infra.knowledge import tables as t
from infra.knowledge.forms import CATEGORIES_N, BaseForm, TopicForm, TreeForm, dumped
from infra.knowledge.rows import (
    COLUMNS,
    base_of,
    columns_of,
    find_base,
    find_topic,
    find_version,
    read_tree,
    topic_of,
)

RESOURCE = "knowledge"
PART_N = 250
"""Topics that are written at once: some milliseconds, in which a gateway does nothing else."""


@dataclass(frozen=True)
class Change:
    """One row that an import writes: what it was, what it becomes; None: not there."""

    id: str
    old: Stored | None
    new: TopicForm | None


@dataclass(frozen=True)
class Packed:
    """A version that is to be stored: the base compressed, its SHA-256, and what is noted."""

    body: bytes
    digest: str
    topics_n: int
    note: str
    restored: int


class KnowledgeWriter:
    """The draft of one organisation's bases, which nobody else changes before the transaction ends
    (`infra.directory.writer`). What was read must be given back unchanged to be written."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._session = writer.session
        self.org = writer.org

    async def base(self, base: str) -> t.KnowledgeBase:
        """Return a base's row, or refuse with `not_found`."""
        return await find_base(self._session, self.org, base)

    async def create_base(self, base: str, form: BaseForm) -> Stored:
        """Make an empty base.

        Raises:
            RefusedError: `exists`.
        """
        if await self._session.get(t.KnowledgeBase, {"org": self.org, "id": base}) is not None:
            raise RefusedError("exists", f"knowledge: there is {base!r} already")
        # After a removed one of the same id: nobody may take this for what was there.
        start = int(self._writer.now * 1000)
        row = t.KnowledgeBase(
            org=self.org,
            id=base,
            **_head(form),
            version=start,
            tree_version=start,
            revision=start,
            edits_n=0,
            generation=start,
            versions_n=0,
            live=0,
            candidate=0,
            stage="",
        )
        self._session.add(row)
        await self._session.flush()
        await self._edit(row, "base", base, None, form)
        row.version = row.revision
        return base_of(row)

    async def update_base(self, row: t.KnowledgeBase, form: BaseForm) -> Stored:
        """Replace a base's name and settings, which are live at once."""
        old = base_of(row)
        if old.value == form:
            return old
        for name, value in _head(form).items():
            setattr(row, name, value)
        await self._edit(row, "base", row.id, old.value, form)
        row.version = row.revision
        row.generation += 1
        return base_of(row)

    async def delete_base(self, row: t.KnowledgeBase) -> None:
        """Remove a base with its versions; the audit keeps what it was."""
        self._audit("delete", row.id, base_of(row).value, None)
        await self._session.delete(row)

    async def tree(self, row: t.KnowledgeBase) -> Stored:
        """Return the category tree."""
        tree = await read_tree(self._session, self.org, row.id)
        return Stored(row.id, tree, row.tree_version)

    async def put_tree(self, row: t.KnowledgeBase, tree: TreeForm) -> Stored:
        """Replace the category tree.

        Raises:
            RefusedError: `in_use`: topics are in a category that would go.
        """
        old = await read_tree(self._session, self.org, row.id)
        if old == tree:
            return Stored(row.id, tree, row.tree_version)
        gone = {one.id for one in old.categories} - {one.id for one in tree.categories}
        await self._check_unused(row.id, gone)
        await self._write_tree(row, tree)
        await self._edit(row, "tree", row.id, old, tree)
        row.tree_version = row.revision
        return Stored(row.id, tree, row.tree_version)

    async def topic(self, base: str, topic: str) -> Stored:
        """Return a topic, or refuse with `not_found`."""
        return topic_of(await find_topic(self._session, self.org, base, topic))

    async def has_topic(self, base: str, topic: str) -> bool:
        """Tell whether there is one."""
        key = {"org": self.org, "base": base, "id": topic}
        return await self._session.get(t.KnowledgeTopic, key) is not None

    async def create_topic(self, row: t.KnowledgeBase, topic: str, form: TopicForm) -> Stored:
        """Add a topic.

        Raises:
            RefusedError: `exists`.
        """
        if await self.has_topic(row.id, topic):
            raise RefusedError("exists", f"topics: there is {topic!r} already")
        return await self.write_topic(row, Change(topic, None, form))

    async def write_topic(self, row: t.KnowledgeBase, change: Change) -> Stored:
        """Write or (None) remove one topic; the same value again changes nothing."""
        old = change.old
        if old is not None and old.value == change.new:
            return old
        await self._write(row, [change])
        action = "create" if old is None else "delete" if change.new is None else "update"
        past = None if old is None else old.value
        self._audit(action, f"{row.id}/{change.id}", past, change.new)
        return Stored(change.id, change.new, row.revision)

    async def import_topics(
        self,
        row: t.KnowledgeBase,
        topics: Mapping[str, TopicForm],
        tree: TreeForm,
        *,
        replace: bool,
        keep: Collection[str] = (),
    ) -> dict[str, int]:
        """Write many topics at once, and add the categories that they name.

        Args:
            replace: topics that are not among them are removed.
            keep: ids of those that stay all the same.

        Returns:
            action -> how many topics.
        """
        present = await self._present(row.id)
        changes = await _differing(present, topics)
        if replace:
            staying = {*topics, *keep}
            gone = [key for key in present if key not in staying]
            changes += [Change(key, present[key], None) for key in gone]
        await self._add_categories(row, tree)
        await self._write(row, changes)
        done = {
            "created": sum(one.old is None for one in changes),
            "updated": sum(one.old is not None and one.new is not None for one in changes),
            "deleted": sum(one.new is None for one in changes),
        }
        act = audit.Act(action="import", resource=RESOURCE, row=row.id, after=done)
        self._writer.act(act)
        return done

    async def publish(
        self,
        row: t.KnowledgeBase,
        body: bytes,
        *,
        topics_n: int,
        note: str = "",
        restored: int = 0,
    ) -> t.KnowledgeVersion:
        """Store the next version. It is not live before `set_live` says so.

        Args:
            body: the base as JSON.
            restored: the version that it repeats, 0 for new content.
        """
        digest, packed = await asyncio.to_thread(_packed, body)
        made = Packed(packed, digest, topics_n, note, restored)
        return await self._publish(row, made)

    async def _publish(self, row: t.KnowledgeBase, packed: Packed) -> t.KnowledgeVersion:
        row.versions_n += 1
        version = t.KnowledgeVersion(
            org=self.org,
            base=row.id,
            number=row.versions_n,
            at=self._writer.now,
            actor=self._writer.by.subject,
            note=packed.note,
            restored=packed.restored,
            topics_n=packed.topics_n,
            digest=packed.digest,
            body=packed.body,
        )
        self._session.add(version)
        await self._session.flush()
        made = {"version": version.number, "restored": version.restored, "digest": version.digest}
        self._writer.act(audit.Act(action="publish", resource=RESOURCE, row=row.id, after=made))
        return version

    async def restore(
        self, row: t.KnowledgeBase, number: int, note: str = ""
    ) -> t.KnowledgeVersion:
        """Store an earlier version's content as the next one and make it live.

        Raises:
            RefusedError: `not_found`.
        """
        old = await find_version(self._session, self.org, row.id, number)
        again = Packed(old.body, old.digest, old.topics_n, note, number)
        version = await self._publish(row, again)
        self.set_live(row, version.number)
        return version

    def set_live(self, row: t.KnowledgeBase, number: int) -> None:
        """Make a version the one that answers; nothing is on trial after it."""
        row.live, row.candidate, row.stage = number, 0, ""
        row.generation += 1

    def set_candidate(self, row: t.KnowledgeBase, number: int, stage: str) -> None:
        """Put a version on trial beside the live one (0: none)."""
        row.candidate, row.stage = number, stage
        row.generation += 1

    async def _present(self, base: str) -> dict[str, Stored]:
        """Return all topics, in parts: chats go on between them."""
        table = t.KnowledgeTopic
        columns = [getattr(table, name) for name in ("id", "version", "similar", *COLUMNS)]
        wanted = select(*columns).where(table.org == self.org, table.base == base)
        found: dict[str, Stored] = {}
        rows = await self._session.stream(wanted.execution_options(yield_per=PART_N))
        async for part in rows.partitions(PART_N):
            found.update((one.id, topic_of(one)) for one in part)
            await asyncio.sleep(0)
        return found

    async def _write(self, row: t.KnowledgeBase, changes: Sequence[Change]) -> None:
        """Write topics and their history, in few statements and in parts."""
        for start in range(0, len(changes), PART_N):
            await self._write_part(row, changes[start : start + PART_N])
            await asyncio.sleep(0)

    async def _write_part(self, row: t.KnowledgeBase, changes: Sequence[Change]) -> None:
        table = t.KnowledgeTopic
        edits: list[dict[str, Any]] = []
        added: list[dict[str, Any]] = []
        for one in changes:
            old = None if one.old is None else one.old.value
            edits.append(self._note(row, "topic", one.id, old, one.new))
            same = (table.org == self.org) & (table.base == row.id) & (table.id == one.id)
            if one.new is None:
                await self._session.execute(delete(table).where(same))
                continue
            values = {**columns_of(one.new), "version": row.revision}
            if one.old is None:
                added.append({"org": self.org, "base": row.id, "id": one.id, **values})
            else:
                await self._session.execute(update(table).where(same).values(values))
        if added:
            await self._session.execute(insert(table), added)
        await self._session.execute(insert(t.KnowledgeEdit), edits)

    async def _edit(
        self, row: t.KnowledgeBase, kind: str, key: str, old: Row | None, new: Row | None
    ) -> None:
        """Count an edit, note it, and tell the audit."""
        edit = self._note(row, kind, key, old, new)
        await self._session.execute(insert(t.KnowledgeEdit), [edit])
        self._audit(edit["action"], key if kind == "base" else f"{key} ({kind})", old, new)

    def _note(
        self, row: t.KnowledgeBase, kind: str, key: str, old: Row | None, new: Row | None
    ) -> dict[str, Any]:
        """Count an edit and return its row."""
        row.revision = max(row.revision + 1, int(self._writer.now * 1000))
        row.edits_n += 1
        return {
            "org": self.org,
            "base": row.id,
            "number": row.edits_n,
            "kind": kind,
            "row": key,
            "action": "create" if old is None else "delete" if new is None else "update",
            "at": self._writer.now,
            "actor": self._writer.by.subject,
            "before": _json(old),
            "after": _json(new),
        }

    def _audit(self, action: str, key: str, old: Row | None, new: Row | None) -> None:
        self._writer.act(
            audit.Act(
                action=action, resource=RESOURCE, row=key, before=dumped(old), after=dumped(new)
            )
        )

    async def _check_unused(self, base: str, gone: set[str]) -> None:
        table = t.KnowledgeTopic
        used = select(table.category).where(table.org == self.org, table.base == base).distinct()
        for category in await self._session.scalars(used):
            if category in gone:
                raise RefusedError("in_use", f"topics are in the category {category!r}")

    async def _write_tree(self, row: t.KnowledgeBase, tree: TreeForm) -> None:
        table = t.KnowledgeCategory
        mine = (table.org == self.org) & (table.base == row.id)
        await self._session.execute(delete(table).where(mine))
        rows = [
            {"org": self.org, "base": row.id, "position": n, **one.model_dump()}
            for n, one in enumerate(tree.categories)
        ]
        if rows:
            await self._session.execute(insert(table), rows)

    async def _add_categories(self, row: t.KnowledgeBase, tree: TreeForm) -> None:
        old = await read_tree(self._session, self.org, row.id)
        known = {one.id for one in old.categories}
        added = [one for one in tree.categories if one.id not in known]
        if len(known) + len(added) > CATEGORIES_N:
            raise DeclarationError(f"a base has at most {CATEGORIES_N} categories")
        if added:
            await self.put_tree(row, TreeForm(categories=[*old.categories, *added]))


def _head(form: BaseForm) -> dict[str, Any]:
    return {
        "name": form.name,
        "settings": form.settings.model_dump(mode="json", exclude_defaults=True),
        "strangers": "\n".join(form.strangers),
    }


async def _differing(
    present: Mapping[str, Stored], topics: Mapping[str, TopicForm]
) -> list[Change]:
    """Return what is new or changed, looked for in parts."""
    found, keys = list[Change](), list(topics)
    for start in range(0, len(keys), PART_N):
        for key in keys[start : start + PART_N]:
            old = present.get(key)
            if old is None or old.value != topics[key]:
                found.append(Change(key, old, topics[key]))
        await asyncio.sleep(0)
    return found


def _packed(body: bytes) -> tuple[str, bytes]:
    return hashlib.sha256(body).hexdigest(), zlib.compress(body, 6)


def _json(form: Row | None) -> str:
    return "" if form is None else json.dumps(dumped(form), ensure_ascii=False)
