"""What ties a sign-in to one browser: a cookie of our choosing, a form token, and the Origin."""

from __future__ import annotations

import hmac
import secrets

from starlette.requests import Request
from starlette.responses import Response

from infra.oauth_store import Pending, digest

PENDING_S = 600.0
"""How long a person may take over the sign-in page."""
DEVICE_S = 90 * 24 * 3600
COOKIE, DEVICE = "raydesk-sign-in", "raydesk-device"


class Binding:
    """Makes and checks the cookies. `secure`: browsers reach us by https only."""

    def __init__(self, *, secure: bool, origins: frozenset[str]) -> None:
        self._secure = secure
        self._origins = origins

    def new(self) -> tuple[str, str, str]:
        """Return a sign-in's key, its browser's secret and its form token. Always fresh: what a
        browser brings along, an attacker may have planted."""
        return secrets.token_urlsafe(24), secrets.token_urlsafe(24), secrets.token_urlsafe(24)

    def set(self, response: Response, key: str, secret: str) -> None:
        """Give the browser its secret; one cookie per sign-in, so that two tabs do not meet."""
        self._cookie(response, self._name(f"{COOKIE}-{key[:8]}"), secret, int(PENDING_S))

    def clear(self, response: Response, key: str) -> None:
        """Take it back."""
        self._cookie(response, self._name(f"{COOKIE}-{key[:8]}"), "", 0)

    def is_same(self, request: Request, key: str, pending: Pending) -> bool:
        """Tell whether this is the browser that began the sign-in."""
        secret = request.cookies.get(self._name(f"{COOKIE}-{key[:8]}"), "")
        return bool(secret) and hmac.compare_digest(digest(secret), pending.browser)

    def is_ours(self, request: Request, csrf: str, pending: Pending) -> bool:
        """Tell whether the post comes from our own page: its form token, and its Origin."""
        origin = request.headers.get("origin")
        if origin is not None and origin not in self._origins:
            return False
        return hmac.compare_digest(csrf.encode(), pending.csrf.encode())

    def device(self, request: Request) -> str:
        """Return what the browser was given when somebody last signed in from it."""
        return request.cookies.get(self._name(DEVICE), "")[:64]

    def set_device(self, response: Response, device: str) -> None:
        """Know the browser again."""
        self._cookie(response, self._name(DEVICE), device, DEVICE_S)

    def _name(self, name: str) -> str:
        # Browsers take such a cookie only from us, by https: no subdomain can plant it.
        return f"__Host-{name}" if self._secure else name

    def _cookie(self, response: Response, name: str, value: str, age_s: int) -> None:
        response.set_cookie(
            name, value, max_age=age_s, path="/", secure=self._secure, httponly=True, samesite="lax"
        )
