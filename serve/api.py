"""The doors as one ASGI application: the WebSocket, the HTTP API, the pages."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from pathlib import Path

import structlog
from authlib.oauth2 import OAuth2Error
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, WebSocketRoute

from actors.permissions import Permission
from actors.ports import Fabric
from serve.access import Access, Open
from serve.admin.application import admin_routes
from serve.admin.serving import AdminParts
from serve.api_decisions import DecisionsApi
from serve.api_desk import DeskApi
from serve.api_errors import (
    ApiError,
    answer_api_error,
    answer_defect,
    answer_http_error,
    answer_oauth_error,
    json_response,
)
from serve.api_pages import WEB, SecureHeaders, pages
from serve.api_parts import ApiParts, address_of
from serve.api_tokens import TokenApi
from serve.bot_line import BotLine
from serve.doors import Adapters
from serve.gateway.assisting import Assisting
from serve.gateway.core import Gateway
from serve.gateway.limits import Limits
from serve.gateway.shell import Door
from serve.gateway.world import World
from serve.jobs import Job, beside
from serve.oauth.build import Trust, oauth_routes
from serve.oauth.ending import Ending
from serve.oauth.guard import Guard
from serve.oauth.parts import OAuthParts
from serve.sign_in import SignIn
from serve.tokens import Tokens

log = structlog.get_logger()

REPORT_S = 1.0
READY_S = 2.0
"""The stores and actors must answer within this to count as ready."""


def build_app(name: str, adapters: Adapters, fabric: Fabric) -> Starlette:
    """Return the doors of one process. `name` is its gateway's, never used by another."""
    tokens = Tokens(adapters.keys, issuer=adapters.issuer)
    oauth = adapters.oauth
    trust = Trust(tokens, list(adapters.keys), oauth) if oauth is not None else None
    guard = trust.guard if trust is not None else Guard(tokens)
    ending = None if oauth is None else Ending(oauth.grants, oauth.revocations)
    adapters.config_news(guard.configured)
    assisting = assisting_of(adapters)
    world = World(
        name=name,
        fabric=fabric,
        verifier=guard,
        objection=guard.objection,
        assisting=assisting,
        outcomes=adapters.outcomes,
        customers=adapters.customers,
        configs=adapters.configs,
        metrics=adapters.metrics,
        new_id=adapters.new_id,
        limits=adapters.limits,
        origins=adapters.origins,
    )
    parts = ApiParts(
        tokens=tokens,
        guard=guard,
        access=Access(guard.verify, adapters.configs, time.time),
        sign_in=SignIn(adapters.accounts, time.monotonic, hashes=adapters.hashes),
        sites=adapters.sites,
        history=adapters.history,
        fabric=fabric,
        ready=adapters.ready,
        opened=opened_with(adapters, assisting),
        origins=adapters.origins,
        directory=adapters.directory,
        acts=adapters.acts,
        ending=ending,
        decisions=adapters.decisions,
        tickets=adapters.tickets,
        proxies_n=adapters.proxies_n,
        password_door=oauth is None or oauth.password_door,
    )
    gateway = Gateway(world)
    guard.watch_over(gateway.evicting)
    if trust is None or oauth is None or ending is None:
        return make_app(gateway, parts, adapters.limits)
    more = OAuthParts(
        world=oauth,
        api=parts,
        tokens=tokens,
        guard=guard,
        ending=ending,
        accounts=adapters.accounts,
        origins=adapters.origins,
    )
    routes = oauth_routes(more, trust.documents)
    return make_app(gateway, parts, adapters.limits, routes=routes, followed=trust.followed)


def assisting_of(adapters: Adapters) -> Assisting | None:
    """Return what suggests answers, if there is a way to the bot's model."""
    if adapters.bot_door is None:
        return None
    line = BotLine(adapters.bot_door, adapters.metrics)
    return Assisting(line, adapters.metrics, adapters.outcomes)


def opened_with(
    adapters: Adapters, assisting: Assisting | None
) -> Callable[[], AbstractAsyncContextManager[None]]:
    """Return what is entered while the doors are open, suggestions running beside it."""

    jobs: dict[str, Job] = {}
    if assisting is not None:
        jobs["gateway.suggests"] = assisting.run
    if adapters.outcomes is not None:
        jobs["gateway.outcomes"] = adapters.outcomes.run

    @asynccontextmanager
    async def opened() -> AsyncIterator[None]:
        async with adapters.opened(), beside(jobs):
            yield

    return opened


def make_app(
    gateway: Gateway,
    parts: ApiParts,
    limits: Limits,
    *,
    routes: Sequence[BaseRoute] = (),
    followed: Callable[[], AbstractAsyncContextManager[None]] = nullcontext,
    web: Path = WEB,
) -> Starlette:
    """Return the application. Its lifespan starts the fabric, and drains the sockets at the end.

    `followed` is entered for as long as the doors are open, as `parts.opened` is.
    """
    tokens, desk = TokenApi(parts), DeskApi(parts)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with parts.opened(), followed():
            await parts.fabric.start(gateway)
            reporting = asyncio.create_task(_report(gateway), name="gateway.report")
            try:
                yield
            finally:
                reporting.cancel()
                await gateway.drain()
                await parts.fabric.stop()
                parts.sign_in.close()

    async def healthy(_: Request) -> Response:
        return json_response({"status": "ok", "connections": gateway.open_n()})

    async def ready(_: Request) -> Response:
        fine = not gateway.draining and await _answers(parts)
        return json_response({"status": "ready" if fine else "not ready"}, 200 if fine else 503)

    route, public = parts.access.route, Open("says nothing that a stranger may not know")
    door = Door(gateway, limits, proxies_n=parts.proxies_n)
    return Starlette(
        routes=[
            WebSocketRoute("/ws", door),
            route("/healthz", healthy, public),
            route("/readyz", ready, public),
            route("/.well-known/jwks.json", tokens.keys, public),
            *routes,
            *administration(parts),
            Mount("/v1", routes=[*v1_routes(parts.access, tokens, desk), *decision_routes(parts)]),
            Mount("/", pages(web)),
        ],
        middleware=[Middleware(SecureHeaders)],
        exception_handlers={
            ApiError: answer_api_error,
            OAuth2Error: answer_oauth_error,
            HTTPException: answer_http_error,
            Exception: answer_defect,
        },
        lifespan=lifespan,
    )


def v1_routes(access: Access, tokens: TokenApi, desk: DeskApi) -> list[BaseRoute]:
    """Return the routes of the API's version 1."""
    site = "/sites/{site}/token"
    page, password = Open("a site's visitors are anybody"), Open("signs in, for the demo only")
    return [
        access.route("/token", tokens.staff, password, ["POST"]),
        access.route(site, tokens.visitor, page, ["POST", "OPTIONS"]),
        access.route("/queues", desk.queues, Permission("live-queues", "read")),
        access.route("/agents", desk.agents, Permission("live-agents", "read")),
        access.route("/sessions", desk.sessions, Permission("live-sessions", "read")),
        access.route("/sessions/{session}/messages", desk.messages, Permission("messages", "read")),
    ]


def decision_routes(parts: ApiParts) -> list[BaseRoute]:
    """Return the routes of the decision log, and of what nobody could serve."""
    api, route = DecisionsApi(parts.decisions, parts.tickets), parts.access.route
    return [
        route("/decisions", api.recent, Permission("decisions", "read")),
        route("/decisions/{decision}", api.one, Permission("decisions", "read")),
        route("/tickets", api.tickets, Permission("tickets", "read")),
    ]


def administration(parts: ApiParts) -> list[BaseRoute]:
    """Return the routes of the administration, if there is a directory."""
    if parts.directory is None:
        return []
    return admin_routes(
        AdminParts(
            directory=parts.directory,
            access=parts.access,
            address=lambda request: address_of(request, parts),
            hash_password=parts.sign_in.hash,
            acts=parts.acts,
            ending=parts.ending,
        )
    )


async def _report(gateway: Gateway) -> None:
    while True:
        await asyncio.sleep(REPORT_S)
        gateway.report()


async def _answers(parts: ApiParts) -> bool:
    try:
        async with asyncio.timeout(READY_S):
            return await parts.ready()
    except Exception as error:  # noqa: BLE001 # whatever is broken, the answer is "not ready"
        log.warning("ready.failed", error=repr(error))
        return False
