"""`/v1/me/...`: what everybody on the staff may do to their own account."""

from __future__ import annotations

from typing import Annotated

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from serve.access import caller_of
from serve.api_errors import ApiError, json_response
from serve.api_parts import read_json
from serve.doors import Account
from serve.identity import Identity
from serve.oauth.factors import Factors, enrolment_uri, new_secret
from serve.oauth.parts import OAuthParts
from serve.sign_in import RateLimit

PASSWORD_N = 12
"""Fewest characters of a new password (NIST SP 800-63B-4 wants 15 without a second factor, 8 with;
no composition rules)."""
_Secret = Annotated[str, msgspec.Meta(max_length=256)]


class NewPassword(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    old: _Secret
    new: Annotated[str, msgspec.Meta(min_length=PASSWORD_N, max_length=256)]


class Enrolment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Without `secret`: give me one. With it and a `code` of it: from now on."""

    password: _Secret
    secret: Annotated[str, msgspec.Meta(pattern=r"^([A-Z2-7]{32,64})?$")] = ""
    code: Annotated[str, msgspec.Meta(max_length=6)] = ""


class SignOut(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    everywhere: bool = False


class MeApi:
    """The routes of one's own account. Each wants the password again for what a borrowed screen
    must not do, and counts the tries."""

    def __init__(self, parts: OAuthParts, factors: Factors, tries: RateLimit) -> None:
        self._parts = parts
        self._factors = factors
        self._tries = tries

    async def password(self, request: Request) -> Response:
        """Change the password; every sign-in of the account ends, this one too."""
        who, ask = caller_of(request).who, await read_json(request, NewPassword)
        await self._account(who, ask.old)
        hashed = await self._parts.api.sign_in.hash(ask.new)
        await self._parts.world.accounts.set_password(who.org, who.subject, hashed)
        await self._parts.ending.person(who.org, who.subject)
        return json_response({"signed_out": True})

    async def totp(self, request: Request) -> Response:
        """Set up the second factor: the secret first, then a code that shows it arrived."""
        who, ask = caller_of(request).who, await read_json(request, Enrolment)
        await self._account(who, ask.password)
        if not ask.secret:
            secret = new_secret()
            uri = enrolment_uri(secret, who.subject, who.org)
            return json_response({"secret": secret, "uri": uri})
        if await self._factors.has(who.org, who.subject):
            raise ApiError("bad_request", "There is a second factor: remove it first.")
        if not await self._factors.matches(who.org, who.subject, ask.code, ask.secret):
            raise ApiError("bad_request", "The code is wrong or was used: enter the next one.")
        await self._parts.world.registry.set_totp(who.org, who.subject, ask.secret)
        return json_response({"enabled": True})

    async def no_totp(self, request: Request) -> Response:
        """Remove the second factor, with a code of it."""
        who, ask = caller_of(request).who, await read_json(request, Enrolment)
        await self._account(who, ask.password)
        if not await self._factors.accept(who.org, who.subject, ask.code):
            raise ApiError("bad_request", "The code is wrong or was used: enter the next one.")
        await self._parts.world.registry.set_totp(who.org, who.subject, "")
        return json_response({"enabled": False})

    async def sign_out(self, request: Request) -> Response:
        """End this sign-in, or all of them: tokens, refresh tokens and sockets."""
        who, ask = caller_of(request).who, await read_json(request, SignOut)
        if ask.everywhere:
            await self._parts.ending.person(who.org, who.subject)
        elif who.family:
            await self._parts.ending.sign_in(who.org, who.subject, who.family)
        else:
            await self._parts.ending.token(who.org, who.subject, who.token_id)
        return json_response({"signed_out": True})

    async def _account(self, who: Identity, password: str) -> Account:
        wait = self._tries.take(f"{who.org}\n{who.subject}")
        if wait:
            raise ApiError("overloaded", "Too many tries: wait, then try again.", wait)
        account = await self._parts.accounts.find(who.org, who.subject)
        if who.role == "customer" or account is None or not account.password_hash:
            raise ApiError("forbidden", "This account has no password here.")
        if not await self._parts.api.sign_in.matches(account.password_hash, password):
            raise ApiError("wrong_password", "The password is wrong.")
        return account
