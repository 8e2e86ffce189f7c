"""Authlib's grants over what was read before: they decide, they store nothing.

Authlib is synchronous and our stores are not. So each request is three steps: load what it names,
let Authlib judge, then do what it decided (`serve.oauth.token_endpoint`). Whatever must be atomic
(using a code, rotating a refresh token) is in the third step and can still refuse.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import AuthorizationServer
from authlib.oauth2.rfc6749.errors import InvalidRequestError
from authlib.oauth2.rfc6749.grants import (
    AuthorizationCodeGrant,
    ClientCredentialsGrant,
    RefreshTokenGrant,
)
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc7662 import IntrospectionEndpoint

from serve.doors import Account
from serve.oauth.records import KnownClient, KnownCode, KnownToken

ACCESS_S = 300.0
"""Life of an access token (RFC 9068): a stolen one is worth little."""
METHODS = ["none", "client_secret_basic", "client_secret_post"]
SECRET_METHODS = ["client_secret_basic", "client_secret_post"]


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """What a request names, as it was found."""

    client: KnownClient | None = None
    code: KnownCode | None = None
    token: KnownToken | None = None
    account: Account | None = None


class Reply(msgspec.Struct, frozen=True):
    """What Authlib wants to answer."""

    status: int
    body: Any
    headers: list[tuple[str, str]]


class S256(CodeChallenge):  # type: ignore[misc]  # Authlib has no types
    """PKCE for every client, public or not, and no method but S256."""

    SUPPORTED_CODE_CHALLENGE_METHOD = ["S256"]  # noqa: RUF012 # Authlib's own shape
    DEFAULT_CODE_CHALLENGE_METHOD = "S256"

    def validate_code_challenge(self, grant: Any, redirect_uri: Any) -> None:
        """Refuse a request without S256, which Authlib would let pass without any challenge."""
        data = grant.request.payload.data
        if not data.get("code_challenge") or data.get("code_challenge_method") != "S256":
            raise InvalidRequestError("PKCE is required: code_challenge_method=S256.")
        super().validate_code_challenge(grant, redirect_uri)


class CodeGrant(AuthorizationCodeGrant):  # type: ignore[misc]  # Authlib has no types
    """Authorization code, only with PKCE."""

    TOKEN_ENDPOINT_AUTH_METHODS = METHODS

    def save_authorization_code(self, code: str, request: Any) -> None:
        """Nothing: the sign-in stores its code itself."""

    def query_authorization_code(self, code: str, client: KnownClient) -> KnownCode | None:
        """Return the code that was loaded, if it is this client's."""
        found: KnownCode | None = self.server.loaded.code
        mine = found is not None and bool(code) and found.record.client_id == client.client_id
        return found if mine else None

    def delete_authorization_code(self, authorization_code: KnownCode) -> None:
        """Nothing: it is used in the third step."""

    def authenticate_user(self, authorization_code: KnownCode) -> Account | None:
        """Return the account, if it still may sign in."""
        return _usable(self.server.loaded, authorization_code.record.stamp)


class RefreshGrant(RefreshTokenGrant):  # type: ignore[misc]  # Authlib has no types
    """Refresh tokens that rotate at every use."""

    TOKEN_ENDPOINT_AUTH_METHODS = METHODS
    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_refresh_token(self, refresh_token: str) -> KnownToken | None:
        """Return the token that was loaded."""
        found: KnownToken | None = self.server.loaded.token
        return found if refresh_token and found is not None and found.opened else None

    def authenticate_user(self, refresh_token: KnownToken) -> Account | None:
        """Return the account, if it still may sign in."""
        opened = refresh_token.opened
        return _usable(self.server.loaded, opened.family.stamp) if opened else None

    def revoke_old_credential(self, refresh_token: KnownToken) -> None:
        """Nothing: it rotates in the third step."""


class CredentialsGrant(ClientCredentialsGrant):  # type: ignore[misc]  # Authlib has no types
    """An integration's own tokens."""

    TOKEN_ENDPOINT_AUTH_METHODS = SECRET_METHODS


class Revocation(RevocationEndpoint):  # type: ignore[misc]  # Authlib has no types
    """RFC 7009. A token of another organisation is as one that never was."""

    CLIENT_AUTH_METHODS = METHODS

    def query_token(self, token_string: str, token_type_hint: str | None) -> KnownToken | None:
        """Return the token that was loaded, whatever the hint."""
        loaded: Loaded = self.server.loaded
        if loaded.token is None or loaded.client is None or not (token_string or token_type_hint):
            return None
        return loaded.token if loaded.client.record.org in ("", loaded.token.org) else None

    def revoke_token(self, token: KnownToken, request: Any) -> None:
        """Note what is to end."""
        self.server.to_end = token if request is not None else None


class Introspection(IntrospectionEndpoint):  # type: ignore[misc]  # Authlib has no types
    """RFC 7662, for clients with a secret and tokens of their own organisation."""

    CLIENT_AUTH_METHODS = SECRET_METHODS

    def check_permission(self, token: KnownToken, client: KnownClient, request: Any) -> bool:
        """Tell nobody about another organisation's tokens."""
        return request is not None and bool(client.record.org) and token.org == client.record.org

    def query_token(self, token_string: str, token_type_hint: str | None) -> KnownToken | None:
        """Return the token that was loaded, whatever the hint."""
        return self.server.loaded.token if token_string or token_type_hint else None

    def introspect_token(self, token: KnownToken) -> dict[str, Any]:
        """Return what a resource server needs to know."""
        if token.who is None:
            assert token.opened is not None
            family = token.opened.family
            return {"client_id": family.client_id, "sub": family.account, "org": family.org}
        who = token.who
        return {
            "client_id": who.client_id,
            "sub": who.subject,
            "org": who.org,
            "roles": [who.role],
            "exp": int(who.expires_at),
            "iat": int(who.issued_at),
            "jti": who.token_id,
            "token_type": "Bearer",
        }


class Judge(AuthorizationServer):  # type: ignore[misc]  # Authlib has no types
    """Authlib's server for one request."""

    def __init__(self, loaded: Loaded) -> None:
        super().__init__()
        self.loaded = loaded
        self.to_end: KnownToken | None = None
        self.register_grant(CodeGrant, [S256(required=True)])
        self.register_grant(RefreshGrant)
        self.register_grant(CredentialsGrant)
        self.register_endpoint(Revocation)
        self.register_endpoint(Introspection)
        self.register_token_generator("default", _draft)

    def query_client(self, client_id: str) -> KnownClient | None:
        """Return the client that was loaded."""
        client = self.loaded.client
        return client if client is not None and client.client_id == client_id else None

    def save_token(self, token: dict[str, Any], request: Any) -> None:
        """Nothing: tokens are made in the third step."""

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Nobody listens."""

    def create_oauth2_request(self, request: Any) -> Any:
        """Return the request, which is one already."""
        return request

    def handle_response(self, status: int, body: Any, headers: Any) -> Reply:
        """Return what is to be answered."""
        return Reply(status, body, list(headers))


@contextmanager
def judging() -> Iterator[None]:
    """Turn Authlib's complaint about its own error text, which repeats a caller's strange
    characters, into a refusal of the request.

    Raises:
        OAuth2Error: whatever Authlib refuses.
    """
    try:
        yield
    except ValueError:
        raise InvalidRequestError("A parameter has characters that it may not have.") from None


def refusal(error: OAuth2Error) -> Reply:
    """Return the answer that an OAuth error makes."""
    return Reply(*error())


def _draft(**_: Any) -> dict[str, Any]:
    """The answer without its tokens."""
    return {"token_type": "Bearer", "expires_in": int(ACCESS_S)}


def _usable(loaded: Loaded, stamp: str) -> Account | None:
    account = loaded.account
    if account is None or not account.enabled or account.stamp != stamp:
        return None
    return account
