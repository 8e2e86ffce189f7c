"""What the HTTP API is given, and what all its routes need: the body, the page, the address."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec
from starlette.requests import Request

from actors.ports import Fabric
from infra.directory.store import Directory
from infra.tickets import SqlTickets
from serve.access import Access
from serve.api_errors import ApiError
from serve.decisions import DecisionReader
from serve.doors import Acts, History, Sites
from serve.gateway.shell import remote_address
from serve.oauth.ending import Ending
from serve.oauth.guard import Guard
from serve.sign_in import SignIn
from serve.tokens import Tokens
from serve.visitor_limits import VisitorLimits

BODY_LIMIT = 64 * 1024
"""Bytes of a request's body."""
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class ApiParts:
    """The API's dependencies. `ready` says whether the stores and actors answer; `opened` is
    entered for as long as the doors are open."""

    tokens: Tokens
    guard: Guard
    access: Access
    sign_in: SignIn
    sites: Sites
    history: History
    fabric: Fabric
    ready: Callable[[], Awaitable[bool]]
    opened: Callable[[], AbstractAsyncContextManager[None]] = nullcontext
    origins: frozenset[str] = frozenset()
    directory: Directory | None = None
    acts: Acts | None = None
    ending: Ending | None = None
    """None: no sign-ins are ended here."""
    decisions: DecisionReader | None = None
    tickets: SqlTickets | None = None
    proxies_n: int = 0
    wall: Callable[[], float] = time.time
    visitors: VisitorLimits = field(default_factory=lambda: VisitorLimits(time.monotonic))
    password_door: bool = True


async def read_json(request: Request, kind: type[T]) -> T:
    """Return the request's JSON body.

    Raises:
        ApiError: `too_large` or `bad_request`.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_LIMIT:
            raise ApiError("too_large", f"The body is over {BODY_LIMIT} bytes.")
    try:
        return msgspec.json.decode(bytes(body), type=kind)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise ApiError("bad_request", f"The body is not what this route takes: {error}") from None


def read_number(request: Request, name: str, default: int, *, least: int, most: int) -> int:
    """Return a whole number of the query string.

    Raises:
        ApiError: `bad_request`, not a number in [least, most].
    """
    text = request.query_params.get(name, str(default))
    if text.isascii() and text.isdigit() and len(text) < 17 and least <= int(text) <= most:
        return int(text)
    raise ApiError("bad_request", f"{name} must be a whole number from {least} to {most}.")


def address_of(request: Request, parts: ApiParts) -> str:
    """Return the network address that the request came from; '' when nobody here knows it."""
    return remote_address(request.scope, proxies_n=parts.proxies_n)
