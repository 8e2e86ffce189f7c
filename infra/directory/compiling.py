"""Compiles what the actors run on from an organisation's rows."""

from __future__ import annotations

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from actors.config import (
    AgentConfig,
    BlacklistEntry,
    HoursConfig,
    OrgConfig,
    QueueConfig,
    RelaxStep,
    RoleConfig,
)
from actors.permissions import serves
from infra.directory import tables as t
from infra.directory.declared_rows import DeclaredHolidays, DeclaredHours, DeclaredQueue, Weekday
from infra.directory.kinds import BY_PART
from infra.directory.rows import Stored, head_of, list_rows
from infra.directory.spans import minutes
from infra.revocation_stamp import stamp_of

WEEK: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


async def compile_rows(session: AsyncSession, row: t.Organisation) -> OrgConfig:
    """Return the settings of every actor. Customers, replies and sites are not among them: there
    may be a million, and no actor asks for one."""

    async def of(part: str) -> list[Stored]:
        return await list_rows(session, row.id, BY_PART[part])

    head = head_of(row).value
    holidays = {one.id: one.value for one in await of("holidays")}
    hours = {one.id: compile_hours(one.value, holidays) for one in await of("hours")}
    roles = {one.id: RoleConfig(id=one.id, **one.value.model_dump()) for one in await of("roles")}
    given = [one for one in await of("dispositions") if one.value.enabled]
    means = [(one, one.value.solved) for one in given if one.value.solved is not None]
    return OrgConfig(
        org=row.id,
        version=row.version,
        entry_queue=head.entry_queue,
        queues={q.id: _queue(q.id, q.value, hours) for q in await of("queues")},
        agents={a.id: _agent(a.id, a.value, roles) for a in await of("agents")},
        blacklist=[_bar(one.value) for one in await of("blacklist")],
        vip_points=head.vip_points,
        grace_s=head.grace_s,
        origins=head.origins,
        roles=roles,
        dispositions=[one.value.name for one in sorted(given, key=lambda one: one.value.position)],
        solved_by={key: said for one, said in means for key in (one.id, one.value.name)},
    )


def compile_hours(hours: DeclaredHours, holidays: dict[str, DeclaredHolidays]) -> HoursConfig:
    """Return hours with the days of their calendars; of two on one date the last named counts."""
    days: dict[str, list[tuple[int, int]]] = {}
    for name in hours.holidays:
        for day in holidays[name].days:
            days[day.date.isoformat()] = [minutes(span) for span in day.open]
    week = [[minutes(span) for span in hours.week.get(day, [])] for day in WEEK]
    return HoursConfig(time_zone=hours.time_zone, week=week, days=days)


def _queue(key: str, queue: DeclaredQueue, hours: dict[str, HoursConfig]) -> QueueConfig:
    opening = None if queue.hours is None else hours[queue.hours]
    relax = [RelaxStep(**step.model_dump()) for step in queue.relax]
    plain = queue.model_dump(exclude={"hours", "relax"})
    return QueueConfig(id=key, hours=opening, relax=relax, **plain)


def _agent(key: str, account: Any, roles: dict[str, RoleConfig]) -> AgentConfig:
    plain = account.model_dump(exclude={"password_env", "password_hash"})
    stamp = stamp_of(account.password_hash)
    return AgentConfig(id=key, stamp=stamp, serves=serves(roles, account.role), **plain)


def _bar(bar: Any) -> BlacklistEntry:
    return BlacklistEntry(**bar.model_dump(exclude={"id"}))
