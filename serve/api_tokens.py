"""How a token is got: `POST /v1/token` for staff, `POST /v1/sites/{site}/token` for visitors."""

from __future__ import annotations

import secrets
from typing import Annotated

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from serve.api_errors import ApiError, json_response
from serve.api_parts import ApiParts, address_of, read_json
from serve.assertions import VISITOR_PREFIX, verify_assertion
from serve.doors import Site
from serve.identity import BadTokenError, Identity
from serve.oauth.refresh import new_family_key

DEMO_S = 3600.0
"""Life of a token from the demo's password door, which gives no refresh tokens."""
VISITOR_S = 86_400.0


class SignInRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    org: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    login: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    password: Annotated[str, msgspec.Meta(min_length=1, max_length=256)]


class VisitorRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`token`: a visitor token to renew (same visitor). `assertion`: who the site says it is.
    `device`: chosen by the page once and kept by it."""

    device: Annotated[str, msgspec.Meta(max_length=64)] = ""
    token: Annotated[str, msgspec.Meta(max_length=8192)] = ""
    assertion: Annotated[str, msgspec.Meta(max_length=8192)] = ""


class TokenAnswer(msgspec.Struct, frozen=True, kw_only=True):
    token: str
    expires_at: float
    id: str
    org: str
    role: str
    name: str = ""


class TokenApi:
    """The token routes."""

    def __init__(self, parts: ApiParts) -> None:
        self._parts = parts

    async def staff(self, request: Request) -> Response:
        """Sign in with organisation, login and password: for the demo and for tests only. It is
        no OAuth grant, and a system without the demo has no such door (`RAYDESK_PASSWORD_DOOR`)."""
        if not self._parts.password_door:
            raise ApiError("not_found", "Sign in at /oauth/authorize.")
        ask = await read_json(request, SignInRequest)
        account = await self._parts.sign_in.sign_in(
            ask.org, ask.login, ask.password, address_of(request, self._parts)
        )
        who = Identity(
            org=account.org,
            subject=account.id,
            role=account.role,
            name=account.name,
            kind=account.kind,
            stamp=account.stamp,
        )
        now = self._parts.wall()
        token = self._parts.tokens.issue_access(who, now, DEMO_S)
        return json_response(_answer(token, who, now + DEMO_S))

    async def visitor(self, request: Request) -> Response:
        """Become a visitor of a site, stay one, or be who the site says."""
        site = await self._site(request)
        cors = allow_origin(request, site, self._parts)
        if request.method == "OPTIONS":
            return Response(status_code=204, headers=cors)
        ask = await read_json(request, VisitorRequest)
        address = address_of(request, self._parts)
        wait = self._parts.visitors.take(address, site.key, ask.device)
        if wait:
            raise ApiError("overloaded", "Too many visitors from here: wait.", wait)
        now = self._parts.wall()
        who = self._who(site, ask, now)
        token = self._parts.tokens.issue_visitor(who, now, VISITOR_S)
        return json_response(_answer(token, who, now + VISITOR_S), headers=cors)

    async def keys(self, _: Request) -> Response:
        """Publish the public keys (RFC 7517)."""
        return json_response(self._parts.tokens.jwks(self._parts.wall()))

    async def _site(self, request: Request) -> Site:
        site = await self._parts.sites.get(request.path_params["site"])
        if site is None or not site.enabled:
            raise ApiError("not_found", "No such site: check the site key.")
        return site

    def _who(self, site: Site, ask: VisitorRequest, now: float) -> Identity:
        try:
            if ask.assertion:
                return self._asserted(site, ask, now)
            known = self._parts.guard.verify(ask.token, now) if ask.token else None
        except BadTokenError as error:
            raise ApiError("bad_token", str(error)) from None
        if known is not None:
            return renewable(known, site, ask.device)
        subject = VISITOR_PREFIX + secrets.token_urlsafe(16)
        return Identity(
            org=site.org,
            subject=subject,
            role="customer",
            site=site.key,
            device=ask.device,
            family=new_family_key(),
        )

    def _asserted(self, site: Site, ask: VisitorRequest, now: float) -> Identity:
        said = verify_assertion(ask.assertion, site=site.key, secret=site.secret, now=now)
        return Identity(
            org=site.org,
            subject=said.id,
            role="customer",
            name=said.name,
            site=site.key,
            device=ask.device,
            lang=said.lang,
            vip=said.vip,
            attributes=said.attributes,
            family=new_family_key(),
        )


def renewable(known: Identity, site: Site, device: str = "") -> Identity:
    """Return the visitor whose token may be exchanged for a longer one.

    Not a known customer: the site says anew who that is, and at which VIP level, or nobody does.

    Raises:
        ApiError: `bad_token`, another site's or device's token, a known customer's, or no
            visitor's.
    """
    if known.role != "customer" or known.site != site.key or known.org != site.org:
        raise ApiError("bad_token", "The token is of another site: ask without it.")
    if not known.subject.startswith(VISITOR_PREFIX):
        raise ApiError("bad_token", "A known customer needs a new assertion from the site.")
    if device and known.device and device != known.device:
        raise ApiError("bad_token", "The token is of another device: ask without it.")
    return known


def allow_origin(request: Request, site: Site, parts: ApiParts) -> dict[str, str]:
    """Return the CORS headers for a page of the site; a client without Origin is no browser.

    Raises:
        ApiError: `forbidden`, the page's origin is on no list.
    """
    origin = request.headers.get("origin")
    if origin is None:
        return {}
    if origin not in site.origins and origin not in parts.origins:
        raise ApiError("forbidden", "This page's origin is not allowed: add it to the site.")
    return {
        "access-control-allow-origin": origin,
        "access-control-allow-methods": "POST",
        "access-control-allow-headers": "content-type",
        "access-control-max-age": "600",
        "vary": "origin",
    }


def _answer(token: str, who: Identity, expires_at: float) -> TokenAnswer:
    return TokenAnswer(
        token=token,
        expires_at=expires_at,
        id=who.subject,
        org=who.org,
        role=who.role,
        name=who.name,
    )
