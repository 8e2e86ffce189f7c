"""`/oauth/token`, `/oauth/revoke`, `/oauth/introspect`: load, let Authlib judge, carry out."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import msgspec
import structlog
from authlib.oauth2.rfc6749.errors import InvalidGrantError
from authlib.oauth2.rfc6749.util import extract_basic_authorization
from starlette.requests import Request
from starlette.responses import Response

from infra.oauth_store import Family
from serve.api_errors import ApiError, json_response
from serve.api_parts import address_of
from serve.doors import Account
from serve.identity import BadTokenError, Identity
from serve.oauth.grants import ACCESS_S, Judge, Loaded, Reply, judging, refusal
from serve.oauth.parts import OAuthParts
from serve.oauth.reading import read_ask
from serve.oauth.records import Ask, KnownClient, KnownCode, KnownToken, origin_of
from serve.oauth.refresh import is_genuine, refresh_token, split_refresh
from serve.sign_in import RateLimit

RATE, BURST = 20.0, 200.0
"""Token requests a second from one address: a whole office refreshes through one."""

log = structlog.get_logger()


class TokenEndpoints:
    """The endpoints that programs call."""

    def __init__(self, parts: OAuthParts, clock: Callable[[], float] = time.monotonic) -> None:
        self._parts = parts
        self._limit = RateLimit(RATE, BURST, clock)

    async def token(self, request: Request) -> Response:
        """Exchange a code, a refresh token or client credentials for tokens."""
        self._slow_down(request)
        ask = await read_ask(request)
        loaded = await self._load(ask)
        if loaded.token is not None and await self._is_old(loaded):
            return _respond(refusal(InvalidGrantError()), loaded, request)
        judge = Judge(loaded)
        with judging():
            reply: Reply = judge.create_token_response(ask)
        if reply.status == 200:
            reply = await self._carry_out(ask, loaded, reply)
        return _respond(reply, loaded, request)

    async def revoke(self, request: Request) -> Response:
        """End a token (RFC 7009): a refresh token takes its whole sign-in with it."""
        self._slow_down(request)
        ask = await read_ask(request)
        loaded = await self._load(ask)
        judge = Judge(loaded)
        with judging():
            reply: Reply = judge.create_endpoint_response("revocation", ask)
        if judge.to_end is not None:
            await self._end(judge.to_end)
        return _respond(reply, loaded, request)

    async def introspect(self, request: Request) -> Response:
        """Say whether a token is good now (RFC 7662)."""
        self._slow_down(request)
        ask = await read_ask(request)
        loaded = await self._load(ask)
        with judging():
            reply: Reply = Judge(loaded).create_endpoint_response("introspection", ask)
        return _respond(reply, loaded, request)

    def _slow_down(self, request: Request) -> None:
        wait = self._limit.take(address_of(request, self._parts.api))
        if wait:
            raise ApiError("overloaded", "Too many requests from one address: wait.", wait)

    # --- load ----------------------------------------------------------------------------

    async def _load(self, ask: Ask) -> Loaded:
        found = await self._parts.client(_client_id(ask))
        client = None if found is None else KnownClient(found)
        form = ask.form
        code, token = form.get("code", ""), form.get("refresh_token", form.get("token", ""))
        if code and form.get("grant_type") == "authorization_code":
            record = await self._parts.world.grants.code(code)
            if record is not None:
                account = await self._parts.accounts.find(record.org, record.account)
                return Loaded(client=client, code=KnownCode(record), account=account)
        if token:
            return await self._load_token(client, token)
        return Loaded(client=client)

    async def _load_token(self, client: KnownClient | None, token: str) -> Loaded:
        said = split_refresh(token)
        if said is None:
            try:
                who = self._parts.guard.verify(token, self._parts.api.wall())
            except BadTokenError:
                return Loaded(client=client)
            return Loaded(client=client, token=KnownToken(who.client_id, who=who))
        opened = await self._parts.world.grants.family(said[0])
        if opened is None or not is_genuine(token, opened.family, said[1]):
            return Loaded(client=client)
        family = opened.family
        account = await self._parts.accounts.find(family.org, family.account)
        known = KnownToken(
            family.client_id, opened=msgspec.structs.replace(opened, generation=said[1])
        )
        return Loaded(client=client, token=known, account=account)

    # --- carry out -----------------------------------------------------------------------

    async def _is_old(self, loaded: Loaded) -> bool:
        """End a family whose account may not sign in any more."""
        opened = loaded.token.opened if loaded.token is not None else None
        if opened is None:
            return False
        account = loaded.account
        if account is not None and account.enabled and account.stamp == opened.family.stamp:
            return False
        await self._parts.ending.family(opened.family)
        return True

    async def _carry_out(self, ask: Ask, loaded: Loaded, reply: Reply) -> Reply:
        client = loaded.client
        assert client is not None
        if ask.form["grant_type"] == "client_credentials":
            return _with(reply, access_token=self._integration_token(client))
        assert loaded.account is not None
        if loaded.code is not None:
            return await self._redeem(ask.form["code"], loaded.code, client, loaded.account, reply)
        assert loaded.token is not None
        return await self._rotate(loaded.token, client, loaded.account, reply)

    async def _redeem(
        self, code: str, known: KnownCode, client: KnownClient, account: Account, reply: Reply
    ) -> Reply:
        record, grants = known.record, self._parts.world.grants
        if not await grants.use_code(code):
            # RFC 6749, 4.1.2: a code that comes twice was stolen; what it gave ends.
            log.warning("oauth.code_replayed", client=client.client_id, org=record.org)
            await self._parts.ending.sign_in(record.org, record.account, record.family)
            return refusal(InvalidGrantError("The code was used already."))
        family = Family(
            key=record.family,
            org=record.org,
            account=record.account,
            client_id=record.client_id,
            auth_time=record.auth_time,
            stamp=record.stamp,
        )
        if not client.check_grant_type("refresh_token"):
            return _with(reply, access_token=self._access_token(account, family))
        await grants.open_family(family)
        return self._tokens(reply, account, family, 1)

    async def _rotate(
        self, token: KnownToken, client: KnownClient, account: Account, reply: Reply
    ) -> Reply:
        assert token.opened is not None
        family = token.opened.family
        rotation = await self._parts.world.grants.rotate(family.key, token.opened.generation)
        match rotation.kind:
            case "new" | "repeat":
                return self._tokens(reply, account, family, rotation.generation)
            case "reused":
                log.warning("oauth.refresh_reused", client=client.client_id, org=family.org)
                await self._parts.ending.family(family)
                return refusal(InvalidGrantError("The refresh token was used already: sign in."))
            case "gone":
                return refusal(InvalidGrantError("The sign-in has ended: sign in again."))

    def _tokens(self, reply: Reply, account: Account, family: Family, generation: int) -> Reply:
        return _with(
            reply,
            access_token=self._access_token(account, family),
            refresh_token=refresh_token(family, generation),
        )

    def _access_token(self, account: Account, family: Family) -> str:
        who = Identity(
            org=account.org,
            subject=account.id,
            role=account.role,
            name=account.name,
            kind=account.kind,
            client_id=family.client_id,
            family=family.key,
            auth_time=family.auth_time,
            stamp=family.stamp,
        )
        return self._parts.tokens.issue_access(who, self._parts.api.wall(), ACCESS_S)

    def _integration_token(self, client: KnownClient) -> str:
        record = client.record
        who = Identity(
            org=record.org,
            subject=f"client:{record.id}",
            role=record.role,
            name=record.name,
            client_id=record.id,
        )
        return self._parts.tokens.issue_access(who, self._parts.api.wall(), ACCESS_S)

    async def _end(self, token: KnownToken) -> None:
        if token.opened is not None:
            await self._parts.ending.family(token.opened.family)
        elif token.who is not None:
            who = token.who
            await self._parts.ending.token(who.org, who.subject, who.token_id)


def _client_id(ask: Ask) -> str:
    basic, _ = extract_basic_authorization(ask.headers)
    return basic or ask.values.get("client_id", "")


def _with(reply: Reply, **more: str) -> Reply:
    return Reply(reply.status, {**reply.body, **more}, reply.headers)


def _respond(reply: Reply, loaded: Loaded, request: Request) -> Response:
    headers = {name.lower(): value for name, value in reply.headers}
    headers.pop("content-type", None)
    origin = request.headers.get("origin", "")
    client = loaded.client
    known = {origin_of(uri) for uri in client.record.redirect_uris} if client is not None else ()
    if origin in known:
        headers |= {"access-control-allow-origin": origin, "vary": "origin"}
    body: Any = reply.body
    return json_response(body, reply.status, headers)
