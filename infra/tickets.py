"""Tickets in SQL: what customers wanted whom nobody could serve."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import structlog
from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from actors.session.tickets import Ticket, joined
from infra.directory import tables as t

log = structlog.get_logger()


class SqlTickets:
    """Implements `actors.recording.Rows`, and lists them for the desk."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def add(self, org: str, tickets: Sequence[Ticket]) -> None:
        """Store tickets, one a session, with everything that was left in it, each once. Those of
        an organisation that is gone are dropped."""
        new: dict[str, Ticket] = {}
        for one in tickets:
            known_one = new.get(one.session)
            new[one.session] = one if known_one is None else joined(known_one, one)
        async with self._engine.begin() as connection:
            known = select(t.Organisation.id).where(t.Organisation.id == org)
            if await connection.scalar(known) is None:
                log.warning("tickets.dropped", org=org, tickets=len(new))
                return
            mine = t.Ticket.org == org
            there = select(t.Ticket.facts).where(mine, t.Ticket.id.in_(list(new)))
            for facts in await connection.scalars(there.with_for_update()):
                before = msgspec.convert(facts, Ticket)
                both = joined(before, new.pop(before.session))
                if both != before:
                    row = mine & (t.Ticket.id == both.session)
                    values = {"facts": msgspec.to_builtins(both)}
                    await connection.execute(update(t.Ticket).where(row).values(values))
            if new:
                await connection.execute(insert(t.Ticket), [_row(org, one) for one in new.values()])

    async def newest(self, org: str, limit: int, before: float | None = None) -> list[Ticket]:
        """Return tickets older than `before`, newest first."""
        wanted = select(t.Ticket.facts).where(t.Ticket.org == org)
        if before is not None:
            wanted = wanted.where(t.Ticket.at < before)
        wanted = wanted.order_by(t.Ticket.at.desc(), t.Ticket.id).limit(limit)
        async with self._engine.connect() as connection:
            return [msgspec.convert(one, Ticket) for one in await connection.scalars(wanted)]


def _row(org: str, ticket: Ticket) -> dict[str, object]:
    return {
        "org": org,
        "id": ticket.session,
        "at": ticket.at,
        "queue": ticket.queue,
        "reason": ticket.reason,
        "customer": ticket.customer,
        "facts": msgspec.to_builtins(ticket),
    }
