"""Reads and writes the directory; every change bumps its organisation's version with it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import msgspec
from argon2 import PasswordHasher
from sqlalchemy import event, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from actors.config import OrgConfig
from infra.directory import audit
from infra.directory import tables as t
from infra.directory.compiling import compile_rows
from infra.directory.declared import (
    DeclarationError,
    Declared,
    DeclaredAgent,
    DeclaredBar,
    DeclaredQueue,
    parse,
)
from infra.directory.founding import new_row
from infra.directory.kinds import BY_PART, KINDS, Kind
from infra.directory.reach import Reach, within
from infra.directory.refusals import RefusedError, no_organisation
from infra.directory.rows import Stored, get_row, head_of, list_rows
from infra.directory.writer import Writer

_T = TypeVar("_T")


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
    enabled: bool = True


class Directory:
    """The record of every organisation. `changed` is called after each commit that changed one."""

    def __init__(
        self,
        url: str,
        changed: Callable[[str], None] = lambda _org: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.engine = create_async_engine(url, pool_pre_ping=True)
        self._changed = [changed]
        self._clock = clock
        if self.engine.dialect.name == "sqlite":
            event.listen(self.engine.sync_engine, "connect", _prepare_sqlite)

    def on_change(self, changed: Callable[[str], None]) -> None:
        """Call `changed` too, after each commit that changes an organisation."""
        self._changed.append(changed)

    async def versions(self) -> dict[str, int]:
        """Return organisation -> version."""
        async with AsyncSession(self.engine) as session:
            rows = await session.execute(select(t.Organisation.id, t.Organisation.version))
            return {row.id: row.version for row in rows}

    @asynccontextmanager
    async def writing(self, org: str, by: audit.By = audit.COMMAND_LINE) -> AsyncIterator[Writer]:
        """Change rows of an organisation in one transaction; an exception undoes all.

        Raises:
            RefusedError: `not_found`; and what `Writer` raises.
        """
        async with self._transaction(org, by, None) as writer:
            yield writer

    async def replace(
        self,
        declared: Declared,
        environ: Mapping[str, str] | None = None,
        by: audit.By = audit.COMMAND_LINE,
    ) -> dict[str, int]:
        """Make the organisation exactly as declared, in one transaction; return what was done.

        Raises:
            DeclarationError: a `password_env` is not set, or a site's key is another's.
        """
        hashed = await asyncio.to_thread(hash_passwords, declared, environ or {})
        async with self._transaction(hashed.org, by, hashed) as writer:
            return await writer.replace(hashed)

    async def create(self, declared: Declared, by: audit.By = audit.COMMAND_LINE) -> None:
        """Make a new organisation.

        Raises:
            RefusedError: `exists`.
        """
        if declared.org in await self.versions():
            raise RefusedError("exists", f"there is an organisation {declared.org!r} already")
        await self.replace(declared, by=by)

    async def read(self, org: str) -> Declared | None:
        """Return the organisation whole, None if there is none."""
        found = await self.read_versioned(org)
        return None if found is None else found[1]

    async def read_versioned(self, org: str) -> tuple[int, Declared] | None:
        """Return the organisation's version, and it whole."""
        async with AsyncSession(self.engine) as session:
            row = await session.get(t.Organisation, org)
            return None if row is None else (row.version, await _whole(session, row))

    async def compile_config(self, org: str) -> OrgConfig | None:
        """Return what the actors run on, None for an unknown organisation."""
        async with AsyncSession(self.engine) as session:
            row = await session.get(t.Organisation, org)
            return None if row is None else await compile_rows(session, row)

    async def head(self, org: str) -> Stored | None:
        """Return the organisation's own settings."""
        async with AsyncSession(self.engine) as session:
            row = await session.get(t.Organisation, org)
            return None if row is None else head_of(row)

    async def get(
        self, org: str, kind: Kind, key: str, *, reach: Reach | None = None
    ) -> Stored | None:
        """Return a row, None if there is none (within reach)."""
        async with AsyncSession(self.engine) as session:
            where = None if reach is None else await within(session, org, kind, reach)
            return await get_row(session, org, kind, key, where)

    async def list_rows(
        self,
        org: str,
        kind: Kind,
        *,
        after: str = "",
        limit: int = 100,
        filters: Mapping[str, Any] | None = None,
        reach: Reach | None = None,
    ) -> list[Stored]:
        """Return up to `limit` rows (within reach) by ascending id, from the first after
        `after`."""
        async with AsyncSession(self.engine) as session:
            where = None if reach is None else await within(session, org, kind, reach)
            which: dict[str, Any] = {"after": after, "limit": limit, "filters": filters}
            return await list_rows(session, org, kind, where=where, **which)

    async def set_queue(self, org: str, queue: str, value: DeclaredQueue) -> None:
        """Add or replace a queue."""
        async with self.writing(org) as writer:
            await writer.put(BY_PART["queues"], queue, value)

    async def set_agent(self, org: str, agent: str, value: DeclaredAgent) -> None:
        """Add or replace an account; without a hash the present password stays."""
        async with self.writing(org) as writer:
            old = await self.find(org, agent)
            present = value.password_hash or (old.password_hash if old is not None else "")
            new = value.model_copy(update={"password_hash": present, "password_env": ""})
            await writer.put(BY_PART["agents"], agent, new)

    async def add_bar(self, org: str, value: DeclaredBar) -> None:
        """Add a blacklist entry; one that is there already stays one."""
        async with self.writing(org) as writer:
            new = value.model_copy(update={"id": value.key()})
            await writer.put(BY_PART["blacklist"], value.key(), new)

    async def remove_bars(self, org: str, kind: str, value: str) -> None:
        """Remove the blacklist entries of one customer, address or device."""
        bars = BY_PART["blacklist"]
        async with self.writing(org) as writer:
            for row in await writer.find(bars, {"kind": kind, "value": value}):
                await writer.delete(bars, row)

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

    async def names(self, *, after: str = "", limit: int = 100) -> list[tuple[str, str]]:
        """Return (id, name) of organisations by ascending id, from the first after `after`."""
        wanted = select(t.Organisation.id, t.Organisation.name).where(t.Organisation.id > after)
        async with AsyncSession(self.engine) as session:
            rows = await session.execute(wanted.order_by(t.Organisation.id).limit(limit))
            return [(row.id, row.name) for row in rows]

    async def record(self, org: str, by: audit.By, act: audit.Act) -> None:
        """Record an act that changes no row, like a supervisor's take-over.

        Raises:
            RefusedError: `not_found`.
        """
        async with self.writing(org, by) as writer:
            writer.act(act)

    async def record_once(
        self, org: str, by: audit.By, act: audit.Act, *, key: str, at: float
    ) -> bool:
        """Record an act of the past, once under its key; False: it was recorded before.

        Raises:
            RefusedError: `not_found`.
        """
        async with self.writing(org, by) as writer:
            return await writer.act_once(act, key, at)

    async def verify_audit(self, org: str = "") -> list[audit.Verified | audit.BrokenChain]:
        """Recompute the audit chain of an organisation, or of all that ever were."""
        async with AsyncSession(self.engine) as session:
            chains = await session.scalars(
                select(t.AuditEntry.org).union(select(t.Organisation.id))
            )
            wanted = [one for one in sorted(chains) if org in ("", one)]
            return [await audit.verify(session, one) for one in wanted]

    async def audit_page(
        self, org: str, *, after: int, limit: int, filters: Mapping[str, Any]
    ) -> list[t.AuditEntry]:
        """Return audit entries, newest first, from the first before number `after` (0: all)."""
        return await audit.page(self.engine, org, after=after, limit=limit, filters=filters)

    async def close(self) -> None:
        """Release the connections."""
        await self.engine.dispose()

    @asynccontextmanager
    async def _transaction(
        self, org: str, by: audit.By, new: Declared | None
    ) -> AsyncIterator[Writer]:
        """Begin, lock the organisation (made if it is `new`), and end with its new version."""
        try:
            async with AsyncSession(self.engine, autoflush=False) as session, session.begin():
                row = await _locked(session, org)
                if row is None and new is not None:
                    row = await new_row(session, new)
                if row is None:
                    raise no_organisation(org)
                writer = Writer(session, row, by, self._clock())
                yield writer
                writer.finish()
        except IntegrityError as error:
            # Rows of this organisation are locked: only another one can have come between.
            if "sites" in str(error.orig):
                raise RefusedError("site_key_taken", "sites: a key is taken") from error
            raise RefusedError("exists", f"there is an organisation {org!r} already") from error
        for one in (writer, *writer.founded):
            if one.audited_n:
                audit.announce(one.org, one.audited_n, one.audited_hash)
            if one.changed:
                self._announce(one.org)

    def _announce(self, org: str) -> None:
        for call in self._changed:
            call(org)


async def _locked(session: AsyncSession, org: str) -> t.Organisation | None:
    """Return the organisation; nobody else changes it before the transaction ends.

    A write comes first, because SQLite has no `FOR UPDATE`: it takes the one writer's place before
    anything is read, so that two edits cannot both start from the same state.
    """
    same = {"version": t.Organisation.version}
    await session.execute(update(t.Organisation).where(t.Organisation.id == org).values(same))
    return await session.get(t.Organisation, org)


async def _whole(session: AsyncSession, row: t.Organisation) -> Declared:
    content: dict[str, Any] = {"org": row.id, **head_of(row).value.model_dump()}
    for kind in KINDS:
        rows = await list_rows(session, row.id, kind)
        content[kind.part] = (
            [one.value.model_dump() for one in rows]
            if kind.part == "blacklist"
            else {one.id: one.value.model_dump() for one in rows}
        )
    return parse(content, f"organisation {row.id} in the database")


def _fields(row: Any, kind: type[_T]) -> _T:
    return msgspec.convert(row, kind, from_attributes=True)


def _prepare_sqlite(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "foreign_keys=ON", "busy_timeout=60000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def hash_passwords(declared: Declared, environ: Mapping[str, str]) -> Declared:
    """Return the organisation with the passwords that it names hashed (slow, on purpose).

    Raises:
        DeclarationError: a `password_env` is not set.
    """
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
