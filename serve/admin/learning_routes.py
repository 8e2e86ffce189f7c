"""The routes of the learning loop: the inbox, training and roll-outs, and the report."""

from __future__ import annotations

import datetime as dt
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from bot import rollout as r
from infra.directory import declared_rows as d
from infra.directory.writer import Writer
from infra.knowledge import tables as t
from infra.knowledge.inbox import MAX_WAITING, read_waiting
from infra.knowledge.report import Report, Window, read_report
from infra.knowledge.rollouts import find_rollout, list_rollouts
from serve.admin import knowledge_forms as k
from serve.admin.access import Permission
from serve.admin.endpoints import Answer, Call, Endpoint
from serve.admin.knowledge_parts import (
    OF_BASE,
    ONE,
    Number,
    ask,
    by_number,
    locked,
    paged,
    reader,
)
from serve.admin.problems import ProblemError
from serve.admin.row_routes import page_query
from serve.knowledge import jobs as j
from serve.knowledge.reviewing import Review, review
from serve.knowledge.rolling import Roller, read_state

CLUSTERS_N, SHOWN_N = 100, 50
"""Clusters that one answer has, and questions of each."""
DAY_S = 24 * 3600.0
DAYS_N = 366
ROLLOUTS = f"{ONE}/rollouts"
ROLLOUT = f"{ROLLOUTS}/{{number}}"
OF_ROLLOUT = {**OF_BASE, "number": Number}


class InboxQuery(BaseModel):
    """`newest`: how many of the newest questions to look at."""

    model_config = ConfigDict(extra="forbid")
    newest: Annotated[int, Field(ge=1, le=MAX_WAITING)] = 2000


class ReportQuery(BaseModel):
    """From the beginning of `from_day` to the end of `until_day` (default: the last 30 days), of
    one base or of all. `offset_minutes`: where days begin, east of Greenwich."""

    model_config = ConfigDict(extra="forbid")
    from_day: dt.date | None = None
    until_day: dt.date | None = None
    base: d.Id | None = None
    offset_minutes: Annotated[int, Field(ge=-720, le=840)] = 480


async def read_inbox(call: Call) -> Answer:
    """Return the questions that wait, clustered."""
    row = await reader(call).base(call.org, call.path["base"])
    waiting, rows = await read_waiting(call.directory.engine, call.org, row.id, call.query.newest)
    groups = [[0]] if rows else []
    if len(rows) > 1:
        texts = j.ClusterTexts(texts=[one.text for one in rows])
        groups = (await ask(call, texts, j.Clusters)).clusters
    clusters = [_cluster([rows[n] for n in group]) for group in groups[:CLUSTERS_N]]
    return Answer(body=k.InboxRead(waiting=waiting, clustered=len(rows), clusters=clusters))


def _cluster(rows: Sequence[Any]) -> k.ClusterRead:
    topics = Counter(one.used or one.topic for one in rows if one.used or one.topic)
    return k.ClusterRead(
        name=rows[0].text,
        size=len(rows),
        topic=topics.most_common(1)[0][0] if topics else "",
        questions=[_question(one) for one in rows[:SHOWN_N]],
    )


def _question(row: Any) -> k.InboxQuestion:
    plain = ("id", "text", "band", "topic", "probability", "rating", "handoff", "used")
    return k.InboxQuestion(**{name: getattr(row, name) for name in plain}, at=row.at_ms / 1000)


async def review_questions(call: Call, writer: Writer) -> Answer:
    """Put questions into the draft, or out of the way."""
    knowledge, row = await locked(call, writer)
    form = call.body
    done = await review(
        writer,
        knowledge,
        row,
        Review(
            ids=form.questions,
            decision=form.decision,
            topic=form.topic or "",
            question=form.question or "",
        ),
    )
    return Answer(body=k.ReviewRead(**msgspec.structs.asdict(done)))


async def list_of_rollouts(call: Call) -> Answer:
    """Return a page of roll-outs, newest first."""
    row, limit = await reader(call).base(call.org, call.path["base"]), call.query.limit
    rows = await list_rollouts(
        call.directory.engine, call.org, row.id, before=by_number(call), limit=limit + 1
    )
    items = [_rollout(one) for one in rows[:limit]]
    return paged(k.RolloutPage, rows, items, limit, str(items[-1].number) if items else "")


async def begin_rollout(call: Call, writer: Writer) -> Answer:
    """Queue a training of the draft as it is then."""
    _, row = await locked(call, writer)
    form = call.body
    made = await Roller(writer, row).begin(note=form.note, automatic=form.automatic)
    return Answer(body=_rollout(made), status=202)


async def move_rollout(call: Call, writer: Writer) -> Answer:
    """Bring a roll-out one step on, or back."""
    _, row = await locked(call, writer)
    number = int(call.path["number"])
    await find_rollout(writer.session, writer.org, row.id, number)
    who = call.who.subject
    command = r.Advance(by=who) if call.body.to == "advance" else r.RollBack(by=who)
    return Answer(body=_rollout(await Roller(writer, row).move(number, command)))


def _rollout(row: t.KnowledgeRollout) -> k.RolloutRead:
    state = read_state(row)
    gate = None if state.gate is None else msgspec.to_builtins(state.gate)
    return k.RolloutRead(
        number=row.number,
        stage=state.stage,
        version=state.version,
        automatic=state.automatic,
        gate=None if gate is None else {**gate, "passed": not gate["reasons"]},
        steps=[k.RolloutStep(**msgspec.structs.asdict(one)) for one in state.steps],
    )


async def report(call: Call) -> Answer:
    """Return how well the bots do."""
    query, now = call.query, time.time()
    offset_s = query.offset_minutes * 60
    today = dt.datetime.fromtimestamp(now + offset_s, dt.UTC).date()
    until = query.until_day or today
    since = query.from_day or until - dt.timedelta(days=min(29, until.toordinal() - 1))
    if not 0 <= (until - since).days < DAYS_N:
        raise ProblemError("bad_request", f"Ask for 1 to {DAYS_N} days, the first one first.")
    window = Window(
        org=call.org,
        from_at=_beginning(since) - offset_s,
        until_at=_beginning(until) + DAY_S - offset_s,
        now=now,
        base=query.base or "",
        offset_minutes=query.offset_minutes,
    )
    return Answer(body=await read_report(call.directory.engine, window))


def _beginning(day: dt.date) -> float:
    return (day.toordinal() - dt.date(1970, 1, 1).toordinal()) * DAY_S


def learning_endpoints() -> Iterator[Endpoint]:
    """Yield them."""
    of_base: dict[str, Any] = {"path_types": OF_BASE}
    yield Endpoint(
        method="GET",
        path=f"{ONE}/inbox",
        permission=Permission("knowledge-inbox", "read"),
        summary="Read the questions that the bots had no good answer to, clustered.",
        heavy=True,
        reads=read_inbox,
        query=InboxQuery,
        answer=k.InboxRead,
        **of_base,
    )
    yield Endpoint(
        method="POST",
        path=f"{ONE}/inbox/reviews",
        permission=Permission("knowledge-inbox", "update"),
        summary="Review questions: similar to a topic, a new topic, a stranger's, or to ignore.",
        writes=review_questions,
        body=k.ReviewWrite,
        has_body=True,
        answer=k.ReviewRead,
        refuses=("exists",),
        **of_base,
    )
    yield Endpoint(
        method="GET",
        path=ROLLOUTS,
        permission=Permission("knowledge-rollouts", "read"),
        summary="List how trained versions were brought out, newest first.",
        reads=list_of_rollouts,
        query=page_query("Rollout", {}),
        answer=k.RolloutPage,
        **of_base,
    )
    yield Endpoint(
        method="POST",
        path=ROLLOUTS,
        permission=Permission("knowledge-rollouts", "create"),
        summary="Train a version from the draft in the background, and bring it out step by step.",
        writes=begin_rollout,
        body=k.RolloutWrite,
        has_body=True,
        answer=k.RolloutRead,
        status=202,
        refuses=("stale",),
        **of_base,
    )
    yield Endpoint(
        method="POST",
        path=f"{ROLLOUT}/moves",
        permission=Permission("knowledge-rollouts", "update"),
        summary="Bring a roll-out one step on, or back.",
        writes=move_rollout,
        body=k.RolloutMove,
        has_body=True,
        answer=k.RolloutRead,
        refuses=("stale",),
        path_types=OF_ROLLOUT,
    )
    yield Endpoint(
        method="GET",
        path="/bot/report",
        permission=Permission("bot-report", "read"),
        summary="Report how well the bots do: rates, containment, hand-offs, topics, by day.",
        reads=report,
        query=ReportQuery,
        answer=Report,
    )
