"""Access tokens of staff and visitor tokens of customers. The only importer of python-jose.

python-jose picks a verification routine by what a token's header and the shape of a key say
(CVE-2026-85394: a DER public key is taken as an HMAC secret). So nothing reaches it before this
module has decided everything: the header must hold exactly `alg: ES256`, a known `typ` and a `kid`
of ours; the key is an EC object built at start; the signature has the one right size. Symmetric
algorithms, `none`, `jku`, `x5u`, `jwk`, `crit` are refused before the library sees a byte.

Verification is local: no store and no server is asked. A verified token is remembered by its
digest until it expires.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec
from jose import jwk, jws
from jose.exceptions import JOSEError

from actors.messages import Role
from actors.permissions import NOT_OF_ACCOUNTS
from serve.identity import BadTokenError, Identity
from serve.signing_keys import Jwk, KeySet, check_key

ALGORITHM: Literal["ES256"] = "ES256"
ACCESS_TYPE: Literal["at+jwt"] = "at+jwt"
"""RFC 9068."""
VISITOR_TYPE: Literal["visitor+jwt"] = "visitor+jwt"
ISSUER = "raydesk"
ACCESS_AUDIENCE = "raydesk:staff"
VISITOR_AUDIENCE = "raydesk:visitor"
OWN_CLIENT = "raydesk"
"""`client_id` of tokens that no client asked for: the system's own bots' (RFC 9068 wants one)."""
TOKEN_MAX = 8192
LEEWAY_S = 5.0
"""Clocks of two of our machines may differ by this much."""
CACHE_N = 20_000

_SHAPE = re.compile(r"[A-Za-z0-9_-]{1,1024}\.[A-Za-z0-9_-]{1,8000}\.[A-Za-z0-9_-]{86}")
"""header.claims.signature; an ES256 signature is 64 bytes, 86 characters."""


class _Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    alg: Literal["ES256"]
    typ: Literal["at+jwt", "visitor+jwt"]
    kid: str


class _Claims(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Claims of both kinds. `vip` and `attributes` come from a signed assertion or not at all."""

    iss: str
    aud: str
    sub: str
    org: str
    jti: str
    iat: float
    nbf: float
    exp: float
    name: str = ""
    role: Role = "customer"
    kind: str = "human"
    site: str = ""
    device: str = ""
    lang: str = ""
    vip: int = 0
    attributes: dict[str, str] = {}
    client_id: str = ""
    roles: list[str] = []
    sid: str = ""
    auth_time: float = 0.0
    stamp: str = ""


_header = msgspec.json.Decoder(_Header)
_claims = msgspec.json.Decoder(_Claims)


class Tokens:
    """Issues and verifies. Holds the keys and the cache; safe to make in every process.

    The first key signs, all verify, so that a rotated key lives on until its tokens expired. A set
    that is `replace`d says itself from when each key signs and until when it verifies.
    """

    def __init__(
        self, keys: Sequence[Jwk], *, issuer: str = ISSUER, cache_n: int = CACHE_N
    ) -> None:
        self.issuer = issuer
        self._cache: dict[bytes, Identity] = {}
        self._cache_n = cache_n
        self.replace(KeySet(keys=list(keys)))

    def replace(self, keys: KeySet) -> None:
        """Sign and verify with these keys from now on.

        Raises:
            KeysError: one is no EC P-256 key.
        """
        for key in keys.keys:
            check_key(key)
        self._set = keys
        self._public = {key.kid: key.public() for key in keys.keys}
        self._keys = {kid: jwk.construct(key, ALGORITHM) for kid, key in self._public.items()}
        self._signers = {key.kid: jwk.construct(key.private(), ALGORITHM) for key in keys.keys}
        self._cache.clear()

    def jwks(self, now: float = 0.0) -> dict[str, Any]:
        """Return the public keys that verify at `now` as a JWK set."""
        return {"keys": [key.public() for key in self._set.verifying(now)]}

    def issue_access(self, who: Identity, now: float, ttl_s: float = 300.0) -> str:
        """Return an access token of somebody on the staff, whatever the role."""
        if who.role in NOT_OF_ACCOUNTS or not who.role:
            raise ValueError(f"no access token for the role {who.role}")
        return self._issue(who, ACCESS_TYPE, ACCESS_AUDIENCE, now, ttl_s)

    def issue_visitor(self, who: Identity, now: float, ttl_s: float = 86_400.0) -> str:
        """Return a visitor token of a customer."""
        if who.role != "customer":
            raise ValueError(f"no visitor token for the role {who.role}")
        return self._issue(who, VISITOR_TYPE, VISITOR_AUDIENCE, now, ttl_s)

    def verify(self, token: str, now: float) -> Identity:
        """Return the bearer of an access or visitor token.

        Raises:
            BadTokenError: forged, foreign, expired, not yet valid, or of another kind.
        """
        digest = hashlib.blake2b(token.encode("utf-8", "replace"), digest_size=16).digest()
        known = self._cache.get(digest)
        if known is None:
            known = self._verify(token, now)
            if len(self._cache) >= self._cache_n:
                del self._cache[next(iter(self._cache))]
            self._cache[digest] = known
        if known.expires_at <= now:
            self._cache.pop(digest, None)
            raise BadTokenError("The token has expired: get a new one.")
        return known

    def _issue(self, who: Identity, typ: str, audience: str, now: float, ttl_s: float) -> str:
        claims = _Claims(
            iss=self.issuer,
            aud=audience,
            sub=who.subject,
            org=who.org,
            jti=secrets.token_urlsafe(12),
            iat=now,
            nbf=now,
            exp=now + ttl_s,
            name=who.name,
            role=who.role,
            kind=who.kind,
            site=who.site,
            device=who.device,
            lang=who.lang,
            vip=who.vip,
            attributes=who.attributes,
            client_id=who.client_id or OWN_CLIENT,
            roles=[who.role],
            sid=who.family,
            auth_time=who.auth_time,
            stamp=who.stamp,
        )
        kid = self._set.signing(now).kid
        headers = {"typ": typ, "kid": kid}
        payload = msgspec.to_builtins(claims)
        return str(jws.sign(payload, self._signers[kid], headers=headers, algorithm=ALGORITHM))

    def _verify(self, token: str, now: float) -> Identity:
        header = read_header(token)
        key = self._keys.get(header.kid)
        if key is None or not self._set.verifies(header.kid, now):
            raise BadTokenError("The token is signed with an unknown key: get a new one.")
        try:
            payload = jws.verify(token, key, algorithms=[ALGORITHM])
        except JOSEError:
            raise BadTokenError("The token's signature is wrong: get a new one.") from None
        try:
            claims = _claims.decode(payload)
        except msgspec.DecodeError:
            raise BadTokenError("The token's claims are not ours: get a new one.") from None
        self._check(claims, header.typ, now)
        return _bearer(claims)

    def _check(self, claims: _Claims, typ: str, now: float) -> None:
        audience = ACCESS_AUDIENCE if typ == ACCESS_TYPE else VISITOR_AUDIENCE
        if claims.iss != self.issuer or claims.aud != audience:
            raise BadTokenError("The token was issued for something else: get a new one.")
        if (claims.role == "customer") != (typ == VISITOR_TYPE) or claims.role == "system":
            raise BadTokenError("The token is of another kind: get a new one.")
        if not claims.sub or not claims.org or not claims.role:
            raise BadTokenError("The token names nobody: get a new one.")
        if claims.nbf > now + LEEWAY_S or claims.iat > now + LEEWAY_S:
            raise BadTokenError("The token is not valid yet: check the clock.")


def read_header(token: str) -> _Header:
    """Return the header of what has the shape of one of our tokens.

    Raises:
        BadTokenError: anything else at all, without a library having seen it.
    """
    if len(token) > TOKEN_MAX or _SHAPE.fullmatch(token) is None:
        raise BadTokenError("This is not one of our tokens: get one from the HTTP API.")
    encoded = token.partition(".")[0]
    try:
        return _header.decode(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
    except (ValueError, msgspec.DecodeError):
        raise BadTokenError("This is not one of our tokens: get one from the HTTP API.") from None


def _bearer(claims: _Claims) -> Identity:
    return Identity(
        org=claims.org,
        subject=claims.sub,
        role=claims.role,
        name=claims.name,
        kind=claims.kind,
        expires_at=claims.exp,
        site=claims.site,
        device=claims.device,
        lang=claims.lang,
        vip=claims.vip,
        attributes=claims.attributes,
        token_id=claims.jti,
        client_id=claims.client_id,
        family=claims.sid,
        auth_time=claims.auth_time,
        issued_at=claims.iat,
        stamp=claims.stamp,
    )


FOREIGN_ALGORITHMS = {"RS256": "RSA", "PS256": "RSA", "ES256": "EC"}
"""What an identity provider may sign with, and the one key type that goes with it."""


def check_foreign(token: str, key: Mapping[str, Any], algorithm: str) -> bytes:
    """Return the claims of another issuer's token, whose signature by `key` is right.

    `key` is a public JWK of that issuer's own set, chosen by the caller; nothing in the token says
    which. Only asymmetric algorithms, only a JWK of the type that goes with the algorithm.

    Raises:
        BadTokenError: another algorithm or key type, a key with a private or symmetric part, or a
            wrong signature.
    """
    kind = FOREIGN_ALGORITHMS.get(algorithm)
    parts = ("kty", "n", "e") if kind == "RSA" else ("kty", "crv", "x", "y")
    if kind is None or key.get("kty") != kind or len(token) > 2 * TOKEN_MAX:
        raise BadTokenError("The token's algorithm is not accepted.")
    try:
        if kind == "RSA" and len(str(key["n"])) < RSA_N:
            raise BadTokenError("The provider's key is too short.")
        made = jwk.construct({part: key[part] for part in parts}, algorithm)
        return bytes(jws.verify(token, made, algorithms=[algorithm]))
    except (JOSEError, KeyError, ValueError, TypeError):
        raise BadTokenError("The token's signature is wrong: get a new one.") from None


RSA_N = 341
"""Fewest characters of an RSA modulus: 2048 bits."""
