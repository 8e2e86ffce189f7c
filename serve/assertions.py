"""Identity assertions: how a site's own backend says who a visitor is.

`base64url(JSON claims) + "." + base64url(HMAC-SHA256(secret, "raydesk-assertion-v1." + claims))`.
A helper of its own, apart from the tokens: see `docs/decisions/0021-identity-assertions.md`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from typing import Annotated

import msgspec

from serve.identity import BadTokenError

PREFIX = "raydesk-assertion-v1."
"""Signed with the claims: the site's secret can sign nothing else by accident."""
LIFE_S = 600.0
"""An assertion is made for one page view: longer lives are refused."""
LEEWAY_S = 60.0
"""Clocks of sites are not ours."""
SECRET_N = 32
"""Fewest characters of a site's secret."""
VISITOR_PREFIX = "visitor-"
"""Ids of visitors; a known customer's id may not begin like one."""

_SHAPE = re.compile(r"[A-Za-z0-9_-]{1,8000}\.[A-Za-z0-9_-]{43}")
_Text = Annotated[str, msgspec.Meta(max_length=200)]


class Assertion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a site says of its customer. `iat` and `exp` are seconds since 1970."""

    site: str
    id: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    iat: float
    exp: float
    name: _Text = ""
    lang: Annotated[str, msgspec.Meta(max_length=35)] = ""
    vip: Annotated[int, msgspec.Meta(ge=0, le=100)] = 0
    attributes: Annotated[dict[_Text, _Text], msgspec.Meta(max_length=50)] = {}


_decoder = msgspec.json.Decoder(Assertion)


def sign_assertion(assertion: Assertion, secret: str) -> str:
    """Return the assertion as a site's backend would send it."""
    claims = _encode(msgspec.json.encode(assertion))
    return f"{claims}.{_encode(_mac(claims, secret))}"


def verify_assertion(text: str, *, site: str, secret: str, now: float) -> Assertion:
    """Return what the site says of its visitor.

    Raises:
        BadTokenError: no secret, wrong signature, another site, too old, too long-lived, or an id
            that looks like a visitor's.
    """
    if len(secret) < SECRET_N or _SHAPE.fullmatch(text) is None:
        raise BadTokenError("The identity assertion cannot be used: see docs/protocol.md.")
    claims, _, signature = text.partition(".")
    if not hmac.compare_digest(_encode(_mac(claims, secret)), signature):
        raise BadTokenError("The identity assertion's signature is wrong: check the site secret.")
    try:
        assertion = _decoder.decode(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    except (ValueError, msgspec.DecodeError) as error:
        raise BadTokenError(f"The identity assertion's claims are wrong: {error}") from None
    _check(assertion, site, now)
    return assertion


def _check(assertion: Assertion, site: str, now: float) -> None:
    if assertion.site != site:
        raise BadTokenError("The identity assertion is for another site.")
    if assertion.exp <= now - LEEWAY_S or assertion.iat > now + LEEWAY_S:
        raise BadTokenError("The identity assertion is not valid now: check the clock.")
    if not 0.0 < assertion.exp - assertion.iat <= LIFE_S:
        raise BadTokenError(f"The identity assertion must live at most {LIFE_S:.0f} s.")
    if assertion.id.startswith(VISITOR_PREFIX):
        raise BadTokenError(f"A customer's id may not begin with {VISITOR_PREFIX}")


def _mac(claims: str, secret: str) -> bytes:
    return hmac.digest(secret.encode(), (PREFIX + claims).encode(), hashlib.sha256)


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
