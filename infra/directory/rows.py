"""Reads and writes single rows: between the declared forms and the tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from infra.directory import tables as t
from infra.directory.declared import Head
from infra.directory.kinds import Kind

_OWN = ("org", "id", "key", "version")
_SIDES = {"agents": ("groups", "skills")}
_NOT_STORED = {"agents": ("password_env",), "blacklist": ("id",)}


@dataclass(frozen=True)
class Stored:
    """A row as it stands: its id, its declared form, its version."""

    id: str
    value: Any
    version: int


def head_of(row: t.Organisation) -> Stored:
    """Return an organisation's own settings."""
    points = {int(level): value for level, value in row.vip_points.items()}
    plain = {name: getattr(row, name) for name in ("name", "entry_queue", "grace_s", "origins")}
    return Stored(row.id, Head(**plain, vip_points=points), row.head_version)


def write_head(row: t.Organisation, head: Head, version: int) -> None:
    """Set them."""
    for name, value in head.model_dump(mode="json").items():
        setattr(row, name, value)
    row.vip_points = {str(level): value for level, value in head.vip_points.items()}
    row.head_version = version


async def get_row(
    session: AsyncSession,
    org: str,
    kind: Kind,
    key: str,
    where: ColumnElement[bool] | None = None,
) -> Stored | None:
    """Return a row (that meets the condition), None if there is none."""
    wanted = [kind.id_column == key, *([] if where is None else [where])]
    found = await _select(session, org, kind, wanted, 1)
    return found[0] if found else None


async def list_rows(
    session: AsyncSession,
    org: str,
    kind: Kind,
    *,
    after: str = "",
    limit: int | None = None,
    filters: Mapping[str, Any] | None = None,
    where: ColumnElement[bool] | None = None,
) -> list[Stored]:
    """Return rows (that meet the condition) by ascending id, from the first after `after`."""
    wanted = [kind.filters[name].where(value) for name, value in (filters or {}).items()]
    if after:
        wanted.append(kind.id_column > after)
    if where is not None:
        wanted.append(where)
    return await _select(session, org, kind, wanted, limit)


async def put_row(session: AsyncSession, org: str, kind: Kind, new: Stored, *, there: bool) -> None:
    """Write a row, which is `there` already or not."""
    content = new.value.model_dump(mode="json", exclude=set(_NOT_STORED.get(kind.part, ())))
    sides = {name: content.pop(name) for name in _SIDES.get(kind.part, ())}
    columns = {column.name for column in kind.table.__table__.columns}
    row = {name: value for name, value in content.items() if name in columns}
    if "settings" in columns:
        row["settings"] = {name: value for name, value in content.items() if name not in columns}
    row["version"] = new.version
    if there:
        which = (kind.table.org == org) & (kind.id_column == new.id)
        await session.execute(update(kind.table).where(which).values(row))
    else:
        await session.execute(insert(kind.table), [{"org": org, kind.key: new.id, **row}])
    if sides:
        await _put_sides(session, org, new.id, sides, there=there)


async def drop_row(session: AsyncSession, org: str, kind: Kind, key: str) -> None:
    """Remove a row."""
    await session.execute(delete(kind.table).where(kind.table.org == org, kind.id_column == key))


async def _put_sides(
    session: AsyncSession, org: str, account: str, sides: Mapping[str, Any], *, there: bool
) -> None:
    for table in (t.Membership, t.SkillLevel) if there else ():
        await session.execute(delete(table).where(table.org == org, table.account == account))
    whose = {"org": org, "account": account}
    members = [{**whose, "group": one} for one in dict.fromkeys(sides["groups"])]
    levels = [{**whose, "skill": one, "level": level} for one, level in sides["skills"].items()]
    for table, rows in ((t.Membership, members), (t.SkillLevel, levels)):
        if rows:
            await session.execute(insert(table), rows)


async def _select(
    session: AsyncSession, org: str, kind: Kind, where: Iterable[ColumnElement[bool]], limit: Any
) -> list[Stored]:
    wanted = select(kind.table).where(kind.table.org == org, *where).order_by(kind.id_column)
    rows = list(
        await session.scalars(wanted.limit(limit).execution_options(populate_existing=True))
    )
    sides = await _sides(session, org, [row.id for row in rows]) if kind.part in _SIDES else {}
    return [_stored(kind, row, sides) for row in rows]


def _stored(kind: Kind, row: Any, sides: Mapping[str, Any]) -> Stored:
    key = getattr(row, kind.key)
    content = {
        column.name: getattr(row, column.name)
        for column in kind.table.__table__.columns
        if column.name not in (*_OWN, "settings")
    }
    content.update(getattr(row, "settings", {}), **sides.get(key, {}))
    if kind.part == "blacklist":
        content["id"] = key
    return Stored(key, kind.declared.model_validate(content), row.version)


async def _sides(session: AsyncSession, org: str, accounts: list[str]) -> dict[str, Any]:
    sides: dict[str, Any] = {one: {"groups": [], "skills": {}} for one in accounts}
    for part in _parts(accounts):
        members = select(t.Membership.account, t.Membership.group).where(
            t.Membership.org == org, t.Membership.account.in_(part)
        )
        for account, group in await session.execute(members.order_by(t.Membership.group)):
            sides[account]["groups"].append(group)
        levels = select(t.SkillLevel.account, t.SkillLevel.skill, t.SkillLevel.level).where(
            t.SkillLevel.org == org, t.SkillLevel.account.in_(part)
        )
        for account, skill, level in await session.execute(levels.order_by(t.SkillLevel.skill)):
            sides[account]["skills"][skill] = level
    return sides


def _parts(ids: list[str], size: int = 500) -> Iterable[list[str]]:
    """Databases bound how many values one statement may have."""
    return (ids[start : start + size] for start in range(0, len(ids), size))
