"""`/oauth/authorize` and `/oauth/sign-in`: the page on which a person signs in.

A sign-in under way is one record in the store, bound to one browser. It is used once: the step that
ends it takes it out of the store, and of two at once one gets it. Nothing a browser brings along
before is kept, and after the password the record, its cookie and its form token are new.
"""

from __future__ import annotations

import secrets
from urllib.parse import urlencode, urlsplit, urlunsplit

import msgspec
import structlog
from authlib.oauth2 import OAuth2Error
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from infra.oauth_store import Client, Code, Pending, digest
from serve.api_errors import ApiError
from serve.api_parts import address_of
from serve.doors import Account
from serve.oauth.browser import PENDING_S, Binding
from serve.oauth.companies import Companies, CompanyError
from serve.oauth.factors import Factors
from serve.oauth.grants import Judge, Loaded, judging
from serve.oauth.page import Page, lead_on, render
from serve.oauth.parts import OAuthParts
from serve.oauth.reading import read_ask, read_form
from serve.oauth.records import KnownClient
from serve.oauth.refresh import new_family_key
from serve.oauth.texts import Lang, language

CODE_S = 60.0
CODE_TRIES_N = 5
KEPT = ("client_id", "redirect_uri", "state", "code_challenge", "ui_locales")

log = structlog.get_logger()


class SignInEndpoint:
    """The routes that a browser visits."""

    def __init__(self, parts: OAuthParts, companies: Companies, factors: Factors) -> None:
        self._parts = parts
        self._grants = parts.world.grants
        self._companies = companies
        self._factors = factors
        self._binding = Binding(secure=parts.is_secure, origins=parts.origins)

    async def authorize(self, request: Request) -> Response:
        """Show the page, for a request that a registered client made right."""
        ask = await read_ask(request)
        lang = _lang(request, ask.values.get("ui_locales", ""))
        found = await self._parts.client(ask.values.get("client_id", ""))
        client = None if found is None else KnownClient(found)
        try:
            with judging():
                grant = Judge(Loaded(client=client)).get_consent_grant(ask)
        except OAuth2Error as error:
            if getattr(error, "redirect_uri", None):
                return self._back(error.redirect_uri, dict(error.get_body()), error.state or "")
            message = ("bad_request", {"detail": error.description or error.error or ""})
            return render(Page(lang=lang, step="end", message=message), 400)
        assert client is not None
        kept = {name: ask.values[name] for name in KEPT if name in ask.values}
        kept["redirect_uri"] = str(grant.redirect_uri)
        pending = Pending(request=kept, browser="", csrf="", org=ask.values.get("org", "")[:128])
        return await self._show(pending, lang, client.record)

    async def sign_in(self, request: Request) -> Response:
        """Take what the page's form sent."""
        form = dict(await read_form(request))
        lang: Lang = "en" if form.get("lang") == "en" else "zh"
        key = form.get("sign_in", "")[:64]
        pending = await self._grants.pending(key)
        if pending is None or not self._binding.is_same(request, key, pending):
            return _end(lang, "expired")
        if not self._binding.is_ours(request, form.get("csrf", ""), pending):
            log.warning("sign_in.foreign_post", origin=request.headers.get("origin"))
            return _end(lang, "foreign", 403)
        match form.get("action", ""):
            case "language":
                return await self._again(key, pending, "zh" if lang == "en" else "en")
            case "password" if not pending.account:
                return await self._password(request, key, pending, form, lang)
            case "code" if pending.account:
                return await self._code(request, key, pending, form.get("code", ""), lang)
            case "company" if not pending.account:
                return await self._company(key, pending, form, lang)
            case _:
                return _end(lang, "expired")

    async def arrived(self, request: Request) -> Response:
        """The browser comes back from an identity provider."""
        query = request.query_params
        key = query.get("state", "")[:64]
        pending = await self._grants.pending(key)
        lang = _lang(request, pending.request.get("ui_locales", "") if pending else "")
        if (
            pending is None
            or not pending.provider
            or not self._binding.is_same(request, key, pending)
        ):
            return _end(lang, "expired")
        # Taken before the provider is asked: the answer counts once.
        if await self._grants.take_pending(key) is None:
            return _end(lang, "expired")
        try:
            account = await self._companies.finish(pending, dict(query))
        except CompanyError as error:
            log.info("sign_in.company_refused", org=pending.org, error=str(error))
            word = "unreachable" if error.passing else "refused"
            return _end(lang, word, detail=str(error))
        return await self._done(request, key, pending, account)

    # --- steps ---------------------------------------------------------------------------

    async def _password(
        self, request: Request, key: str, pending: Pending, form: dict[str, str], lang: Lang
    ) -> Response:
        org, login = form.get("org", "").strip()[:128], form.get("login", "").strip()[:128]
        device = self._binding.device(request)
        known = await self._grants.knows_device(org, login, device)
        try:
            account = await self._parts.api.sign_in.sign_in(
                org,
                login,
                form.get("password", "")[:256],
                address_of(request, self._parts.api),
                device=device if known else "",
            )
        except ApiError as error:
            told: tuple[str, dict[str, str]] = ("wrong", {})
            if error.code == "overloaded":
                told = ("many", {"wait": str(max(1, round(error.retry_s)))})
            page = await self._page(key, pending, lang)
            page = msgspec.structs.replace(page, org=org, login=login, message=told)
            return render(
                page, 429 if told[0] == "many" else 401, target=pending.request["redirect_uri"]
            )
        if await self._grants.take_pending(key) is None:
            return _end(lang, "expired")
        if not await self._factors.has(account.org, account.id):
            return await self._done(request, key, pending, account)
        more = msgspec.structs.replace(
            pending, org=account.org, account=account.id, stamp=account.stamp
        )
        shown = await self._show(more, lang)
        self._binding.clear(shown, key)
        return shown

    async def _code(
        self, request: Request, key: str, pending: Pending, code: str, lang: Lang
    ) -> Response:
        account = await self._parts.accounts.find(pending.org, pending.account)
        if account is None or not account.enabled or account.stamp != pending.stamp:
            await self._grants.take_pending(key)
            return _end(lang, "expired")
        if pending.tries >= CODE_TRIES_N or self._factors.wait(account.org, account.id):
            await self._grants.take_pending(key)
            return _end(lang, "many", 429, wait="60")
        if not await self._factors.accept(account.org, account.id, code):
            pending = msgspec.structs.replace(pending, tries=pending.tries + 1)
            await self._grants.put_pending(key, pending, PENDING_S)
            page = await self._page(key, pending, lang)
            page = msgspec.structs.replace(page, message=("wrong_code", {}))
            return render(page, 401, target=pending.request["redirect_uri"])
        if await self._grants.take_pending(key) is None:
            return _end(lang, "expired")
        return await self._done(request, key, pending, account)

    async def _company(
        self, key: str, pending: Pending, form: dict[str, str], lang: Lang
    ) -> Response:
        org = form.get("org", "").strip()[:128]
        found = await self._parts.world.registry.providers(org) if org else []
        chosen = [one for one in found if one.id == form.get("provider", found[0].id)]
        page = await self._page(key, pending, lang)
        target = pending.request["redirect_uri"]
        if not chosen:
            page = msgspec.structs.replace(page, org=org, message=("no_company", {}))
            return render(page, 404, target=target)
        if len(found) > 1 and "provider" not in form:
            page = msgspec.structs.replace(page, org=org, step="choose", choices=found)
            return render(page, target=target)
        try:
            url, pending = await self._companies.begin(chosen[0], key, pending)
        except CompanyError as error:
            log.warning("sign_in.company_failed", org=org, error=str(error))
            page = msgspec.structs.replace(page, org=org, message=("unreachable", {}))
            return render(page, 502, target=target)
        await self._grants.put_pending(key, pending, PENDING_S)
        return lead_on(lang, url)

    async def _done(
        self, request: Request, key: str, pending: Pending, account: Account
    ) -> Response:
        """Send the browser back to the client with a code."""
        asked = pending.request
        code = Code(
            client_id=asked["client_id"],
            redirect_uri=asked["redirect_uri"],
            challenge=asked["code_challenge"],
            org=account.org,
            account=account.id,
            auth_time=await self._parts.world.revocations.now(),
            stamp=account.stamp,
            family=new_family_key(),
        )
        client = await self._parts.client(code.client_id)
        if client is None or client.org not in ("", account.org):
            return _end(_lang(request, asked.get("ui_locales", "")), "wrong", 403)
        text = secrets.token_urlsafe(32)
        await self._grants.put_code(text, code, CODE_S)
        log.info("sign_in.done", org=account.org, account=account.id, client=code.client_id)
        response = self._back(code.redirect_uri, {"code": text}, asked.get("state", ""))
        self._binding.clear(response, key)
        device = self._binding.device(request) or secrets.token_urlsafe(24)
        await self._grants.remember_device(account.org, account.id, device)
        self._binding.set_device(response, device)
        return response

    # --- pages ---------------------------------------------------------------------------

    async def _show(self, pending: Pending, lang: Lang, client: Client | None = None) -> Response:
        """Keep the sign-in under a fresh key, cookie and form token, and show its page."""
        key, secret, csrf = self._binding.new()
        pending = msgspec.structs.replace(pending, browser=digest(secret), csrf=csrf)
        await self._grants.put_pending(key, pending, PENDING_S)
        page = await self._page(key, pending, lang, client)
        response = render(page, target=pending.request["redirect_uri"])
        self._binding.set(response, key, secret)
        return response

    async def _again(self, key: str, pending: Pending, lang: Lang) -> Response:
        page = await self._page(key, pending, lang)
        return render(page, target=pending.request["redirect_uri"])

    async def _page(
        self, key: str, pending: Pending, lang: Lang, client: Client | None = None
    ) -> Page:
        client = client or await self._parts.client(pending.request["client_id"])
        return Page(
            lang=lang,
            key=key,
            csrf=pending.csrf,
            client=(client.name or client.id) if client is not None else "",
            org=pending.org,
            step="code" if pending.account else "password",
        )

    def _back(self, redirect_uri: str, answer: dict[str, str], state: str) -> Response:
        """Redirect to the client, naming us (RFC 9207), so that no other server's answer is taken
        for ours."""
        more = {**answer, **({"state": state} if state else {}), "iss": self._parts.world.url}
        parts = urlsplit(redirect_uri)
        query = "&".join(filter(None, [parts.query, urlencode(more)]))
        return _onward(urlunsplit((parts.scheme, parts.netloc, parts.path, query, "")))


def _onward(url: str) -> Response:
    # 303 turns the form's post into a GET: no password travels on.
    return RedirectResponse(url, 303, headers={"cache-control": "no-store"})


def _end(lang: Lang, name: str, status: int = 400, **keys: str) -> Response:
    return render(Page(lang=lang, step="end", message=(name, keys)), status)


def _lang(request: Request, wanted: str) -> Lang:
    return language(wanted, request.headers.get("accept-language", ""))
