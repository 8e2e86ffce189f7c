"""The routes of the audit: who did what, and whether the chain is whole."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import Field

from infra.directory import audit
from infra.directory import declared_rows as d
from infra.directory.tables import AuditEntry
from serve.admin import forms as f
from serve.admin.access import Permission
from serve.admin.endpoints import Answer, Call, Endpoint
from serve.admin.reading import cursor_of, read_cursor
from serve.admin.row_routes import page_query

Before = Annotated[int, Field(ge=1, le=2**53)]
_AUDIT_FILTERS: dict[str, Any] = {
    **dict.fromkeys(("actor", "action", "resource", "row"), d.Short),
    **dict.fromkeys(("from_at", "until_at"), d.Instant),
}
AuditQuery = page_query("Audit", _AUDIT_FILTERS)


async def list_audit(call: Call) -> Answer:
    """Return a page of the audit, newest first."""
    query = call.query
    names = [name for name in _AUDIT_FILTERS if getattr(query, name) is not None]
    entries = await call.directory.audit_page(
        call.org,
        after=read_cursor(query.cursor, Before) or 0,
        limit=query.limit + 1,
        filters={name: getattr(query, name) for name in names},
    )
    items = [_act(entry) for entry in entries[: query.limit]]
    last = cursor_of(str(items[-1].number)) if len(entries) > query.limit else None
    return Answer(body=f.AuditPage(items=items, next=last))


def _act(entry: AuditEntry) -> f.AuditRead:
    plain = ("number", "actor", "role", "client", "address", "action", "resource", "row")
    return f.AuditRead(
        **{name: getattr(entry, name) for name in (*plain, "previous", "hash")},
        at=entry.at_us / 1e6,
        before=json.loads(entry.before) if entry.before else None,
        after=json.loads(entry.after) if entry.after else None,
    )


async def verify_audit(call: Call) -> Answer:
    """Recompute the audit chain."""
    [found] = await call.directory.verify_audit(call.org) or [audit.Verified(call.org, 0, "")]
    match found:
        case audit.Verified():
            body = f.Verification(whole=True, entries=found.entries, last_hash=found.last)
        case audit.BrokenChain():
            body = f.Verification(
                whole=False,
                entries=found.number - 1,
                broken_at=found.number,
                problem=found.problem,
            )
    return Answer(body=body)


def audit_endpoints() -> Iterator[Endpoint]:
    """Yield them."""
    yield Endpoint(
        method="GET",
        path="/audit",
        permission=Permission("audit", "read"),
        summary="List administrative acts, newest first.",
        reads=list_audit,
        query=AuditQuery,
        answer=f.AuditPage,
    )
    yield Endpoint(
        method="GET",
        path="/audit/verification",
        permission=Permission("audit", "read"),
        summary="Recompute the audit chain: is it whole?",
        reads=verify_audit,
        answer=f.Verification,
    )
