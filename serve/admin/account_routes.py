"""The routes around accounts: a group's members, skill levels, settings in effect; and the calendar
file of holidays."""

from __future__ import annotations

import asyncio
import datetime as dt
import secrets
import time
from collections.abc import Iterator
from typing import Any

from actors.acts import Act, Source
from actors.permissions import rights_of
from infra.directory import declared_rows as d
from infra.directory.calendars import read_calendar, with_days
from infra.directory.kinds import BY_NAME
from infra.directory.refusals import RefusedError
from infra.directory.rows import Stored
from infra.directory.writer import Writer
from serve.admin import forms as f
from serve.admin.access import Permission
from serve.admin.endpoints import CALENDAR, Answer, Call, Endpoint
from serve.admin.problems import ProblemError
from serve.admin.reading import check_version, cursor_of, read_cursor
from serve.admin.row_routes import page_query

YEARS_BACK, YEARS_AHEAD = 1, 4
"""Which years of a calendar are imported, around this one."""
_ACCOUNTS, _GROUPS, _SETTINGS = BY_NAME["accounts"], BY_NAME["groups"], BY_NAME["settings"]
_ONE = {"id": d.Id}


async def list_members(call: Call) -> Answer:
    """Return a page of the accounts in a group."""
    group, query = call.path["id"], call.query
    await call.get(_GROUPS, group)
    rows = await call.list_rows(
        _ACCOUNTS,
        after=read_cursor(query.cursor, d.Id) or "",
        limit=query.limit + 1,
        filters={"group": group},
    )
    items = [f.Member(id=row.id, name=row.value.name) for row in rows[: query.limit]]
    last = cursor_of(items[-1].id) if len(rows) > query.limit else None
    return Answer(body=f.Members(items=items, next=last))


async def add_member(call: Call, writer: Writer) -> Answer:
    """Put an account into a group; may be repeated."""
    group, row = call.path["id"], await writer.get(_ACCOUNTS, call.path["account"])
    await writer.get(_GROUPS, group)
    groups = sorted({*row.value.groups, group})
    return await _set(writer, row, groups=groups)


async def remove_member(call: Call, writer: Writer) -> Answer:
    """Take an account out of a group; may be repeated."""
    group, row = call.path["id"], await writer.get(_ACCOUNTS, call.path["account"])
    await writer.get(_GROUPS, group)
    groups = [one for one in row.value.groups if one != group]
    return await _set(writer, row, groups=groups)


async def set_skill(call: Call, writer: Writer) -> Answer:
    """Say how well an account has a skill; may be repeated."""
    row = await writer.get(_ACCOUNTS, call.path["id"])
    await writer.get(BY_NAME["skills"], call.path["skill"])
    skills = {**row.value.skills, call.path["skill"]: call.body.level}
    return await _set(writer, row, skills=skills)


async def remove_skill(call: Call, writer: Writer) -> Answer:
    """Take a skill from an account; may be repeated."""
    row = await writer.get(_ACCOUNTS, call.path["id"])
    await writer.get(BY_NAME["skills"], call.path["skill"])
    skills = {key: level for key, level in row.value.skills.items() if key != call.path["skill"]}
    return await _set(writer, row, skills=skills)


async def _set(writer: Writer, row: Stored, **change: Any) -> Answer:
    await writer.update(_ACCOUNTS, row, row.value.model_copy(update=change))
    return Answer(status=204)


async def settings_in_effect(call: Call) -> Answer:
    """Return an account's settings: its own, else its groups', else the organisation's."""
    row = await call.get(_ACCOUNTS, call.path["id"])
    levels = ["organisation", *(f"group:{one}" for one in sorted(row.value.groups))]
    whole: dict[str, Any] = {}
    for key in (*levels, f"account:{row.id}"):
        found = await call.directory.get(call.org, _SETTINGS, key)
        if found is not None:
            whole |= found.value.model_dump(exclude_none=True)
    return Answer(body=d.DeclaredSettings(**whole))


async def end_sign_ins(call: Call) -> Answer:
    """End every sign-in of an account, on all devices; may be repeated."""
    row = await call.get(_ACCOUNTS, call.path["id"])
    theirs = rights_of(call.config, row.value.role, row.id)
    if not theirs.permissions <= call.rights.permissions:
        raise RefusedError("not_held", f"accounts: {row.id} may do more than you")
    if call.ending is None:
        raise ProblemError("not_found", "There are no sign-ins here.")
    if call.acts is not None:
        by = call.by
        act = Act(
            id=secrets.token_hex(16),
            at=time.time(),
            action="sign_out",
            resource="accounts",
            row=row.id,
            actor=by.subject,
            role=by.role,
            source=Source(address=by.address, client=by.client),
        )
        await call.acts.append(call.org, act)
    await call.ending.person(call.org, row.id)
    return Answer(status=204)


async def import_calendar(call: Call, writer: Writer) -> Answer:
    """Add the all-day events of an iCalendar file to a calendar of holidays."""
    kind = BY_NAME["holidays"]
    old = await writer.get(kind, call.path["id"])
    check_version(call.if_match, old.version)
    year = dt.datetime.fromtimestamp(time.time(), dt.UTC).year
    since, until = dt.date(year - YEARS_BACK, 1, 1), dt.date(year + YEARS_AHEAD, 1, 1)
    days = await asyncio.to_thread(read_calendar, call.body, since, until)
    value = with_days(old.value, days)
    d.DeclaredHolidays.model_validate(value.model_dump())
    row = await writer.update(kind, old, value)
    return Answer(body=f.shown(kind, row), etag=row.version)


def account_endpoints() -> Iterator[Endpoint]:
    """Yield them."""
    member: dict[str, Any] = {
        "path": "/groups/{id}/members/{account}",
        "permission": Permission("accounts", "update"),
        "status": 204,
        "path_types": {**_ONE, "account": d.Id},
    }
    skill: dict[str, Any] = {
        "path": "/accounts/{id}/skills/{skill}",
        "permission": Permission("accounts", "update"),
        "status": 204,
        "path_types": {**_ONE, "skill": d.Id},
    }
    yield Endpoint(
        method="GET",
        path="/groups/{id}/members",
        permission=Permission("groups", "read"),
        summary="List the accounts in a group.",
        reads=list_members,
        query=page_query("Members", {}),
        answer=f.Members,
        path_types=_ONE,
    )
    add, take = "Put an account into a group.", "Take an account out of a group."
    yield Endpoint(method="PUT", summary=add, writes=add_member, **member)
    yield Endpoint(method="DELETE", summary=take, writes=remove_member, **member)
    yield Endpoint(
        method="PUT",
        summary="Say how well an account has a skill.",
        writes=set_skill,
        body=f.SkillLevelWrite,
        has_body=True,
        **skill,
    )
    gone = "Take a skill from an account."
    yield Endpoint(method="DELETE", summary=gone, writes=remove_skill, **skill)
    yield Endpoint(
        method="GET",
        path="/accounts/{id}/settings-in-effect",
        permission=Permission("settings", "read"),
        summary="Read an account's settings: its own, else its groups', else the organisation's.",
        reads=settings_in_effect,
        answer=d.DeclaredSettings,
        path_types=_ONE,
    )
    yield Endpoint(
        method="POST",
        path="/accounts/{id}/sign-out",
        permission=Permission("accounts", "sign_out"),
        summary="End every sign-in of an account: tokens, refresh tokens and sockets.",
        reads=end_sign_ins,
        status=204,
        refuses=("not_held",),
        path_types=_ONE,
    )
    yield Endpoint(
        method="POST",
        path="/holidays/{id}/calendar",
        permission=Permission("holidays", "update"),
        summary="Add the all-day events of an iCalendar file (RFC 5545) to a calendar.",
        writes=import_calendar,
        has_body=True,
        takes=CALENDAR,
        answer=f.FORMS["holidays"].read,
        etag=True,
        precondition=True,
        path_types=_ONE,
    )
