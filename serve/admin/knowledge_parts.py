"""What the routes of knowledge bases share: reading, writing, showing."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterable
from typing import Annotated, Any

import msgspec
import structlog
from pydantic import Field

from bot.checking import Problem, check
from bot.knowledge import Base
from infra.directory.declared_rows import Id
from infra.directory.rows import Stored
from infra.directory.writer import Writer
from infra.knowledge import tables as t
from infra.knowledge.rows import Draft, KnowledgeReader, base_of
from infra.knowledge.writer import KnowledgeWriter
from serve.admin import knowledge_forms as k
from serve.admin.endpoints import Answer, Call
from serve.admin.problems import Mistake, ProblemError
from serve.admin.reading import cursor_of, read_cursor
from serve.knowledge import jobs as j
from serve.knowledge.workshop import JobRefusedError, R, WorkshopError

log = structlog.get_logger()

BASES = "/knowledge/bases"
ONE = f"{BASES}/{{base}}"
OF_BASE: dict[str, Any] = {"base": Id}
Number = Annotated[str, Field(pattern=r"^[1-9][0-9]{0,8}$")]
"""Of a version or a roll-out, in a path."""
CHECKED_HERE_N = 100
"""Topics that are checked at once; more are a job of their own."""
Before = Annotated[int, Field(ge=1, le=2**53)]


def reader(call: Call) -> KnowledgeReader:
    """Return what reads the caller's bases."""
    return KnowledgeReader(call.directory.engine)


async def ask(call: Call, job: j.Job, kind: type[R]) -> R:
    """Return what the workshop made of a job.

    Raises:
        ProblemError: `invalid`, what was given cannot be used; `overloaded`.
    """
    try:
        return await call.workshop.ask(job, kind)
    except JobRefusedError as error:
        mistake = Mistake(at="", detail=str(error))
        raise ProblemError("invalid", "This cannot be used.", errors=[mistake]) from None
    except WorkshopError as error:
        log.warning("workshop.failed", error=str(error))
        raise ProblemError("overloaded", "Much is being worked on: try again.") from None


async def locked(call: Call, writer: Writer) -> tuple[KnowledgeWriter, t.KnowledgeBase]:
    """Return what writes, and the base of the path."""
    knowledge = KnowledgeWriter(writer)
    return knowledge, await knowledge.base(call.path["base"])


def plain(form: type[Any], given: Any) -> Any:
    """Return the stored form of what was given, without what only the API has."""
    return form(**{name: getattr(given, name) for name in form.model_fields})


def shown_base(row: t.KnowledgeBase) -> k.KnowledgeBaseRead:
    """Return a base as it is read."""
    stored = base_of(row)
    return k.KnowledgeBaseRead(
        **{name: getattr(stored.value, name) for name in type(stored.value).model_fields},
        id=row.id,
        version=row.version,
        live=row.live,
        candidate=row.candidate,
        stage=row.stage,
        versions=row.versions_n,
        edited=row.revision,
    )


def shown_topic(row: Stored) -> k.TopicRead:
    """Return a topic as it is read."""
    content = {name: getattr(row.value, name) for name in type(row.value).model_fields}
    return k.TopicRead(**{**content, "id": row.id, "version": row.version})


def shown_version(row: t.KnowledgeVersion, live: int) -> k.VersionRead:
    """Return a version as it is read."""
    return k.VersionRead(
        number=row.number,
        at=row.at,
        by=row.actor,
        note=row.note,
        restored=row.restored,
        topics=row.topics_n,
        digest=row.digest,
        live=row.number == live,
    )


def shown_findings(problems: Iterable[Problem]) -> list[k.FindingRead]:
    """Return what was found wrong as it is read."""
    return [k.FindingRead(**msgspec.structs.asdict(one)) for one in problems]


def loads(text: str) -> dict[str, Any] | None:
    """Return the JSON of an edit, None for none."""
    return None if not text else json.loads(text)


def body_of(draft: Draft) -> bytes:
    """Return a draft as the body of a version."""
    return msgspec.json.encode(draft.content())


async def checked_draft(call: Call, draft: Draft) -> tuple[bytes, list[Problem]]:
    """Return a draft as the body of a version, and what is wrong with it."""
    body = await asyncio.to_thread(body_of, draft)
    now = time.time()
    if len(draft.topics) <= CHECKED_HERE_N:
        return body, check(msgspec.json.decode(body, type=Base), now)
    found = await ask(call, j.CheckBase(body=body, now=now), j.Problems)
    return body, found.problems


def by_number(call: Call) -> int:
    """Return the number before which a page begins, 0 for the newest."""
    return read_cursor(call.query.cursor, Before) or 0


def paged(form: type[Any], rows: list[Any], items: list[Any], limit: int, last: str) -> Answer:
    """Return a page of `items`, the first `limit` of `rows`; `last` ends it."""
    following = cursor_of(last) if len(rows) > limit else None
    return Answer(body=form(items=items, next=following))
