"""What a refresh token looks like: `family.generation.MAC`. Nothing of it is stored."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets

from infra.oauth_store import Family

_SHAPE = re.compile(r"([A-Za-z0-9_-]{22})\.([1-9][0-9]{0,8})\.([A-Za-z0-9_-]{43})")


def new_family_key() -> str:
    """Return a key that no family has had."""
    return secrets.token_urlsafe(16)


def refresh_token(family: Family, generation: int) -> str:
    """Return the family's refresh token of that generation; always the same one."""
    said = f"{family.key}.{generation}"
    mac = hmac.digest(family.secret.encode(), said.encode(), hashlib.sha256)
    return f"{said}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


def split_refresh(token: str) -> tuple[str, int] | None:
    """Return what a refresh token says: family and generation; None for anything else.

    It proves nothing until `refresh_token` of the family gives the same.
    """
    found = _SHAPE.fullmatch(token)
    return None if found is None else (found[1], int(found[2]))


def is_genuine(token: str, family: Family, generation: int) -> bool:
    """Tell whether we made the token."""
    return hmac.compare_digest(token.encode(), refresh_token(family, generation).encode())
