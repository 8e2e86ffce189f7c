"""Every kind of row that an organisation holds: its table, its declared form, its filters.

A new kind is a table, a declared form and an entry of `KINDS`: reading, writing, audit, YAML and
the administration API follow from it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel
from sqlalchemy import ColumnElement, exists, or_

from infra.directory import declared_rows as d
from infra.directory import tables as t


@dataclass(frozen=True)
class Filter:
    """A filter of a list: what it takes, and the condition that it stands for."""

    takes: Any
    where: Callable[[Any], ColumnElement[bool]]


def _equal(column: Any, takes: Any = d.Short) -> Filter:
    return Filter(takes, lambda value: column == value)


def _like(*columns: Any) -> Filter:
    return Filter(
        d.Short, lambda value: or_(*(one.icontains(value, autoescape=True) for one in columns))
    )


def _in_group(group: str) -> ColumnElement[bool]:
    member = t.Membership
    return exists().where(
        member.org == t.Account.org, member.account == t.Account.id, member.group == group
    )


def _has_skill(skill: str) -> ColumnElement[bool]:
    level = t.SkillLevel
    return exists().where(
        level.org == t.Account.org, level.account == t.Account.id, level.skill == skill
    )


def _active(at: float) -> ColumnElement[bool]:
    return (t.Barred.starts_at <= at) & or_(t.Barred.ends_at.is_(None), t.Barred.ends_at > at)


@dataclass(frozen=True, kw_only=True)
class Kind:
    """`name`: in paths and in the audit; `part`: in the YAML file and in error texts. `public` is
    the form that anybody who may read gets, `declared` the one that is stored. `secrets` never
    leave the directory but in an export."""

    name: str
    part: str
    table: Any
    declared: type[BaseModel]
    public: type[BaseModel]
    key: str = "id"
    id_type: Any = d.Id
    secrets: tuple[str, ...] = ()
    unique_name: bool = False
    may_make_id: bool = False
    filters: Mapping[str, Filter] = field(default_factory=dict)

    @property
    def id_column(self) -> Any:
        """Return the table's column that holds the row's id."""
        return getattr(self.table, self.key)


def _kind(name: str, table: Any, form: type[BaseModel], **more: Any) -> Kind:
    whole = {"part": name.replace("-", "_"), "declared": form, "public": form, **more}
    return Kind(name=name, table=table, **whole)


_HOLIDAYS = {"q": _like(t.Holidays.name, t.Holidays.id)}
_HOURS = {"q": _like(t.Hours.name, t.Hours.id)}
_QUEUES = {
    "q": _like(t.Queue.name, t.Queue.id),
    "kind": _equal(t.Queue.kind, Literal["human", "bot"]),
}
_ACCOUNTS = {
    "q": _like(t.Account.name, t.Account.id),
    "kind": _equal(t.Account.kind, Literal["human", "bot"]),
    "role": _equal(t.Account.role),
    "enabled": _equal(t.Account.enabled, bool),
    "group": Filter(d.Id, _in_group),
    "skill": Filter(d.Id, _has_skill),
}
_REPLIES = {
    "q": _like(t.Reply.title, t.Reply.text),
    "folder": _equal(t.Reply.folder),
    "owner": _equal(t.Reply.owner, d.Id),
    "group": _equal(t.Reply.group, d.Id),
    "shared": Filter(bool, lambda on: t.Reply.owner.is_(None) == on),
}
_BARS = {
    "kind": _equal(t.Barred.kind, Literal["customer", "ip", "device"]),
    "value": _equal(t.Barred.value),
    "scope": _equal(t.Barred.scope, Literal["all", "human"]),
    "active_at": Filter(d.Instant, _active),
}
_CUSTOMERS = {
    "q": _like(t.Customer.name, t.Customer.id),
    "vip_from": Filter(d.Vip, lambda least: t.Customer.vip >= least),
    "lang": _equal(t.Customer.lang),
}
_SITES = {"q": _like(t.Site.name, t.Site.key), "enabled": _equal(t.Site.enabled, bool)}

KINDS: tuple[Kind, ...] = (
    _kind("holidays", t.Holidays, d.DeclaredHolidays, unique_name=True, filters=_HOLIDAYS),
    _kind("hours", t.Hours, d.DeclaredHours, unique_name=True, filters=_HOURS),
    _kind("groups", t.Group, d.Named, unique_name=True, filters={"q": _like(t.Group.name)}),
    _kind("skills", t.Skill, d.Named, unique_name=True, filters={"q": _like(t.Skill.name)}),
    _kind(
        "dispositions",
        t.Disposition,
        d.DeclaredDisposition,
        unique_name=True,
        filters={"enabled": _equal(t.Disposition.enabled, bool)},
    ),
    _kind("queues", t.Queue, d.DeclaredQueue, unique_name=True, filters=_QUEUES),
    _kind(
        "roles",
        t.Role,
        d.DeclaredRole,
        unique_name=True,
        id_type=d.RoleId,
        filters={"q": _like(t.Role.name, t.Role.id)},
    ),
    _kind(
        "accounts",
        t.Account,
        d.DeclaredAgent,
        part="agents",
        public=d.PublicAgent,
        secrets=("password_hash",),
        filters=_ACCOUNTS,
    ),
    _kind(
        "blacklist",
        t.Barred,
        d.DeclaredBar,
        public=d.PublicBar,
        may_make_id=True,
        filters=_BARS,
    ),
    _kind("customers", t.Customer, d.DeclaredCustomer, filters=_CUSTOMERS),
    _kind(
        "sites",
        t.Site,
        d.DeclaredSite,
        public=d.PublicSite,
        key="key",
        secrets=("secret",),
        may_make_id=True,
        filters=_SITES,
    ),
    _kind("canned-replies", t.Reply, d.DeclaredReply, may_make_id=True, filters=_REPLIES),
    _kind("settings", t.Preference, d.DeclaredSettings, id_type=d.SettingsId),
)
"""In an order in which they may be made; the reverse is one in which they may be removed."""

BY_NAME: Mapping[str, Kind] = {kind.name: kind for kind in KINDS}
BY_PART: Mapping[str, Kind] = {kind.part: kind for kind in KINDS}
