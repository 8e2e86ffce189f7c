"""What staff sees over HTTP: live queues, agents and sessions, and a session's history. Whoever
reaches own groups only sees these groups' things, and no others exist."""

from __future__ import annotations

import hashlib
from typing import Literal

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from actors.acts import Act, Source
from actors.addresses import Kind
from actors.permissions import leads_agent, leads_queue, leads_session
from actors.recent import Recent
from serve.access import Caller, caller_of
from serve.api_errors import ApiError, json_response
from serve.api_parts import ApiParts, address_of, read_number
from serve.gateway.mapping import session_address

PAGE_N = 500
"""Most frames on one page."""
HOUR_S = 3600.0
RECENT_N = 10_000


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
        self._recorded: Recent[str, bool] = Recent(RECENT_N)

    async def queues(self, request: Request) -> Response:
        """List the caller's queues: who waits, how long."""
        caller = caller_of(request)
        found = await self._survey(caller, "queue")
        mine = [q for q in found if leads_queue(caller.config, caller.rights, str(q.get("queue")))]
        return json_response({"queues": mine})

    async def agents(self, request: Request) -> Response:
        """List the caller's agents: status, load."""
        caller = caller_of(request)
        found = await self._survey(caller, "agent")
        mine = [a for a in found if leads_agent(caller.config, caller.rights, str(a.get("agent")))]
        return json_response({"agents": mine})

    async def sessions(self, request: Request) -> Response:
        """List the caller's running sessions."""
        caller = caller_of(request)
        found = await self._survey(caller, "session")
        return json_response({"sessions": [one for one in found if _leads(caller, one)]})

    async def messages(self, request: Request) -> Response:
        """Return a page of a session's history to who took part, or may read other people's."""
        caller = caller_of(request)
        session, track = request.path_params["session"], read_track(request)
        if not await self._check_may_read(caller, session, track):
            await self._record_reading(request, caller, session, track)
        after = read_number(request, "after", 0, least=0, most=2**53)
        limit = read_number(request, "limit", 100, least=1, most=PAGE_N)
        found = await self._parts.history.page(caller.who.org, session, track, after, limit)
        last = msgspec.json.decode(found[-1], type=_Numbered).seq if len(found) == limit else 0
        return json_response(Page(session, [msgspec.Raw(frame) for frame in found], last))

    async def _survey(self, caller: Caller, kind: Kind) -> list[dict[str, object]]:
        return await self._parts.fabric.survey(kind, caller.who.org)

    async def _check_may_read(self, caller: Caller, session: str, track: str) -> bool:
        """Refuse whoever has nothing to do with the session, as if it did not exist; tell whether
        the caller took part."""
        who, history = caller.who, self._parts.history
        known = session_address(who.org, session) is not None
        customer = await history.customer(who.org, session) if known else None
        if customer is None:
            took_part = False
        elif who.role == "customer":
            took_part = customer == who.subject
        else:
            took_part = await history.took_part(who.org, session, who.subject)
        leads = customer is not None and not took_part and await self._leads_past(caller, session)
        if not took_part and not leads:
            raise ApiError("unknown_session", "There is no such session for you.")
        if track == "aside" and who.role == "customer":
            raise ApiError("forbidden", "Only staff can read what was said aside.")
        return took_part

    async def _record_reading(
        self, request: Request, caller: Caller, session: str, track: str
    ) -> None:
        """Record that somebody read other people's session: once an hour, whatever the pages."""
        who, acts, now = caller.who, self._parts.acts, self._parts.wall()
        key = f"read/{who.org}/{session}/{track}/{who.subject}/{int(now // HOUR_S)}"
        if acts is None or self._recorded.get(key):
            return
        act = Act(
            id=hashlib.sha256(key.encode()).hexdigest(),
            at=now,
            action="read",
            resource="transcripts",
            row=session,
            actor=who.subject,
            role=who.role,
            source=Source(address=address_of(request, self._parts), client=who.client_id),
            after={"track": track},
        )
        await acts.append(who.org, act)
        self._recorded.set(key, True)

    async def _leads_past(self, caller: Caller, session: str) -> bool:
        if not caller.rights.may("transcripts:read"):
            return False
        queue, agent = await self._parts.history.place(caller.who.org, session)
        return leads_session(caller.config, caller.rights, queue, agent)


def _leads(caller: Caller, line: dict[str, object]) -> bool:
    queue, agent = str(line.get("queue", "")), str(line.get("agent", ""))
    return leads_session(caller.config, caller.rights, queue, agent)


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
