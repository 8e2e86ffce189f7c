"""The routes of a base as a whole: files in and out, checks, versions, and trying a question."""

from __future__ import annotations

import asyncio
import time
import zlib
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

import msgspec
from pydantic import BaseModel, ConfigDict

from bot.checking import Problem
from bot.knowledge import Base
from bot.tables import FileError, export_base
from infra.directory.writer import Writer
from infra.knowledge.forms import TopicForm, TreeForm
from infra.knowledge.rows import read_draft
from serve.admin import knowledge_forms as k
from serve.admin.access import Permission
from serve.admin.endpoints import BINARY, Answer, Call, DryRunError, Endpoint
from serve.admin.knowledge_parts import (
    OF_BASE,
    ONE,
    Number,
    ask,
    body_of,
    by_number,
    checked_draft,
    locked,
    paged,
    reader,
    shown_findings,
    shown_version,
)
from serve.admin.problems import Mistake, ProblemError
from serve.admin.row_routes import page_query
from serve.knowledge import jobs as j
from serve.knowledge.rolling import Roller
from serve.knowledge.store import read_base

VERSION = f"{ONE}/versions/{{number}}"
OF_VERSION = {**OF_BASE, "number": Number}
SHOWN_N = 500
"""Findings and bad rows that one answer tells."""


class ImportQuery(BaseModel):
    """`all_or_none`: one bad row refuses the file. `replace`: topics without a row in the file go.
    `dry_run`: say what would be done, and do nothing."""

    model_config = ConfigDict(extra="forbid")
    format: Literal["xlsx", "csv", "yaml"] = "xlsx"
    all_or_none: bool = False
    replace: bool = False
    dry_run: bool = False


class ExportQuery(BaseModel):
    """`what`: the draft, or the version that is live."""

    model_config = ConfigDict(extra="forbid")
    format: Literal["xlsx", "csv", "yaml"] = "xlsx"
    what: Literal["draft", "live"] = "draft"


class Taken(NamedTuple):
    """What a file holds, and its topics and categories as they are stored."""

    found: j.FileTopics
    forms: tuple[dict[str, TopicForm], TreeForm]


async def read_topics(call: Call) -> Taken:
    """Read the file, before anything is locked."""
    query = call.query
    known = [] if query.replace else await reader(call).topic_ids(call.org, call.path["base"])
    job = j.ReadFile(
        data=call.body,
        format=query.format,
        now=time.time(),
        all_or_none=query.all_or_none,
        known=known,
    )
    found = await ask(call, job, j.FileTopics)
    return Taken(found, await asyncio.to_thread(_forms, found))


def _forms(found: j.FileTopics) -> tuple[dict[str, TopicForm], TreeForm]:
    topics = {key: TopicForm.model_validate(one) for key, one in found.topics.items()}
    return topics, TreeForm.model_validate({"categories": found.categories})


async def import_file(call: Call, writer: Writer) -> Answer:
    """Write the topics of a file into the draft."""
    query, taken = call.query, call.body
    knowledge, row = await locked(call, writer)
    found, (topics, tree) = taken
    done = {"created": 0, "updated": 0, "deleted": 0}
    if not found.refused:
        done = await knowledge.import_topics(
            row, topics, tree, replace=query.replace, keep=found.left_out
        )
    answer = Answer(
        body=k.ImportRead(
            imported=not (found.refused or query.dry_run),
            **done,
            bad=[k.BadRowRead(number=b.number, reason=b.reason) for b in found.bad[:SHOWN_N]],
            findings=shown_findings(found.problems[:SHOWN_N]),
        )
    )
    if query.dry_run:
        raise DryRunError(answer)
    return answer


async def export_file(call: Call) -> Answer:
    """Return the topics as a file."""
    row = await reader(call).base(call.org, call.path["base"])
    if call.query.what == "live":
        if not row.live:
            raise ProblemError("not_found", "No version of this base is live.")
        version = await reader(call).version(call.org, row.id, row.live)
        base = await asyncio.to_thread(read_base, version.body)
    else:
        draft = await reader(call).draft(call.org, row.id)
        base = msgspec.json.decode(await asyncio.to_thread(body_of, draft), type=Base)
    try:
        data = await asyncio.to_thread(export_base, base, call.query.format)
    except FileError as error:
        mistake = Mistake(at="format", detail=str(error))
        raise ProblemError("invalid", "This format cannot hold it.", errors=[mistake]) from None
    return Answer(body=data, media=BINARY)


async def check_draft(call: Call) -> Answer:
    """Return what is wrong with the draft."""
    draft = await reader(call).draft(call.org, call.path["base"])
    _, problems = await checked_draft(call, draft)
    few = [one.topic for one in problems if one.code == "few_phrasings"]
    body = k.CheckRead(
        publishable=not _errors(problems),
        topics=len(draft.topics),
        few=few[:SHOWN_N],
        findings=shown_findings(problems[:SHOWN_N]),
    )
    return Answer(body=body)


async def weak_topics(call: Call) -> Answer:
    """Learn the draft, and name the topics that need more phrasings."""
    draft = await reader(call).draft(call.org, call.path["base"])
    body = await asyncio.to_thread(body_of, draft)
    weak = (await ask(call, j.FindWeak(body=body), j.Weak)).topics
    told = [k.WeakTopicRead(**msgspec.structs.asdict(one)) for one in weak[:SHOWN_N]]
    return Answer(body=k.WeakRead(total=len(weak), topics=told))


def _errors(problems: list[Problem]) -> list[Problem]:
    return [one for one in problems if one.severity == "error"]


async def publish(call: Call, writer: Writer) -> Answer:
    """Make the draft the live version."""
    knowledge, row = await locked(call, writer)
    draft = await read_draft(writer.session, writer.org, row.id)
    body, problems = await checked_draft(call, draft)
    refuse_errors(problems)
    await Roller(writer, row).end_others("the draft was published")
    version = await knowledge.publish(row, body, topics_n=len(draft.topics), note=call.body.note)
    knowledge.set_live(row, version.number)
    return Answer(body=shown_version(version, row.live), status=201)


def refuse_errors(problems: list[Problem]) -> None:
    """Refuse to publish what has errors.

    Raises:
        ProblemError: `invalid`.
    """
    errors = _errors(problems)
    if errors:
        mistakes = [
            Mistake(at=f"topics.{one.topic}", detail=f"{one.code}: {one.detail}")
            for one in errors[:SHOWN_N]
        ]
        raise ProblemError("invalid", "The draft has errors.", errors=mistakes)


async def list_versions(call: Call) -> Answer:
    """Return a page of versions, newest first."""
    row, limit = await reader(call).base(call.org, call.path["base"]), call.query.limit
    rows = await reader(call).versions(call.org, row.id, before=by_number(call), limit=limit + 1)
    items = [shown_version(one, row.live) for one in rows[:limit]]
    return paged(k.VersionPage, rows, items, limit, str(items[-1].number) if items else "")


async def read_version(call: Call) -> Answer:
    """Return a version without its topics."""
    row = await reader(call).base(call.org, call.path["base"])
    found = await reader(call).version(call.org, row.id, int(call.path["number"]))
    return Answer(body=shown_version(found, row.live))


async def restore(call: Call, writer: Writer) -> Answer:
    """Publish an earlier version again."""
    knowledge, row = await locked(call, writer)
    await Roller(writer, row).end_others("an earlier version was published")
    version = await knowledge.restore(row, int(call.path["number"]), call.body.note)
    return Answer(body=shown_version(version, row.live), status=201)


async def try_question(call: Call) -> Answer:
    """Answer a question, and say why."""
    form, row = call.body, await reader(call).base(call.org, call.path["base"])
    number = row.live if form.what == "live" else 0
    if number:
        version = await reader(call).version(call.org, row.id, number)
        body = zlib.decompress(version.body)
    elif form.what == "live":
        raise ProblemError("not_found", "No version of this base is live.")
    else:
        body = await asyncio.to_thread(body_of, await reader(call).draft(call.org, row.id))
    job = j.TryQuestion(
        body=body,
        version=number,
        question=form.question,
        now=time.time(),
        audience=form.audience,
    )
    tried = await ask(call, job, j.Tried)
    return Answer(body=k.SearchRead(version=number, decision=msgspec.to_builtins(tried.decision)))


def knowledge_file_endpoints() -> Iterator[Endpoint]:
    """Yield them."""
    base: dict[str, Any] = {"path_types": OF_BASE}
    publishing = Permission("knowledge-versions", "create")
    yield Endpoint(
        method="POST",
        path=f"{ONE}/import",
        permission=Permission("knowledge", "import"),
        summary="Write the topics of an xlsx, CSV or YAML file into the draft; report bad rows.",
        heavy=True,
        writes=import_file,
        prepares=read_topics,
        query=ImportQuery,
        has_body=True,
        takes=BINARY,
        answer=k.ImportRead,
        **base,
    )
    yield Endpoint(
        method="GET",
        path=f"{ONE}/export",
        permission=Permission("knowledge", "export"),
        summary="Export the topics as an xlsx, CSV or YAML file.",
        reads=export_file,
        query=ExportQuery,
        gives=BINARY,
        **base,
    )
    yield Endpoint(
        method="GET",
        path=f"{ONE}/check",
        permission=Permission("knowledge", "read"),
        summary="Check the draft: too few phrasings, cycles, duplicates, expired topics.",
        heavy=True,
        reads=check_draft,
        answer=k.CheckRead,
        **base,
    )
    yield Endpoint(
        method="GET",
        path=f"{ONE}/weak-topics",
        permission=Permission("knowledge", "read"),
        summary="Name the topics that need more phrasings: few, or not found by their own.",
        heavy=True,
        reads=weak_topics,
        answer=k.WeakRead,
        **base,
    )
    yield Endpoint(
        method="POST",
        path=f"{ONE}/versions",
        permission=publishing,
        summary="Publish the draft: it answers within seconds, everywhere.",
        heavy=True,
        writes=publish,
        body=k.PublishWrite,
        has_body=True,
        answer=k.VersionRead,
        status=201,
        **base,
    )
    yield Endpoint(
        method="GET",
        path=f"{ONE}/versions",
        permission=Permission("knowledge-versions", "read"),
        summary="List published versions, newest first.",
        reads=list_versions,
        query=page_query("KnowledgeVersion", {}),
        answer=k.VersionPage,
        **base,
    )
    yield Endpoint(
        method="GET",
        path=VERSION,
        permission=Permission("knowledge-versions", "read"),
        summary="Read a published version, without its topics.",
        reads=read_version,
        answer=k.VersionRead,
        path_types=OF_VERSION,
    )
    yield Endpoint(
        method="POST",
        path=f"{VERSION}/restore",
        permission=publishing,
        summary="Roll back: publish an earlier version again.",
        writes=restore,
        body=k.PublishWrite,
        has_body=True,
        answer=k.VersionRead,
        status=201,
        path_types=OF_VERSION,
    )
    yield Endpoint(
        method="POST",
        path=f"{ONE}/search-test",
        permission=Permission("knowledge", "read"),
        summary="Try a question: what the bot would say, and why.",
        heavy=True,
        reads=try_question,
        body=k.SearchWrite,
        has_body=True,
        answer=k.SearchRead,
        **base,
    )
