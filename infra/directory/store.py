"""Reads and writes the directory; every change bumps its organisation's version with it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec
from argon2 import PasswordHasher
from sqlalchemy import delete, event, select, update
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from actors.config import AgentConfig, BlacklistEntry, OrgConfig, QueueConfig
from infra.directory import tables as t
from infra.directory.declared import (
    DeclarationError,
    Declared,
    DeclaredAgent,
    DeclaredBar,
    DeclaredQueue,
    parse,
)
from infra.revocation_stamp import stamp_of

_T = TypeVar("_T")
BAR_FIELDS = ("kind", "value", "scope", "starts_at", "ends_at", "reason")


class FoundAccount(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who may sign in. The hash is argon2id, empty for nobody."""

    org: str
    id: str
    name: str
    role: str
    kind: str
    password_hash: str
    enabled: bool


class FoundSite(msgspec.Struct, frozen=True, kw_only=True):
    """A site by its public key."""

    key: str
    org: str
    secret: str
    origins: list[str]


class Directory:
    """The record of every organisation. `changed` is called after each commit."""

    def __init__(self, url: str, changed: Callable[[str], None] = lambda _org: None) -> None:
        self.engine = create_async_engine(url, pool_pre_ping=True)
        self._changed = changed
        if self.engine.dialect.name == "sqlite":
            event.listen(self.engine.sync_engine, "connect", _prepare_sqlite)

    async def versions(self) -> dict[str, int]:
        """Return organisation -> version."""
        async with AsyncSession(self.engine) as session:
            rows = await session.execute(select(t.Organisation.id, t.Organisation.version))
            return {row.id: row.version for row in rows}

    async def replace(self, declared: Declared, environ: Mapping[str, str] | None = None) -> None:
        """Make the organisation exactly as declared, in one transaction.

        Raises:
            DeclarationError: a `password_env` is not set.
        """
        hashed = await asyncio.to_thread(_hashed, declared, environ or {})
        async with AsyncSession(self.engine) as session, session.begin():
            old = await _locked(session, hashed.org)
            before = old.version if old is not None else 0
            await _write(session, old, hashed, max(before + 1, int(time.time() * 1000)))
        self._changed(declared.org)

    async def read(self, org: str) -> Declared | None:
        """Return the organisation whole, None if there is none."""
        found = await self._read(org)
        return None if found is None else found[1]

    async def compile_config(self, org: str) -> OrgConfig | None:
        """Return what the actors run on, None for an unknown organisation."""
        found = await self._read(org)
        return None if found is None else _compiled(*found)

    async def set_queue(self, org: str, queue: str, value: DeclaredQueue) -> None:
        """Add or replace a queue."""
        await self._edit(org, lambda d: {**d, "queues": {**d["queues"], queue: value.model_dump()}})

    async def set_agent(self, org: str, agent: str, value: DeclaredAgent) -> None:
        """Add or replace an account; without a hash the present password stays."""

        def edit(content: dict[str, Any]) -> dict[str, Any]:
            new, old = value.model_dump(), content["agents"].get(agent, {})
            new["password_hash"] = new["password_hash"] or old.get("password_hash", "")
            return {**content, "agents": {**content["agents"], agent: new}}

        await self._edit(org, edit)

    async def add_bar(self, org: str, value: DeclaredBar) -> None:
        """Add a blacklist entry; one that is there already stays one."""

        def edit(content: dict[str, Any]) -> dict[str, Any]:
            others = [one for one in content["blacklist"] if one != value.model_dump()]
            return {**content, "blacklist": [*others, value.model_dump()]}

        await self._edit(org, edit)

    async def remove_bars(self, org: str, kind: str, value: str) -> None:
        """Remove the blacklist entries of one customer, address or device."""

        def edit(content: dict[str, Any]) -> dict[str, Any]:
            rest = [b for b in content["blacklist"] if (b["kind"], b["value"]) != (kind, value)]
            return {**content, "blacklist": rest}

        await self._edit(org, edit)

    async def find(self, org: str, login: str) -> FoundAccount | None:
        """Return the account, None if there is none."""
        async with AsyncSession(self.engine) as session:
            row = await session.get(t.Account, {"org": org, "id": login})
            return None if row is None else _fields(row, FoundAccount)

    async def site(self, key: str) -> FoundSite | None:
        """Return the site, None if there is none with that key."""
        async with AsyncSession(self.engine) as session:
            row = await session.get(t.Site, key)
            return None if row is None else _fields(row, FoundSite)

    async def close(self) -> None:
        """Release the connections."""
        await self.engine.dispose()

    async def _edit(self, org: str, edit: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        """Change part of an organisation under its row's lock; the whole is checked again."""
        async with AsyncSession(self.engine) as session, session.begin():
            row = await _locked(session, org)
            if row is None:
                raise DeclarationError(f"there is no organisation {org!r}")
            version = max(row.version + 1, int(time.time() * 1000))
            declared = parse(edit((await _load(session, row)).model_dump()), f"organisation {org}")
            await _write(session, row, declared, version)
        self._changed(org)

    async def _read(self, org: str) -> tuple[int, Declared] | None:
        async with AsyncSession(self.engine) as session:
            row = await session.get(t.Organisation, org)
            return None if row is None else (row.version, await _load(session, row))


async def _locked(session: AsyncSession, org: str) -> t.Organisation | None:
    """Return the organisation; nobody else changes it before the transaction ends.

    A write comes first, because SQLite has no `FOR UPDATE`: it takes the one writer's place before
    anything is read, so that two edits cannot both start from the same state.
    """
    same = {"version": t.Organisation.version}
    await session.execute(update(t.Organisation).where(t.Organisation.id == org).values(same))
    return await session.get(t.Organisation, org)


def _fields(row: Any, kind: type[_T]) -> _T:
    return msgspec.convert(row, kind, from_attributes=True)


def _prepare_sqlite(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "foreign_keys=ON", "busy_timeout=60000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _hashed(declared: Declared, environ: Mapping[str, str]) -> Declared:
    hasher, agents = PasswordHasher(), {}
    for name, agent in declared.agents.items():
        given = agent
        if agent.password_env:
            password = environ.get(agent.password_env)
            if not password:
                raise DeclarationError(f"agents.{name}: {agent.password_env} is not set")
            update = {"password_hash": hasher.hash(password), "password_env": ""}
            given = agent.model_copy(update=update)
        agents[name] = given
    return declared.model_copy(update={"agents": agents})


_PARTS = (
    t.SkillLevel,
    t.Membership,
    t.Account,
    t.Group,
    t.Skill,
    t.Queue,
    t.Barred,
    t.Customer,
    t.Site,
)
"""What belongs to an organisation, in an order in which it may be removed."""


async def _write(
    session: AsyncSession, known: t.Organisation | None, d: Declared, version: int
) -> None:
    """Make the organisation as declared; its own row stays, since it is the lock of all edits."""
    plain = {"name", "entry_queue", "grace_s", "origins", "dispositions"}
    points = {str(level): value for level, value in d.vip_points.items()}
    head = d.model_dump(include=plain)
    if known is None:
        session.add(t.Organisation(id=d.org, version=version, vip_points=points, **head))
    else:
        for name, value in {**head, "version": version, "vip_points": points}.items():
            setattr(known, name, value)
        for part in _PARTS:
            await session.execute(delete(part).where(part.org == d.org))
    await session.flush()
    for group, name in d.groups.items():
        session.add(t.Group(org=d.org, id=group, name=name))
    for skill, name in d.skills.items():
        session.add(t.Skill(org=d.org, id=skill, name=name))
    for key, agent in d.agents.items():
        row = agent.model_dump(exclude={"groups", "skills", "password_env"})
        session.add(t.Account(org=d.org, id=key, **row))
    await session.flush()
    for key, agent in d.agents.items():
        for group in agent.groups:
            session.add(t.Membership(org=d.org, account=key, group=group))
        for skill, level in agent.skills.items():
            session.add(t.SkillLevel(org=d.org, account=key, skill=skill, level=level))
    for key, queue in d.queues.items():
        settings = queue.model_dump(exclude={"name", "kind"})
        session.add(t.Queue(org=d.org, id=key, name=queue.name, kind=queue.kind, settings=settings))
    session.add_all(t.Barred(org=d.org, **bar.model_dump()) for bar in d.blacklist)
    for key, customer in d.customers.items():
        session.add(t.Customer(org=d.org, id=key, **customer.model_dump()))
    for key, site in d.sites.items():
        session.add(t.Site(org=d.org, key=key, **site.model_dump()))


async def _rows(session: AsyncSession, table: Any, org: str, *order: Any) -> list[Any]:
    found = await session.scalars(select(table).where(table.org == org).order_by(*order))
    return list(found)


async def _load(session: AsyncSession, row: t.Organisation) -> Declared:
    org = row.id
    accounts = await _rows(session, t.Account, org, t.Account.id)
    groups: dict[str, list[str]] = {one.id: [] for one in accounts}
    skills: dict[str, dict[str, int]] = {one.id: {} for one in accounts}
    for member in await _rows(session, t.Membership, org, t.Membership.group):
        groups[member.account].append(member.group)
    for level in await _rows(session, t.SkillLevel, org, t.SkillLevel.skill):
        skills[level.account][level.skill] = level.level
    agent_fields = ("name", "kind", "role", "capacity", "enabled", "password_hash")
    queues = await _rows(session, t.Queue, org, t.Queue.id)
    bars = await _rows(session, t.Barred, org, t.Barred.id)
    customers = await _rows(session, t.Customer, org, t.Customer.id)
    sites = await _rows(session, t.Site, org, t.Site.key)
    content = {
        "org": org,
        "vip_points": {int(level): value for level, value in row.vip_points.items()},
        **_pick(row, "name", "entry_queue", "grace_s", "origins", "dispositions"),
        "groups": {g.id: g.name for g in await _rows(session, t.Group, org, t.Group.id)},
        "skills": {s.id: s.name for s in await _rows(session, t.Skill, org, t.Skill.id)},
        "queues": {q.id: {"name": q.name, "kind": q.kind, **q.settings} for q in queues},
        "agents": {
            a.id: {**_pick(a, *agent_fields), "groups": groups[a.id], "skills": skills[a.id]}
            for a in accounts
        },
        "blacklist": [_pick(bar, *BAR_FIELDS) for bar in bars],
        "customers": {c.id: _pick(c, "name", "vip", "lang", "attributes") for c in customers},
        "sites": {s.key: _pick(s, "origins", "secret") for s in sites},
    }
    return parse(content, f"organisation {org} in the database")


def _pick(row: Any, *names: str) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names}


def _compiled(version: int, d: Declared) -> OrgConfig:
    secret = {"password_env", "password_hash"}
    return OrgConfig(
        org=d.org,
        version=version,
        entry_queue=d.entry_queue,
        queues={key: QueueConfig(id=key, **one.model_dump()) for key, one in d.queues.items()},
        agents={
            key: AgentConfig(
                id=key, stamp=stamp_of(one.password_hash), **one.model_dump(exclude=secret)
            )
            for key, one in d.agents.items()
        },
        blacklist=[BlacklistEntry(**one.model_dump()) for one in d.blacklist],
        vip_points=d.vip_points,
        grace_s=d.grace_s,
        origins=d.origins,
        dispositions=d.dispositions,
    )
