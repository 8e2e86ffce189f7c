"""The audit: every act in a hash chain, one per organisation.

An entry's hash covers its content and the hash before it, so that no entry can be changed, removed
or put in between unnoticed; the chain's end stands in the organisation's row and in the log
(`audit.appended`), so that the last ones cannot vanish either. The database refuses to change or
remove entries; the chain shows it when somebody with more rights did.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import msgspec
import structlog
from pydantic import BaseModel
from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from infra.directory import tables as t
from infra.directory.kinds import BY_NAME

log = structlog.get_logger()

FIELDS = ("org", "number", "at_us", "actor", "role", "client", "address", "action", "resource")
CONTENT = (*FIELDS, "row", "before", "after", "previous")
BEGINNING = ""
READ_N = 500


class By(msgspec.Struct, frozen=True, kw_only=True):
    """Who acts, and from where: the account, its role, the OAuth client, the network address."""

    subject: str
    role: str
    client: str = ""
    address: str = ""


COMMAND_LINE = By(subject="(command line)", role="system")


class Act(msgspec.Struct, frozen=True, kw_only=True):
    """What was done to what. `before` and `after` hold no secrets; None: there is none."""

    action: str
    resource: str
    row: str
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None


class BrokenChain(msgspec.Struct, frozen=True):
    """Where an organisation's chain is broken, and how."""

    org: str
    number: int
    problem: str


class Verified(msgspec.Struct, frozen=True):
    """How far a chain is whole: its entries, and the hash of the last."""

    org: str
    entries: int
    last: str


def append(session: AsyncSession, row: t.Organisation, by: By, act: Act, at_us: int) -> None:
    """Add an entry; the organisation's row must be locked."""
    number = row.audit_number + 1
    entry = t.AuditEntry(
        org=row.id,
        number=number,
        at_us=at_us,
        actor=by.subject,
        role=by.role,
        client=by.client,
        address=by.address,
        action=act.action,
        resource=act.resource,
        row=act.row,
        before=_canonical(act.before),
        after=_canonical(act.after),
        previous=row.audit_hash,
    )
    entry.hash = digest(entry)
    session.add(entry)
    row.audit_number, row.audit_hash = number, entry.hash


def announce(org: str, number: int, last: str) -> None:
    """Write the chain's end to the log, which others keep."""
    log.info("audit.appended", org=org, number=number, hash=last)


def digest(entry: t.AuditEntry) -> str:
    """Return what an entry's hash must be."""
    content = [getattr(entry, name) for name in CONTENT]
    return hashlib.sha256(json.dumps(content, ensure_ascii=True).encode()).hexdigest()


def shown(resource: str, before: BaseModel | None, after: BaseModel | None) -> list[Any]:
    """Return both forms as the audit keeps them: of a secret only whether it is set or changed."""
    kind = BY_NAME.get(resource)
    secrets = kind.secrets if kind is not None else ()
    made = [None if one is None else one.model_dump(mode="json") for one in (before, after)]
    old, new = made
    for name in secrets:
        past = (old or {}).get(name, "")
        if new is not None:
            new[name] = "" if not new[name] else "(set)" if new[name] == past else "(changed)"
        if old is not None:
            old[name] = "(set)" if past else ""
    return made


async def verify(session: AsyncSession, org: str) -> Verified | BrokenChain:
    """Recompute the whole chain of an organisation."""
    previous, number = BEGINNING, 0
    async for entry in entries(session, org):
        number += 1
        if entry.number != number:
            return BrokenChain(org, number, "is missing")
        if entry.previous != previous:
            return BrokenChain(org, number, "does not follow the entry before it")
        if entry.hash != digest(entry):
            return BrokenChain(org, number, "was changed")
        previous = entry.hash
    row = await session.get(t.Organisation, org)
    if row is not None and (row.audit_number, row.audit_hash) != (number, previous):
        return BrokenChain(org, number + 1, f"is missing: {row.audit_number} were written")
    return Verified(org, number, previous)


async def entries(session: AsyncSession, org: str) -> AsyncIterator[t.AuditEntry]:
    """Yield all entries of an organisation, oldest first."""
    last = 0
    while True:
        wanted = select(t.AuditEntry).where(t.AuditEntry.org == org, t.AuditEntry.number > last)
        found = list(await session.scalars(wanted.order_by(t.AuditEntry.number).limit(READ_N)))
        for entry in found:
            yield entry
        if not found:
            return
        last = found[-1].number
        session.expunge_all()


async def page(
    engine: AsyncEngine, org: str, *, after: int, limit: int, filters: Mapping[str, Any]
) -> list[t.AuditEntry]:
    """Return entries, newest first, from the first before number `after` (0: from the newest)."""
    wanted = select(t.AuditEntry).where(t.AuditEntry.org == org)
    if after:
        wanted = wanted.where(t.AuditEntry.number < after)
    for name, value in filters.items():
        wanted = wanted.where(FILTERS[name](value))
    async with AsyncSession(engine) as session:
        return list(await session.scalars(wanted.order_by(t.AuditEntry.number.desc()).limit(limit)))


FILTERS: Mapping[str, Callable[[Any], ColumnElement[bool]]] = {
    "actor": lambda value: t.AuditEntry.actor == value,
    "action": lambda value: t.AuditEntry.action == value,
    "resource": lambda value: t.AuditEntry.resource == value,
    "row": lambda value: t.AuditEntry.row == value,
    "from_at": lambda value: t.AuditEntry.at_us >= int(value * 1e6),
    "until_at": lambda value: t.AuditEntry.at_us < int(value * 1e6),
}


def _canonical(value: Mapping[str, Any] | None) -> str:
    if value is None:
        return ""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
