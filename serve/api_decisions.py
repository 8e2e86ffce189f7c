"""Why contacts were given to whom, and what was left undone: decisions and tickets over HTTP."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from actors.permissions import leads_queue
from actors.session.tickets import Ticket
from infra.tickets import SqlTickets
from policies.decisions import Decision
from policies.explain import explain
from serve.access import Caller, caller_of
from serve.api_errors import ApiError, json_response
from serve.api_parts import read_number
from serve.decisions import DecisionReader

PAGE_N = 200


class Explained(msgspec.Struct, frozen=True):
    """A decision: its whole row, and the same in words."""

    decision: Decision
    zh: str
    en: str


class Line(msgspec.Struct, frozen=True):
    """A decision in a list."""

    id: str
    at: float
    queue: str
    session: str
    agent: str
    policy: str
    propensity: float
    result: str
    waited_s: float


class DecisionsApi:
    """The routes. None: there is no store to read, so there is nothing in it."""

    def __init__(self, reader: DecisionReader | None, tickets: SqlTickets | None) -> None:
        self._reader = reader
        self._tickets = tickets

    async def one(self, request: Request) -> Response:
        """Explain one decision: in numbers, in Chinese and in English."""
        caller = caller_of(request)
        row = None
        if self._reader is not None:
            row = await self._reader.find(caller.who.org, request.path_params["decision"])
        if row is None or not _leads(caller, row.contact.queue):
            raise ApiError("unknown_decision", "There is no such decision for you.")
        return json_response(Explained(row, explain(row, "zh"), explain(row, "en")))

    async def recent(self, request: Request) -> Response:
        """List the newest decisions, newest first; `session`: about that one only."""
        caller = caller_of(request)
        limit = read_number(request, "limit", 50, least=1, most=PAGE_N)
        session = request.query_params.get("session", "")
        rows = []
        if self._reader is not None:
            rows = await self._reader.recent(caller.who.org, limit, session)
        mine = [row for row in rows if _leads(caller, row.contact.queue)]
        return json_response({"decisions": [_line(row) for row in mine]})

    async def tickets(self, request: Request) -> Response:
        """List what customers wanted whom nobody could serve, newest first."""
        caller = caller_of(request)
        limit = read_number(request, "limit", 50, least=1, most=PAGE_N)
        before = read_number(request, "before", 0, least=0, most=10**12)
        found: list[Ticket] = []
        if self._tickets is not None:
            found = await self._tickets.newest(caller.who.org, limit, float(before) or None)
        mine = [ticket for ticket in found if _leads(caller, ticket.queue)]
        return json_response({"tickets": mine})


def _leads(caller: Caller, queue: str) -> bool:
    return leads_queue(caller.config, caller.rights, queue)


def _line(row: Decision) -> Line:
    return Line(
        id=row.id,
        at=row.at,
        queue=row.contact.queue,
        session=row.contact.session,
        agent=row.action,
        policy=row.policy,
        propensity=row.propensity,
        result=row.result,
        waited_s=round(row.at - row.contact.arrived_at, 3),
    )
