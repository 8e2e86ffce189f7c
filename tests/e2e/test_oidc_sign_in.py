"""Signing in through somebody else's OpenID Connect provider, and its tokens at our doors."""

from __future__ import annotations

import asyncio
import html
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from redis.asyncio import Redis

from infra.oauth_store import Provider
from tests.support.oauth_house import Browser, OAuthHouse, code_of
from tests.support.oidc import SECRET, app_tokens, oidc_provider, sign_in_there

pytest_plugins = ["tests.support.server_fixtures"]
AUDIENCE = "https://raydesk.company.example"
ROLES = {"raydesk-admins": "admin", "raydesk-leaders": "leader", "raydesk-agents": "agent"}


class Company:
    """A house whose organisation acme has a provider."""

    def __init__(self, house: OAuthHouse, issuer: str) -> None:
        self.house = house
        self.issuer = issuer

    async def configure(self, **changed: Any) -> None:
        right: dict[str, Any] = {
            "org": "acme",
            "id": "sso",
            "name": "Company",
            "issuer": self.issuer,
            "client_id": "raydesk",
            "client_secret": SECRET,
            "roles": ROLES,
        }
        await self.house.registry.set_provider(Provider(**{**right, **changed}))

    async def leave(self, browser: Browser) -> str:
        """Press the button; return the provider's address that the page leads to."""
        await browser.visit()
        page = await browser.post(org="acme", action="company")
        found = re.search(r'content="0;url=([^"]+)"', page.text)
        assert found, page.text
        return html.unescape(found[1])

    async def through(self, browser: Browser, login: str) -> httpx.Response:
        """Sign in there and come back."""
        url = await self.leave(browser)
        back = await sign_in_there(url, login, f"{self.house.url}/oauth/callback")
        return await browser.http.get(back)


@pytest.fixture
async def company(redis: Redis, tmp_path: Path) -> AsyncIterator[Company]:
    house = OAuthHouse(redis, tmp_path)
    await house.open()
    with oidc_provider(f"{house.url}/oauth/callback") as issuer:
        company = Company(house, issuer)
        await company.configure()
        yield company
    await house.close()


async def test_a_person_signs_in_with_the_company_account(company: Company) -> None:
    browser = company.house.browser()
    code = code_of(await company.through(browser, "ann"))
    told = (await browser.exchange(code)).json()
    assert await browser.history(told["access_token"]) == 200
    assert (await browser.refresh(told["refresh_token"])).status_code == 200


async def test_groups_give_the_role_and_new_people_get_an_account_if_that_is_wanted(
    company: Company,
) -> None:
    refused = await company.through(company.house.browser(), "newcomer")
    assert "You have no account here" in html.unescape(refused.text)
    await company.configure(provision=True)
    browser = company.house.browser()
    code_of(await company.through(browser, "newcomer"))
    assert company.house.people.accounts["acme", "newcomer"].role == "leader"
    code_of(await company.through(company.house.browser(), "boss"))
    assert company.house.people.accounts["acme", "boss"].role == "admin"


async def test_who_is_in_no_group_of_ours_or_disabled_stays_outside(company: Company) -> None:
    await company.configure(provision=True)
    answer = await company.through(company.house.browser(), "stranger")
    assert answer.status_code == 400
    assert "None of your groups" in html.unescape(answer.text)
    company.house.people.change("acme", "ann", enabled=False)
    answer = await company.through(company.house.browser(), "ann")
    assert "disabled" in answer.text


async def test_an_answer_counts_once_and_only_in_the_browser_that_left(company: Company) -> None:
    mine, other = company.house.browser(), company.house.browser()
    url = await company.leave(mine)
    back = await sign_in_there(url, "ann", f"{company.house.url}/oauth/callback")
    assert (await other.http.get(back)).status_code == 400, "login CSRF"
    cookies = list(mine.http.cookies.jar)
    assert code_of(await mine.http.get(back))
    for cookie in cookies:
        mine.http.cookies.jar.set_cookie(cookie)
    assert (await mine.http.get(back)).status_code == 400, "a replay"


async def test_a_code_of_another_sign_in_is_refused_by_nonce_or_verifier(company: Company) -> None:
    one, two = company.house.browser(), company.house.browser()
    first = await sign_in_there(await company.leave(one), "boss", company.house.url)
    second = await company.leave(two)
    state = parse_qs(urlsplit(second).query)["state"][0]
    code = parse_qs(urlsplit(first).query)["code"][0]
    params = {"state": state, "code": code, "iss": company.issuer}
    mixed = await two.http.get("/oauth/callback", params=params)
    assert mixed.status_code == 400
    evil = {**params, "iss": "https://evil.test"}
    await company.leave(two)
    assert (await two.http.get("/oauth/callback", params=evil)).status_code == 400


async def test_an_organisation_without_a_provider_is_told_so(company: Company) -> None:
    browser = company.house.browser()
    await browser.visit()
    assert (await browser.post(org="other", action="company")).status_code == 404
    assert (await browser.post(org="nowhere", action="company")).status_code == 404
    await company.configure(issuer="http://127.0.0.1:9")
    assert (await browser.post(org="acme", action="company")).status_code == 502
    await company.configure(issuer="http://internal.example")
    assert (await browser.post(org="acme", action="company")).status_code == 502


async def welcome(house: OAuthHouse, token: str) -> dict[str, Any]:
    async with house.connect() as ws:
        await ws.send(json.dumps({"t": "hello", "token": token}))
        return dict(json.loads(await ws.recv()))


async def test_its_access_tokens_open_our_doors_when_configured(company: Company) -> None:
    house, tokens = company.house, await app_tokens(company.issuer, "ann", AUDIENCE)
    assert (await welcome(house, tokens["access_token"]))["code"] == "bad_token"
    await company.configure(audience=AUDIENCE)
    async with asyncio.timeout(30):
        while (told := await welcome(house, tokens["access_token"]))["t"] != "welcome":  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    assert (told["org"], told["you"]["id"], told["you"]["role"]) == ("acme", "ann", "agent")
    assert (await welcome(house, tokens["id_token"]))["code"] == "bad_token"
    elsewhere = await app_tokens(company.issuer, "ann", "https://other.example")
    assert (await welcome(house, elsewhere["access_token"]))["code"] == "bad_token"
    stranger = await app_tokens(company.issuer, "stranger", AUDIENCE)
    assert (await welcome(house, stranger["access_token"]))["code"] == "bad_token"
    headers = {"authorization": f"Bearer {tokens['access_token']}"}
    await house.browser().http.post("/v1/me/sign-out", json={"everywhere": True}, headers=headers)
    async with asyncio.timeout(5):
        while (await welcome(house, tokens["access_token"]))["t"] == "welcome":  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    await house.registry.remove_provider("acme", "sso")
