"""Serves the endpoints: who calls, may they, is the request whole; then one transaction."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import structlog
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from actors.permissions import Permission
from infra.directory.audit import By
from infra.directory.declared import DeclarationError
from infra.directory.refusals import RefusedError
from infra.directory.store import Directory
from infra.directory.writer import Writer
from serve.access import Access, Caller
from serve.admin.endpoints import Answer, Call, DryRunError, Endpoint
from serve.admin.problems import Mistake, ProblemCode, ProblemError, answer_problem
from serve.admin.reading import (
    fingerprint,
    parse_body,
    read_body,
    read_idempotency_key,
    read_path,
    read_precondition,
    read_query,
)
from serve.api_errors import STATUS, ApiError
from serve.doors import Acts
from serve.knowledge.workshop import Workshop
from serve.oauth.ending import Ending

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class AdminParts:
    """What the API is given. `address` says from where a request comes; `hash_password` raises
    `ApiError`: too many wait."""

    directory: Directory
    access: Access
    address: Callable[[Request], str]
    hash_password: Callable[[str], Awaitable[str]]
    acts: Acts | None = None
    ending: Ending | None = None
    workshop: Workshop = field(default_factory=Workshop)


class Server:
    """Turns requests into calls, and answers and refusals into responses."""

    def __init__(self, parts: AdminParts) -> None:
        self._parts = parts

    def route(self, endpoints: Sequence[Endpoint]) -> Callable[[Request], Awaitable[Response]]:
        """Return the ASGI endpoint of one path."""
        by_method = {endpoint.method: endpoint for endpoint in endpoints}

        async def serve(request: Request) -> Response:
            method = "GET" if request.method == "HEAD" else request.method
            return await self._answer(request, by_method[method])  # type: ignore[index]  # routed

        return serve

    async def _answer(self, request: Request, endpoint: Endpoint) -> Response:
        try:
            return await self._serve(request, endpoint)
        except ProblemError as error:
            return answer_problem(error)
        except RefusedError as error:
            return answer_problem(ProblemError(error.code, str(error)))
        except DeclarationError as error:
            mistakes = [Mistake(at="", detail=line.strip()) for line in str(error).splitlines()]
            problem = ProblemError("invalid", "The body is wrong.", errors=mistakes)
            return answer_problem(problem)
        except Exception as error:
            log.exception("admin.failed", path=request.url.path, error=repr(error))
            return answer_problem(ProblemError("internal", "This failed on our side: try again."))

    async def _serve(self, request: Request, endpoint: Endpoint) -> Response:
        caller = await self._admit(request, endpoint.permission)
        who = caller.who
        call = Call(
            request=request,
            directory=self._parts.directory,
            who=who,
            rights=caller.rights,
            config=caller.config,
            acts=self._parts.acts,
            ending=self._parts.ending,
            by=By(
                subject=who.subject,
                role=who.role,
                client=who.client_id,
                address=self._parts.address(request),
            ),
            path=read_path(request, endpoint),
            query=read_query(request, endpoint),
            workshop=self._parts.workshop,
        )
        if endpoint.reads is not None:
            if endpoint.has_body:
                call = replace(call, body=parse_body(await read_body(request, endpoint), endpoint))
            answer = await endpoint.reads(call)
            return _response(answer, request.headers.get("if-none-match", ""))
        return _response(await self._write(call, endpoint), "")

    async def _admit(self, request: Request, permission: Permission) -> Caller:
        try:
            return await self._parts.access.admit(request, permission)
        except ApiError as error:
            code: ProblemCode = "bad_token" if STATUS[error.code] == 401 else "forbidden"
            raise ProblemError(code, error.detail) from None

    async def _write(self, call: Call, endpoint: Endpoint) -> Answer:
        request = call.request
        if_match = read_precondition(request) if endpoint.precondition else ""
        key = read_idempotency_key(request)
        data = await read_body(request, endpoint)
        body = parse_body(data, endpoint)
        secret = await self._hashed(body)
        fields = {**call.__dict__, "body": body, "if_match": if_match, "password_hash": secret}
        ready, mark = Call(**fields), fingerprint(request, data)
        if endpoint.prepares is not None:
            ready = replace(ready, body=await endpoint.prepares(ready))
        try:
            async with call.directory.writing(call.org, call.by) as writer:
                return await self._once(ready, endpoint, writer, (key, mark))
        except DryRunError as tried:
            return tried.answer

    async def _once(
        self, call: Call, endpoint: Endpoint, writer: Writer, once: tuple[str, str]
    ) -> Answer:
        key, mark = once
        before = await writer.remembered(key, mark) if key else None
        if before is not None:
            return Answer(**before)
        assert endpoint.writes is not None
        answer = await endpoint.writes(call, writer)
        if endpoint.guards_administrator:
            await writer.check_administrator()
        if key:
            text = answer.body.model_dump_json() if isinstance(answer.body, BaseModel) else None
            kept: dict[str, Any] = {**answer.__dict__, "body": text}
            writer.remember(key, mark, kept)
        return answer

    async def _hashed(self, body: Any) -> str:
        """Return the hash of a new password, '' for none; before the transaction, it is slow."""
        found = body.get("password") if isinstance(body, dict) else getattr(body, "password", None)
        if not isinstance(found, str):
            return ""
        try:
            return await self._parts.hash_password(found)
        except ApiError as error:
            raise ProblemError("overloaded", error.detail) from None


def _response(answer: Answer, if_none_match: str) -> Response:
    headers = {"cache-control": "no-store"}
    if answer.etag is not None:
        headers["etag"] = f'"{answer.etag}"'
        if headers["etag"] in if_none_match:
            return Response(None, 304, headers=headers)
    if answer.location:
        headers["location"] = answer.location
    if answer.body is None:
        return Response(None, 204 if answer.status == 200 else answer.status, headers=headers)
    text = answer.body.model_dump_json() if isinstance(answer.body, BaseModel) else answer.body
    return Response(text, answer.status, headers=headers, media_type=answer.media)


async def answer_http_error(_: Request, error: Exception) -> Response:
    """Exception handler of the framework's own errors: unknown paths and methods."""
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    if error.status_code == 405:
        told = "This path does not take that method."
        return answer_problem(ProblemError("method_not_allowed", told, headers=headers))
    if error.status_code == 404:
        return answer_problem(ProblemError("not_found", "There is no such path."))
    return answer_problem(ProblemError("bad_request", str(error.detail), headers=headers))
