"""The one place where HTTP requests are let through: who sends it, and may they?

Every route is made by `Access.route` (or is an `Endpoint` of the administration) and so declares
what it asks for. What a role may do is looked up in the settings in memory: no store is asked.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route

from actors.config import OrgConfig
from actors.permissions import Permission, Rights, rights_of
from serve.api_errors import ApiError
from serve.doors import Configs
from serve.identity import BadTokenError, Identity

Handler = Callable[[Request], Awaitable[Response]]


class Open(msgspec.Struct, frozen=True):
    """A route that asks nobody for a permission, and why that is right."""

    why: str


Needs = Permission | Open


class Caller(msgspec.Struct, frozen=True):
    """Who sends a request, and what they may do now, by these settings."""

    who: Identity
    rights: Rights
    config: OrgConfig | None = None


class Declared(Route):
    """A route with what each of its methods asks for. `slashed`: the last id of the path, which
    may have slashes in it."""

    def __init__(
        self, path: str, endpoint: Handler, needs: Mapping[str, Needs], *, slashed: str = ""
    ) -> None:
        routed = path.replace(f"{{{slashed}}}", f"{{{slashed}:path}}") if slashed else path
        super().__init__(routed, endpoint, methods=list(needs))
        self.path = path
        self.needs = dict(needs)


class Access:
    """Lets requests through. `verify` returns the bearer of a token (`serve.oauth.guard`)."""

    def __init__(
        self,
        verify: Callable[[str, float], Identity],
        configs: Configs,
        wall: Callable[[], float],
    ) -> None:
        self._verify = verify
        self._configs = configs
        self._wall = wall

    def route(
        self, path: str, handler: Handler, needs: Needs, methods: Sequence[str] = ("GET",)
    ) -> Declared:
        """Return the route; its handler runs only for who may, and finds them by `caller_of`."""
        if isinstance(needs, Open):
            return Declared(path, handler, dict.fromkeys(methods, needs))

        async def checked(request: Request) -> Response:
            request.state.caller = await self.admit(request, needs)
            return await handler(request)

        return Declared(path, checked, dict.fromkeys(methods, needs))

    async def admit(self, request: Request, needs: Permission) -> Caller:
        """Return who sends the request, and may.

        Raises:
            ApiError: `bad_token` or `forbidden`.
        """
        who = self._bearer(request)
        config = await self._configs.get(who.org)
        caller = Caller(who, rights_of(config, who.role, who.subject), config)
        if not caller.rights.may(needs):
            raise ApiError("forbidden", f"Your role may not {needs.action} {needs.resource}.")
        return caller

    def _bearer(self, request: Request) -> Identity:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise ApiError("bad_token", "Send the header `Authorization: Bearer <token>`.")
        try:
            return self._verify(token.strip(), self._wall())
        except BadTokenError as error:
            raise ApiError("bad_token", str(error)) from None


def caller_of(request: Request) -> Caller:
    """Return who was let through."""
    found: Caller = request.state.caller
    return found


def all_routes(routes: Sequence[BaseRoute], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (path, route) of every route, those of mounted applications too."""
    for route in routes:
        path = prefix + getattr(route, "path", "")
        if isinstance(route, Mount) and route.routes:
            yield from all_routes(route.routes, path)
        else:
            yield path, route
