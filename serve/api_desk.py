"""What staff sees over HTTP: live queues, agents and sessions, and a session's history."""

from __future__ import annotations

from typing import Literal

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from actors.addresses import Kind
from serve.api_errors import ApiError, json_response
from serve.api_parts import ApiParts, caller, leader, read_number
from serve.gateway.mapping import LEADERS, session_address
from serve.identity import Identity

PAGE_N = 500
"""Most frames on one page."""


class Page(msgspec.Struct, frozen=True):
    """A page of history: frames as the socket sends them. `next` is the `after` of the next page,
    0 when this is the last."""

    session: str
    frames: list[msgspec.Raw]
    next: int


class _Numbered(msgspec.Struct):
    seq: int


class DeskApi:
    """The routes of live state and history."""

    def __init__(self, parts: ApiParts) -> None:
        self._parts = parts

    async def queues(self, request: Request) -> Response:
        """List the organisation's queues: who waits, how long."""
        return await self._survey(request, "queue", "queues")

    async def agents(self, request: Request) -> Response:
        """List the organisation's agents: status, load."""
        return await self._survey(request, "agent", "agents")

    async def sessions(self, request: Request) -> Response:
        """List the organisation's running sessions."""
        return await self._survey(request, "session", "sessions")

    async def messages(self, request: Request) -> Response:
        """Return a page of a session's history to who took part, or leads."""
        who = caller(request, self._parts)
        session = request.path_params["session"]
        track = read_track(request)
        await self._check_may_read(who, session, track)
        after = read_number(request, "after", 0, least=0, most=2**53)
        limit = read_number(request, "limit", 100, least=1, most=PAGE_N)
        found = await self._parts.history.page(who.org, session, track, after, limit)
        last = msgspec.json.decode(found[-1], type=_Numbered).seq if len(found) == limit else 0
        return json_response(Page(session, [msgspec.Raw(frame) for frame in found], last))

    async def _survey(self, request: Request, kind: Kind, name: str) -> Response:
        who = leader(request, self._parts)
        return json_response({name: await self._parts.fabric.survey(kind, who.org)})

    async def _check_may_read(self, who: Identity, session: str, track: str) -> None:
        """Refuse whoever has nothing to do with the session, as if it did not exist."""
        history = self._parts.history
        known = session_address(who.org, session) is not None
        customer = await history.customer(who.org, session) if known else None
        if customer is None:
            allowed = False
        elif who.role == "customer":
            allowed = customer == who.subject
        else:
            allowed = who.role in LEADERS or await history.took_part(who.org, session, who.subject)
        if not allowed:
            raise ApiError("unknown_session", "There is no such session for you.")
        if track == "aside" and who.role == "customer":
            raise ApiError("forbidden", "Only staff can read what was said aside.")


def read_track(request: Request) -> Literal["main", "aside"]:
    """Return the track that the query names.

    Raises:
        ApiError: `bad_request`, neither main nor aside.
    """
    match request.query_params.get("track", "main"):
        case "main":
            return "main"
        case "aside":
            return "aside"
        case _:
            raise ApiError("bad_request", "track must be main or aside.")
