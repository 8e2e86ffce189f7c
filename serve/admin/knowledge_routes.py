"""The routes of knowledge bases: their settings and topics."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import msgspec

from bot.handoff import HandoffRules
from infra.directory import declared_rows as d
from infra.directory.rows import Stored
from infra.directory.writer import Writer
from infra.knowledge.forms import BaseForm, TopicForm
from infra.knowledge.rows import base_of
from infra.knowledge.writer import Change, KnowledgeWriter
from serve.admin import knowledge_forms as k
from serve.admin.access import Permission
from serve.admin.endpoints import MERGE_PATCH, Answer, Call, Endpoint
from serve.admin.knowledge_parts import (
    BASES,
    OF_BASE,
    ONE,
    by_number,
    loads,
    locked,
    paged,
    plain,
    reader,
    shown_base,
    shown_topic,
)
from serve.admin.problems import Mistake, ProblemError
from serve.admin.reading import check_version, cursor_of, merged, parse_form, read_cursor
from serve.admin.row_routes import BASE, page_query

TOPICS, TOPIC = f"{ONE}/topics", f"{ONE}/topics/{{topic}}"
OF_TOPIC = {**OF_BASE, "topic": d.Id}
TopicQuery = page_query(
    "Topic",
    {
        "q": d.Short,
        "category": d.Short,
        "source": d.Short,
        "enabled": bool,
        "hot": bool,
    },
)
_FILTERS = ("q", "category", "source", "enabled", "hot")


async def list_bases(call: Call) -> Answer:
    """Return a page of bases."""
    query = call.query
    after = read_cursor(query.cursor, d.Id) or ""
    rows = await reader(call).bases(call.org, after=after, limit=query.limit + 1)
    items = [shown_base(row) for row in rows[: query.limit]]
    last = cursor_of(items[-1].id) if len(rows) > query.limit else None
    return Answer(body=k.KnowledgeBasePage(items=items, next=last))


async def create_base(call: Call, writer: Writer) -> Answer:
    """Make an empty base."""
    knowledge, form = KnowledgeWriter(writer), call.body
    await knowledge.create_base(form.id, _checked(form))
    place = f"{BASE}{BASES}/{quote(form.id, safe='')}"
    row = await knowledge.base(form.id)
    return Answer(body=shown_base(row), status=201, etag=row.version, location=place)


async def read_base(call: Call) -> Answer:
    """Return a base without its topics."""
    row = await reader(call).base(call.org, call.path["base"])
    return Answer(body=shown_base(row), etag=row.version)


async def replace_base(call: Call, writer: Writer) -> Answer:
    """Replace a base's name and settings."""
    return await _update_base(call, writer, call.body)


async def patch_base(call: Call, writer: Writer) -> Answer:
    """Change those that the patch names."""
    _, row = await locked(call, writer)
    whole = merged(base_of(row).value.model_dump(mode="json"), call.body)
    form = parse_form(json.dumps(whole), k.KnowledgeBaseWrite)
    return await _update_base(call, writer, form)


async def _update_base(call: Call, writer: Writer, form: Any) -> Answer:
    knowledge, row = await locked(call, writer)
    check_version(call.if_match, row.version)
    await knowledge.update_base(row, _checked(form))
    return Answer(body=shown_base(row), etag=row.version)


async def delete_base(call: Call, writer: Writer) -> Answer:
    """Remove a base with its versions."""
    knowledge, row = await locked(call, writer)
    check_version(call.if_match, row.version)
    await knowledge.delete_base(row)
    return Answer(status=204)


async def list_topics(call: Call) -> Answer:
    """Return a page of topics."""
    query = call.query
    rows = await reader(call).topics(
        call.org,
        call.path["base"],
        after=read_cursor(query.cursor, d.Id) or "",
        limit=query.limit + 1,
        filters={n: getattr(query, n) for n in _FILTERS if getattr(query, n) is not None},
    )
    items = [shown_topic(row) for row in rows[: query.limit]]
    return paged(k.TopicPage, rows, items, query.limit, items[-1].id if items else "")


async def create_topic(call: Call, writer: Writer) -> Answer:
    """Add a topic to the draft; one without an id gets one."""
    knowledge, row = await locked(call, writer)
    key = call.body.id or secrets.token_hex(10)
    made = await knowledge.create_topic(row, key, plain(TopicForm, call.body))
    place = f"{BASE}{BASES}/{quote(row.id, safe='')}/topics/{quote(key, safe='')}"
    return Answer(body=shown_topic(made), status=201, etag=made.version, location=place)


async def read_topic(call: Call) -> Answer:
    """Return a topic of the draft."""
    row = await reader(call).topic(call.org, call.path["base"], call.path["topic"])
    return Answer(body=shown_topic(row), etag=row.version)


async def replace_topic(call: Call, writer: Writer) -> Answer:
    """Replace a topic."""
    return await _write_topic(call, writer, lambda _: call.body)


async def patch_topic(call: Call, writer: Writer) -> Answer:
    """Change the parts of a topic that the patch names."""

    def changed(old: Stored) -> Any:
        whole = merged(old.value.model_dump(mode="json"), call.body)
        return parse_form(json.dumps(whole), k.TopicWrite)

    return await _write_topic(call, writer, changed)


async def delete_topic(call: Call, writer: Writer) -> Answer:
    """Remove a topic from the draft."""
    await _write_topic(call, writer, lambda _: None)
    return Answer(status=204)


async def _write_topic(call: Call, writer: Writer, change: Any) -> Answer:
    knowledge, row = await locked(call, writer)
    old = await knowledge.topic(row.id, call.path["topic"])
    check_version(call.if_match, old.version)
    form = change(old)
    new = None if form is None else plain(TopicForm, form)
    made = await knowledge.write_topic(row, Change(old.id, old, new))
    return Answer(body=None if new is None else shown_topic(made), etag=made.version)


async def topic_history(call: Call) -> Answer:
    """Return a page of a topic's edits, newest first; also of one that is gone."""
    await reader(call).base(call.org, call.path["base"])
    rows = await reader(call).edits(
        call.org,
        call.path["base"],
        "topic",
        call.path["topic"],
        before=by_number(call),
        limit=call.query.limit + 1,
    )
    items = [
        k.EditRead(
            **{name: getattr(row, name) for name in ("number", "action", "at", "actor")},
            before=loads(row.before),
            after=loads(row.after),
        )
        for row in rows[: call.query.limit]
    ]
    last = str(items[-1].number) if items else ""
    return paged(k.EditPage, rows, items, call.query.limit, last)


def _checked(given: Any) -> BaseForm:
    """Return the stored form of a base whose hand-off rules a bot can read.

    Raises:
        ProblemError: `invalid`.
    """
    form: BaseForm = plain(BaseForm, given)
    rules = form.settings.handoff
    try:
        msgspec.convert(rules, HandoffRules)
        told = ", ".join(sorted(set(rules) - set(HandoffRules.__struct_fields__)))
    except msgspec.ValidationError as error:
        told = str(error)
    if told:
        mistake = Mistake(at="settings.handoff", detail=told)
        raise ProblemError("invalid", "A bot could not read these rules.", errors=[mistake])
    return form


def knowledge_endpoints() -> Iterator[Endpoint]:
    """Yield them."""
    yield from _bases()
    yield from _topics()


def _bases() -> Iterator[Endpoint]:
    one: dict[str, Any] = {"path": ONE, "path_types": OF_BASE}
    read: dict[str, Any] = {"answer": k.KnowledgeBaseRead, "etag": True}
    change: dict[str, Any] = {**one, **read, "precondition": True, "has_body": True}
    yield Endpoint(
        method="GET",
        path=BASES,
        permission=Permission("knowledge", "read"),
        summary="List knowledge bases by id.",
        reads=list_bases,
        query=page_query("KnowledgeBase", {}),
        answer=k.KnowledgeBasePage,
    )
    yield Endpoint(
        method="POST",
        path=BASES,
        permission=Permission("knowledge", "create"),
        summary="Make an empty knowledge base.",
        writes=create_base,
        body=k.KnowledgeBaseCreate,
        has_body=True,
        status=201,
        refuses=("exists",),
        **read,
    )
    yield Endpoint(
        method="GET",
        permission=Permission("knowledge", "read"),
        summary="Read a base: its settings, and what is live.",
        reads=read_base,
        **one,
        **read,
    )
    yield Endpoint(
        method="PUT",
        permission=Permission("knowledge", "update"),
        summary="Replace a base's name and settings, which are live at once.",
        writes=replace_base,
        body=k.KnowledgeBaseWrite,
        **change,
    )
    yield Endpoint(
        method="PATCH",
        permission=Permission("knowledge", "update"),
        summary="Change some of a base's settings (RFC 7396), live at once.",
        writes=patch_base,
        body=k.KnowledgeBaseWrite,
        takes=MERGE_PATCH,
        **change,
    )
    yield Endpoint(
        method="DELETE",
        permission=Permission("knowledge", "delete"),
        summary="Remove a base with its versions; it stops answering.",
        writes=delete_base,
        status=204,
        precondition=True,
        **one,
    )


def _topics() -> Iterator[Endpoint]:
    one: dict[str, Any] = {"path": TOPIC, "path_types": OF_TOPIC}
    read: dict[str, Any] = {"answer": k.TopicRead, "etag": True}
    change: dict[str, Any] = {
        **one,
        **read,
        "permission": Permission("knowledge", "update"),
        "body": k.TopicWrite,
        "has_body": True,
        "precondition": True,
    }
    yield Endpoint(
        method="GET",
        path=TOPICS,
        permission=Permission("knowledge", "read"),
        summary="List topics of the draft by id; `q` searches questions, `hot` those of the hello.",
        reads=list_topics,
        query=TopicQuery,
        answer=k.TopicPage,
        path_types=OF_BASE,
    )
    yield Endpoint(
        method="POST",
        path=TOPICS,
        permission=Permission("knowledge", "create"),
        summary="Add a topic to the draft.",
        writes=create_topic,
        body=k.TopicCreate,
        has_body=True,
        status=201,
        refuses=("exists",),
        path_types=OF_BASE,
        **read,
    )
    yield Endpoint(
        method="GET",
        permission=Permission("knowledge", "read"),
        summary="Read a topic of the draft.",
        reads=read_topic,
        **one,
        **read,
    )
    yield Endpoint(
        method="PUT", summary="Replace a topic of the draft.", writes=replace_topic, **change
    )
    yield Endpoint(
        method="PATCH",
        summary="Change some of a topic of the draft (RFC 7396).",
        writes=patch_topic,
        takes=MERGE_PATCH,
        **change,
    )
    yield Endpoint(
        method="DELETE",
        permission=Permission("knowledge", "delete"),
        summary="Remove a topic from the draft.",
        writes=delete_topic,
        status=204,
        precondition=True,
        **one,
    )
    yield Endpoint(
        method="GET",
        path=f"{TOPIC}/history",
        permission=Permission("knowledge", "read"),
        summary="List a topic's edits, newest first: who, when, what it was before.",
        reads=topic_history,
        query=page_query("TopicHistory", {}),
        answer=k.EditPage,
        path_types=OF_TOPIC,
    )
