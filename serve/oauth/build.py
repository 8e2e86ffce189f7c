"""Puts the authorization server together: its routes, and what runs while the doors are open."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import structlog
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from actors.permissions import Permission
from serve.access import Open
from serve.api_errors import json_response
from serve.jobs import Job, beside
from serve.oauth.companies import Companies, ProviderDocuments
from serve.oauth.factors import TRIES_BURST, TRIES_RATE, Factors
from serve.oauth.foreign import ForeignTokens
from serve.oauth.guard import Guard
from serve.oauth.key_following import KeyFollower
from serve.oauth.me import MeApi
from serve.oauth.metadata import metadata
from serve.oauth.parts import OAuthParts
from serve.oauth.ports import OAuthWorld
from serve.oauth.sign_in_endpoint import SignInEndpoint
from serve.oauth.token_endpoint import TokenEndpoints
from serve.sign_in import RateLimit
from serve.signing_keys import Jwk
from serve.tokens import Tokens

PROVIDERS_CHECK_S = 5.0
PRUNE_S = 60.0

log = structlog.get_logger()


class Trust:
    """What this process trusts now: our keys, the providers' keys, and who was revoked."""

    def __init__(self, tokens: Tokens, keys: list[Jwk], world: OAuthWorld) -> None:
        self._world = world
        self._keys = KeyFollower(tokens, keys, world.sealed_keys)
        self.documents = ProviderDocuments(world.http)
        self._foreign = ForeignTokens(self.documents.keys, self.documents.wanted)
        self.guard = Guard(tokens, self._foreign)

    @asynccontextmanager
    async def followed(self) -> AsyncIterator[None]:
        """Keep all of it current while the doors are open; it is complete when they open."""
        await self._keys.look()
        await self.look_for_providers()
        jobs: dict[str, Job] = {
            "trust.revocations": lambda: self._world.revocations.watch(self.guard.revoked),
            "trust.keys": self._keys.run,
            "trust.providers": lambda: self._again(PROVIDERS_CHECK_S, self.look_for_providers),
            "trust.prune": lambda: self._again(PRUNE_S, self._prune),
        }
        try:
            async with beside(jobs):
                yield
        finally:
            await self.documents.close()

    async def look_for_providers(self) -> None:
        """Take the providers whose tokens are accepted, and fetch keys that are not here."""
        found = await self._world.registry.providers()
        self._foreign.configured(found)
        for issuer in {one.issuer for one in found if one.audience}:
            if not self.documents.keys(issuer):
                self.documents.wanted(issuer)

    async def _prune(self) -> None:
        self.guard.prune(await self._world.revocations.now())

    async def _again(self, every_s: float, look: Any) -> None:
        while True:
            await asyncio.sleep(every_s)
            try:
                await look()
            except (RedisError, SQLAlchemyError, OSError) as error:
                log.warning("trust.not_followed", error=str(error))


def oauth_routes(parts: OAuthParts, documents: ProviderDocuments) -> list[BaseRoute]:
    """Return the routes of the authorization server."""
    world, factors = parts.world, Factors(parts.world.registry, parts.world.grants)
    companies = Companies(
        url=world.url,
        providers=world.registry.providers,
        accounts=parts.accounts,
        changing=world.accounts,
        documents=documents,
    )
    pages, programs = SignInEndpoint(parts, companies, factors), TokenEndpoints(parts)
    me = MeApi(parts, factors, RateLimit(TRIES_RATE, TRIES_BURST, time.monotonic))
    told: Mapping[str, Any] = metadata(world.url, password_door=world.password_door)

    async def well_known(_: Request) -> Response:
        return json_response(told)

    route, one_self = parts.api.access.route, Permission("me", "update")
    public = Open("OAuth's own protocol says who calls")
    return [
        route("/.well-known/oauth-authorization-server", well_known, Open("RFC 8414: public")),
        route("/oauth/authorize", pages.authorize, public),
        route("/oauth/sign-in", pages.sign_in, public, ["POST"]),
        route("/oauth/callback", pages.arrived, public),
        route("/oauth/token", programs.token, public, ["POST"]),
        route("/oauth/revoke", programs.revoke, public, ["POST"]),
        route("/oauth/introspect", programs.introspect, public, ["POST"]),
        route("/v1/me/password", me.password, one_self, ["POST"]),
        route("/v1/me/totp", me.totp, one_self, ["POST"]),
        route("/v1/me/totp", me.no_totp, one_self, ["DELETE"]),
        route("/v1/me/sign-out", me.sign_out, Permission("me", "sign_out"), ["POST"]),
    ]
