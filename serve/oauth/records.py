"""Our records as Authlib wants to see them, and the request it reads."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from authlib.oauth2.rfc6749 import (
    AuthorizationCodeMixin,
    ClientMixin,
    OAuth2Payload,
    OAuth2Request,
    TokenMixin,
)
from authlib.oauth2.rfc6749.util import extract_basic_authorization

from infra.oauth_store import Client, Code, Opened, digest
from serve.identity import Identity

CONSOLE = "raydesk-console"
"""The client id of our own pages."""


class Ask(OAuth2Request):  # type: ignore[misc]  # Authlib has no types
    """A request to the authorization server, read already.

    Authlib wants to see https; whether TLS ends at us or before us is the operator's business.
    """

    def __init__(
        self, method: str, path: str, values: list[tuple[str, str]], headers: Mapping[str, str]
    ) -> None:
        super().__init__(method, f"https://raydesk{path}", headers=_titled(headers))
        self.values = dict(reversed(values))
        self.payload = _Payload(values)

    @property
    def args(self) -> dict[str, str]:
        """The parameters of a GET."""
        return self.values if self.method == "GET" else {}

    @property
    def form(self) -> dict[str, str]:
        """The parameters of a POST."""
        return self.values if self.method == "POST" else {}


class _Payload(OAuth2Payload):  # type: ignore[misc]  # Authlib has no types
    def __init__(self, values: list[tuple[str, str]]) -> None:
        self._data = dict(reversed(values))
        self._lists: dict[str, list[str]] = {}
        for name, value in values:
            self._lists.setdefault(name, []).append(value)

    @property
    def data(self) -> dict[str, str]:
        return self._data

    @property
    def datalist(self) -> dict[str, list[str]]:
        return self._lists


def _titled(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the one header that Authlib reads; one that is no text counts as none."""
    found = {"Authorization": headers.get("authorization", "")}
    try:
        extract_basic_authorization(found)
    except UnicodeError:
        return {}
    return found


class KnownClient(ClientMixin):  # type: ignore[misc]  # Authlib has no types
    """A registered client."""

    def __init__(self, record: Client) -> None:
        self.record = record
        self.client_id = record.id

    def get_client_id(self) -> str:
        """Return its id."""
        return self.record.id

    def get_default_redirect_uri(self) -> str:
        """Every request names its redirect URI: there is no default."""
        return ""

    def get_allowed_scope(self, scope: str | None) -> str:
        """Roles decide what a token may do; scopes are not used."""
        del scope
        return ""

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        """Compare exactly (RFC 9700, 2.1): no prefix, no pattern, no other port."""
        return redirect_uri in self.record.redirect_uris

    def check_client_secret(self, client_secret: str) -> bool:
        """Compare in constant time. A digest is enough: secrets are long and random."""
        stored = self.record.secret_hash
        return bool(stored) and hmac.compare_digest(stored, digest(client_secret))

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        """A client with a secret shows it; one without has none to show."""
        if not self.record.secret_hash:
            return method == "none" and endpoint != "introspection"
        return method in ("client_secret_basic", "client_secret_post")

    def check_response_type(self, response_type: str) -> bool:
        """Only codes: no implicit flow."""
        return response_type == "code" and "authorization_code" in self.record.grants

    def check_grant_type(self, grant_type: str) -> bool:
        """Only what it was registered for; credentials of its own only with a secret."""
        if grant_type == "client_credentials" and not self.record.secret_hash:
            return False
        return grant_type in self.record.grants


class KnownCode(AuthorizationCodeMixin):  # type: ignore[misc]  # Authlib has no types
    """A code that was issued; its challenge is always S256."""

    code_challenge_method = "S256"

    def __init__(self, record: Code) -> None:
        self.record = record
        self.code_challenge = record.challenge

    def get_redirect_uri(self) -> str:
        """Return where it was sent."""
        return self.record.redirect_uri

    def get_scope(self) -> str:
        """Return no scope."""
        return ""


class KnownToken(TokenMixin):  # type: ignore[misc]  # Authlib has no types
    """A refresh token (`opened` and its generation) or an access token (`who`) that is good."""

    def __init__(
        self, client_id: str, *, opened: Opened | None = None, who: Identity | None = None
    ) -> None:
        self.client_id = client_id
        self.opened = opened
        self.who = who

    def check_client(self, client: Any) -> bool:
        """Tell whether it was issued to that client."""
        return bool(self.client_id == client.client_id)

    def get_scope(self) -> str:
        """Return no scope."""
        return ""

    def is_expired(self) -> bool:
        """What has expired is not even looked at here."""
        return False

    def is_revoked(self) -> bool:
        """Neither is what was revoked."""
        return False

    @property
    def org(self) -> str:
        """Whose token it is."""
        return self.who.org if self.who else self.opened.family.org if self.opened else ""


def console_client(origins: frozenset[str]) -> Client:
    """Return the client of our own pages, which live at these origins."""
    return Client(
        id=CONSOLE,
        name="Raydesk",
        redirect_uris=[f"{origin}/" for origin in sorted(origins)],
        grants=["authorization_code", "refresh_token"],
    )


def origin_of(url: str) -> str:
    """Return the origin of an address, as browsers send it."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()
