"""Signing in with an organisation's identity provider (OpenID Connect, code flow with PKCE)."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import httpx
import msgspec
import structlog

from infra.oauth_store import Pending, Provider
from serve.doors import Account, Accounts
from serve.identity import BadTokenError
from serve.oauth.foreign import Keys, UnknownKeyError, account_of, role_of, verify_foreign
from serve.oauth.ports import Accounts as ChangingAccounts
from serve.oauth.ports import Arrival

TIMEOUT_S = 10.0
ANSWER_N = 512 * 1024
FETCH_S = 10.0
"""A provider's documents are fetched at most this often for a `kid` that nobody knows."""
FRESH_S = 3600.0
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")

log = structlog.get_logger()


class CompanyError(Exception):
    """Signing in that way failed; the text is for the person. `passing`: it may work later."""

    def __init__(self, text: str, *, passing: bool = False) -> None:
        super().__init__(text)
        self.passing = passing


class Discovered(msgspec.Struct, frozen=True):
    """What is used of a provider's discovery document."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str


class _KeySet(msgspec.Struct, frozen=True):
    keys: list[dict[str, Any]]


class _TokenAnswer(msgspec.Struct, frozen=True):
    id_token: str


class _Known(msgspec.Struct):
    document: Discovered
    keys: Keys
    fetched_at: float


def is_safe(url: str, issuer: str) -> bool:
    """Tell whether we may call it: https, or plain http on this machine for a provider there."""
    parts = urlsplit(url)
    if parts.scheme == "https":
        return bool(parts.netloc)
    local = urlsplit(issuer).hostname in {name.strip("[]") for name in LOOPBACK}
    return parts.scheme == "http" and local and parts.hostname == urlsplit(issuer).hostname


class ProviderDocuments:
    """Discovery documents and keys of providers, in memory. `transport`: an httpx transport."""

    def __init__(self, transport: Any = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: dict[str, _Known] = {}
        self._tried: dict[str, float] = {}
        self._jobs: set[asyncio.Task[None]] = set()
        self.http = httpx.AsyncClient(
            transport=transport, timeout=TIMEOUT_S, follow_redirects=False, trust_env=False
        )

    def keys(self, issuer: str) -> Keys:
        """Return what is known of the issuer's keys now."""
        known = self._known.get(issuer)
        return known.keys if known is not None else {}

    def wanted(self, issuer: str) -> None:
        """Fetch the issuer's keys again soon; at most once in `FETCH_S`."""
        if self._clock() - self._tried.get(issuer, -FETCH_S) < FETCH_S:
            return
        job = asyncio.get_running_loop().create_task(self._quietly(issuer), name="oidc.keys")
        self._jobs.add(job)
        job.add_done_callback(self._jobs.discard)

    async def of(self, issuer: str, *, newer: bool = False) -> _Known:
        """Return the issuer's documents, fetched within the last hour (`newer`: just now).

        Raises:
            CompanyError: it cannot be reached, or its document is not its own.
        """
        known, now = self._known.get(issuer), self._clock()
        recently = now - self._tried.get(issuer, -FETCH_S) < FETCH_S
        if known is not None and (recently if newer else now - known.fetched_at < FRESH_S):
            return known
        self._tried[issuer] = now
        document = await self.fetch(
            f"{issuer.rstrip('/')}/.well-known/openid-configuration", issuer, Discovered
        )
        urls = (document.authorization_endpoint, document.token_endpoint, document.jwks_uri)
        if document.issuer != issuer or not all(is_safe(url, issuer) for url in urls):
            raise CompanyError("The identity provider's document names another issuer.")
        found = await self.fetch(document.jwks_uri, issuer, _KeySet)
        keys = {str(key.get("kid", "")): key for key in found.keys}
        self._known[issuer] = _Known(document, keys, now)
        return self._known[issuer]

    async def fetch(self, url: str, issuer: str, kind: Any, **post: Any) -> Any:
        """Return what a provider answers, bounded and decoded.

        Raises:
            CompanyError: no answer, a refusal, or one that is not what it should be.
        """
        if not is_safe(url, issuer):
            raise CompanyError("The identity provider must be reached by https.")
        method = "POST" if post else "GET"
        try:
            async with self.http.stream(method, url, **post) as answer:
                body = bytearray()
                async for part in answer.aiter_bytes():
                    body += part
                    if len(body) > ANSWER_N:
                        raise CompanyError("The identity provider's answer is too long.")
                if answer.status_code != httpx.codes.OK:
                    text = f"The identity provider answered {answer.status_code}."
                    raise CompanyError(text, passing=answer.is_server_error)
            return msgspec.json.decode(bytes(body), type=kind)
        except httpx.HTTPError as error:
            text = f"The identity provider cannot be reached ({type(error).__name__})."
            raise CompanyError(text, passing=True) from None
        except msgspec.DecodeError:
            raise CompanyError("The identity provider's answer cannot be read.") from None

    async def close(self) -> None:
        """End what is under way."""
        for job in list(self._jobs):
            job.cancel()
        await asyncio.gather(*self._jobs, return_exceptions=True)
        await self.http.aclose()

    async def _quietly(self, issuer: str) -> None:
        try:
            await self.of(issuer, newer=True)
        except CompanyError as error:
            log.warning("oidc.keys_not_fetched", issuer=issuer, error=str(error))


class Companies:
    """Sends people to their provider and understands what it says of them."""

    def __init__(
        self,
        *,
        url: str,
        providers: Callable[[str], Any],
        accounts: Accounts,
        changing: ChangingAccounts,
        documents: ProviderDocuments,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._callback = f"{url}/oauth/callback"
        self._providers = providers
        self._accounts = accounts
        self._changing = changing
        self._documents = documents
        self._wall = wall

    async def begin(self, provider: Provider, key: str, pending: Pending) -> tuple[str, Pending]:
        """Return where to send the browser, and the sign-in as it now stands.

        Raises:
            CompanyError: the provider cannot be asked.
        """
        known = await self._documents.of(provider.issuer)
        verifier, nonce = secrets.token_urlsafe(48), secrets.token_urlsafe(24)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest())
        query = {
            "response_type": "code",
            "client_id": provider.client_id,
            "redirect_uri": self._callback,
            "scope": "openid profile email",
            "state": key,
            "nonce": nonce,
            "code_challenge": challenge.rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        address = known.document.authorization_endpoint
        url = f"{address}{'&' if '?' in address else '?'}{urlencode(query)}"
        pending = msgspec.structs.replace(
            pending, org=provider.org, provider=provider.id, nonce=nonce, verifier=verifier
        )
        return url, pending

    async def finish(self, pending: Pending, answer: Mapping[str, str]) -> Account:
        """Return the account of whoever comes back from the provider.

        Raises:
            CompanyError: the provider refused, its token is not good, or the person may not come.
        """
        found = await self._providers(pending.org)
        provider = next((one for one in found if one.id == pending.provider), None)
        if provider is None:
            raise CompanyError("The identity provider is not configured any more.")
        if answer.get("iss", provider.issuer) != provider.issuer or "code" not in answer:
            raise CompanyError("The identity provider did not let you in.")
        token = await self._exchange(provider, answer["code"], pending.verifier)
        try:
            claims = await self._verified(token, provider)
            _check_answer(claims, provider, pending)
            return await self._arrive(claims, provider)
        except BadTokenError as error:
            raise CompanyError(str(error)) from None

    async def _exchange(self, provider: Provider, code: str, verifier: str) -> str:
        known = await self._documents.of(provider.issuer)
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._callback,
            "code_verifier": verifier,
            "client_id": provider.client_id,
        }
        more: dict[str, Any] = {}
        if provider.client_secret:
            # RFC 6749, 2.3.1: both are form-encoded before they go into the header.
            more["auth"] = (quote(provider.client_id), quote(provider.client_secret))
        answer = await self._documents.fetch(
            known.document.token_endpoint, provider.issuer, _TokenAnswer, data=form, **more
        )
        return str(answer.id_token)

    async def _verified(self, token: str, provider: Provider) -> dict[str, Any]:
        issuer, wanted = provider.issuer, {"audience": provider.client_id, "now": self._wall()}
        known = await self._documents.of(issuer)
        try:
            return verify_foreign(token, issuer=issuer, keys=known.keys, **wanted)  # type: ignore[arg-type]
        except UnknownKeyError:
            known = await self._documents.of(issuer, newer=True)
            return verify_foreign(token, issuer=issuer, keys=known.keys, **wanted)  # type: ignore[arg-type]

    async def _arrive(self, claims: Mapping[str, Any], provider: Provider) -> Account:
        who = Arrival(
            org=provider.org,
            account=account_of(claims, provider),
            name=str(claims.get("name", ""))[:200],
            role=role_of(claims, provider),
        )
        try:
            await self._changing.arrive(who, provision=provider.provision)
        except LookupError:
            raise CompanyError("You have no account here: ask your administrator.") from None
        account = await self._accounts.find(who.org, who.account)
        if account is None or not account.enabled or account.kind == "bot":
            raise CompanyError("Your account is disabled: ask your administrator.")
        return account


def _check_answer(claims: Mapping[str, Any], provider: Provider, pending: Pending) -> None:
    """Refuse an ID token that was made for another sign-in or application."""
    if not hmac.compare_digest(str(claims.get("nonce", "")).encode(), pending.nonce.encode()):
        raise BadTokenError("The answer belongs to another sign-in.")
    if claims.get("azp", provider.client_id) != provider.client_id:
        raise BadTokenError("The answer is for another application.")
