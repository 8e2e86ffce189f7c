"""Tokens of identity providers: whose they are, and whether they are what they say.

Which provider's keys are used follows from the issuer *and* audience that an organisation has
configured, never from a URL or key inside the token. The keys are in memory; an unknown `kid` makes
the owner fetch the set again, at most once in `FETCH_S`.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from actors.permissions import BUILT_IN
from infra.oauth_store import Provider
from serve.identity import BadTokenError, Identity
from serve.tokens import ISSUER, check_foreign

LEEWAY_S = 30.0
"""A provider's clock is not ours."""
LONGEST_S = 24 * 3600.0
RANKED = ("admin", "leader", "agent", "quality_reviewer", "viewer")
"""The highest first. Roles of an organisation's own come after, in the order of the mapping."""
ACCESS_TYPES = ("at+jwt", "application/at+jwt", "jwt")
"""RFC 9068; `JWT` is what Keycloak and Okta write."""
_SHAPE = re.compile(r"[A-Za-z0-9_-]{1,2048}\.[A-Za-z0-9_-]{1,12000}\.[A-Za-z0-9_-]{1,1400}")

Keys = Mapping[str, Mapping[str, Any]]


class ForeignHeader(msgspec.Struct, frozen=True):
    """What is read of a foreign token's header; `jku`, `x5u` and `jwk` are not."""

    alg: str
    kid: str = ""
    typ: str = "JWT"
    crit: list[str] = []


class _Issued(msgspec.Struct, frozen=True):
    iss: str = ""


def read_foreign_header(token: str) -> ForeignHeader:
    """Return the header.

    Raises:
        BadTokenError: it is no token, or needs extensions that nobody here knows.
    """
    if _SHAPE.fullmatch(token) is None:
        raise BadTokenError("This is not a token: get one from your identity provider.")
    try:
        header = msgspec.json.decode(_part(token, 0), type=ForeignHeader)
    except (ValueError, msgspec.DecodeError):
        raise BadTokenError("The token's header is not one: get a new token.") from None
    if header.crit:
        raise BadTokenError("The token needs an extension that is not known here.")
    return header


def verify_foreign(
    token: str, *, issuer: str, audience: str, keys: Keys, now: float
) -> dict[str, Any]:
    """Return the claims of a token that this issuer made for this audience and that is valid now.

    Raises:
        UnknownKeyError: the issuer may have a new key.
        BadTokenError: anything else is wrong.
    """
    header = read_foreign_header(token)
    key = keys.get(header.kid)
    if key is None:
        raise UnknownKeyError("The token's key is not known here yet: try again in a moment.")
    if key.get("use", "sig") != "sig" or key.get("alg", header.alg) != header.alg:
        raise BadTokenError("The token's key is for something else.")
    try:
        claims = msgspec.json.decode(check_foreign(token, key, header.alg), type=dict[str, Any])
    except msgspec.DecodeError:
        raise BadTokenError("The token's claims cannot be read.") from None
    _check_claims(claims, issuer, audience, now)
    return claims


class UnknownKeyError(BadTokenError):
    """The key may be new: fetch the issuer's set again."""


def _check_claims(claims: dict[str, Any], issuer: str, audience: str, now: float) -> None:
    audiences = claims.get("aud")
    audiences = [audiences] if isinstance(audiences, str) else audiences
    if claims.get("iss") != issuer or not isinstance(audiences, list) or audience not in audiences:
        raise BadTokenError("The token was issued for something else.")
    exp, iat, nbf = (_number(claims, name) for name in ("exp", "iat", "nbf"))
    if exp is None or iat is None or exp <= now - LEEWAY_S or exp - iat > LONGEST_S:
        raise BadTokenError("The token has expired: get a new one.")
    if iat > now + LEEWAY_S or (nbf is not None and nbf > now + LEEWAY_S):
        raise BadTokenError("The token is not valid yet: check the clock.")


def _number(claims: dict[str, Any], name: str) -> float | None:
    value = claims.get(name)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def account_of(claims: Mapping[str, Any], provider: Provider) -> str:
    """Return the account's id as the organisation reads it.

    Raises:
        BadTokenError: the claim is missing or cannot be an id, or an address nobody verified.
    """
    value = claims.get(provider.login_claim)
    if provider.login_claim == "email" and claims.get("email_verified") is not True:
        raise BadTokenError("The address is not verified at your identity provider.")
    if not isinstance(value, str) or re.fullmatch(r"[^\s/{}]{1,128}", value) is None:
        raise BadTokenError(f"Your identity provider sends no usable {provider.login_claim}.")
    return value


def role_of(claims: Mapping[str, Any], provider: Provider) -> str:
    """Return the highest role of the groups; `a.b` names a claim inside another (Keycloak's
    `realm_access.roles`).

    Raises:
        BadTokenError: none of the groups has a role.
    """
    found: Any = claims
    for name in provider.groups_claim.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    groups = [found] if isinstance(found, str) else found
    names = [name for name in groups if isinstance(name, str)] if isinstance(groups, list) else []
    mine = [role for name, role in provider.roles.items() if name in names]
    own = [role for role in mine if role not in BUILT_IN]
    roles = [role for role in RANKED if role in mine] + own
    if not roles:
        raise BadTokenError("None of your groups may use Raydesk: ask your administrator.")
    return roles[0]


class ForeignTokens:
    """Access tokens of configured providers (implements `serve.oauth.guard.Foreign`).

    `keys(issuer)` gives what is known of an issuer's keys; `wanted(issuer)` asks for a newer set.
    """

    def __init__(self, keys: Callable[[str], Keys], wanted: Callable[[str], None]) -> None:
        self._keys = keys
        self._wanted = wanted
        self._by_issuer: dict[str, list[Provider]] = {}

    def configured(self, providers: list[Provider]) -> None:
        """Accept the tokens of those of the providers that name an audience."""
        found: dict[str, list[Provider]] = {}
        for provider in providers:
            if provider.audience:
                found.setdefault(provider.issuer, []).append(provider)
        self._by_issuer = found

    def knows(self, token: str) -> bool:
        """Tell whether the token says that one of them issued it. Ours never do."""
        return bool(self._by_issuer) and _issuer(token) in self._by_issuer

    def verify(self, token: str, now: float) -> Identity:
        """Return the bearer.

        Raises:
            BadTokenError: it is not good, or its keys are not here yet.
        """
        issuer = _issuer(token)
        if read_foreign_header(token).typ.lower() not in ACCESS_TYPES:
            raise BadTokenError("This is no access token: send the access token.")
        for provider in self._by_issuer.get(issuer, []):
            try:
                claims = verify_foreign(
                    token,
                    issuer=issuer,
                    audience=provider.audience,
                    keys=self._keys(issuer),
                    now=now,
                )
            except UnknownKeyError:
                self._wanted(issuer)
                raise
            except BadTokenError as error:
                refusal = error
                continue
            return _identity(claims, provider)
        raise refusal


def _identity(claims: dict[str, Any], provider: Provider) -> Identity:
    is_id = "at_hash" in claims or claims.get("typ") == "ID" or claims.get("token_use") == "id"
    # An ID token's audience is the client: then the provider must mark its access tokens.
    unclear = provider.audience == provider.client_id and claims.get("token_use") != "access"
    if is_id or unclear:
        raise BadTokenError("This is an ID token: send the access token.")
    account = account_of(claims, provider)
    return Identity(
        org=provider.org,
        subject=account,
        role=role_of(claims, provider),
        name=str(claims.get("name", ""))[:200] or account,
        expires_at=float(claims["exp"]),
        token_id=str(claims.get("jti", ""))[:200],
        client_id=str(claims.get("azp", claims.get("client_id", "")))[:200],
        issued_at=float(claims["iat"]),
        auth_time=_number(claims, "auth_time") or 0.0,
    )


def _issuer(token: str) -> str:
    """Return what the token says of its issuer, unverified: only to find whose keys to try."""
    if _SHAPE.fullmatch(token) is None:
        return ""
    try:
        issuer = msgspec.json.decode(_part(token, 1), type=_Issued).iss
    except (ValueError, msgspec.DecodeError):
        return ""
    return "" if issuer == ISSUER else issuer


def _part(token: str, index: int) -> bytes:
    encoded = token.split(".")[index]
    return base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
