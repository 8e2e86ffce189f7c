"""Attacks on the authorization server, each replayed; each fails when its defence is taken away."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from argon2 import PasswordHasher
from redis.asyncio import Redis
from websockets.exceptions import ConnectionClosed

from infra.oauth_store import Client
from serve.api_errors import ApiError
from serve.doors import Account
from serve.hash_worker import rest_after
from serve.sign_in import NOBODYS, SignIn
from tests.support.oauth_house import RIGHT, OAuthHouse, code_of, pkce

pytest_plugins = ["tests.support.server_fixtures"]


@pytest.fixture
async def house(redis: Redis, tmp_path: Path) -> AsyncIterator[OAuthHouse]:
    house = OAuthHouse(redis, tmp_path, grace_s=0.0)
    await house.open()
    yield house
    await house.close()


# --- codes ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changed",
    [
        {"code_challenge": None},
        {"code_challenge_method": None},
        {"code_challenge_method": "plain"},
        {"code_challenge": None, "code_challenge_method": None},
        {"code_challenge": "short"},
    ],
)
async def test_pkce_cannot_be_left_out_or_weakened(
    house: OAuthHouse, changed: dict[str, str | None]
) -> None:
    answer = await house.browser().visit(**changed)
    assert answer.status_code == 303
    told = parse_qs(urlsplit(answer.headers["location"]).query)
    assert (told["error"], told["state"]) == (["invalid_request"], ["the-state"])


async def test_a_stolen_code_is_worth_nothing_without_its_verifier(house: OAuthHouse) -> None:
    for verifier in (None, "", pkce()[0], house.browser().challenge):
        browser = house.browser()
        answer = await browser.exchange(await browser.code(), code_verifier=verifier)
        assert answer.json()["error"] in {"invalid_grant", "invalid_request"}
    browser = house.browser()
    code = await browser.code()
    assert "error" in (await browser.exchange(code, code_verifier=browser.challenge)).json()


async def test_a_code_that_comes_twice_ends_what_it_gave(house: OAuthHouse) -> None:
    browser = house.browser()
    code = await browser.code()
    told = (await browser.exchange(code)).json()
    assert (await browser.exchange(code)).json()["error"] == "invalid_grant"
    assert (await browser.refresh(told["refresh_token"])).status_code == 400
    await refused_soon(browser, told["access_token"])


async def test_of_two_exchanges_at_once_one_gets_tokens(house: OAuthHouse) -> None:
    browser = house.browser()
    code = await browser.code()
    answers = await asyncio.gather(*(browser.exchange(code) for _ in range(8)))
    assert sum(answer.status_code == 200 for answer in answers) == 1


async def test_a_code_is_its_clients_and_its_redirects_alone(house: OAuthHouse) -> None:
    other = "https://partner.example/back"
    await house.registry.set_client(
        Client(id="partner", org="acme", redirect_uris=[other], grants=["authorization_code"])
    )
    browser = house.browser()
    for changed in ({"client_id": "partner"}, {"redirect_uri": other}, {"redirect_uri": None}):
        answer = await browser.exchange(await browser.code(), **changed)
        assert answer.json()["error"] == "invalid_grant"


async def test_a_client_of_one_organisation_signs_in_nobody_of_another(house: OAuthHouse) -> None:
    back = "https://partner.example/back"
    await house.registry.set_client(
        Client(id="partner", org="acme", redirect_uris=[back], grants=["authorization_code"])
    )
    browser = house.browser()
    browser.client_id, browser.redirect_uri = "partner", back
    await browser.visit()
    assert (await browser.enter("other", "ann")).status_code == 403
    await browser.visit()
    assert code_of(await browser.enter("acme", "ann"))


# --- redirects -----------------------------------------------------------------------------


def redirect_variants(url: str) -> list[str]:
    host = url.removeprefix("http://")
    return [
        "https://evil.test/",
        url,
        f"{url}/x",
        f"{url}//",
        f"{url}/?a=b",
        f"{url}/#x",
        f"{url}/../",
        f"{url}/%2e%2e/",
        f"{url}.evil.test/",
        f"http://evil.test@{host}/",
        f"http://{host}@evil.test/",
        f"https://{host}/",
        f"HTTP://{host}/",
        f"//{host}/",
        f"{url}/ ",
        f"{url}\\@evil.test/",
        "javascript:alert(1)",
        "",
    ]


@pytest.mark.parametrize("number", range(18))
async def test_a_redirect_uri_is_compared_exactly(house: OAuthHouse, number: int) -> None:
    answer = await house.browser().visit(redirect_uri=redirect_variants(house.url)[number])
    assert answer.status_code == 400
    assert "location" not in answer.headers


async def test_a_second_redirect_uri_does_not_slip_through(house: OAuthHouse) -> None:
    browser = house.browser()
    pairs: list[tuple[str, Any]] = [
        *browser.query().items(),
        ("redirect_uri", "https://evil.test/"),
    ]
    for given in (pairs, pairs[::-1]):
        answer = await browser.http.get("/oauth/authorize", params=given)
        assert answer.status_code == 400
        assert "location" not in answer.headers


@pytest.mark.parametrize("name", ["response_type", "grant_type", "scope", "client_id", "state"])
async def test_a_strange_character_is_a_bad_request_and_no_defect(
    house: OAuthHouse, name: str
) -> None:
    browser = house.browser()
    for strange in ("\\", '"', "\x00", "é", "\U0001f512"):
        assert (await browser.visit(**{name: strange})).status_code in {200, 303, 400}
        assert (await browser.exchange("x", **{name: strange})).status_code in {400, 401}


@pytest.mark.parametrize("client", [None, "", "nobody", "raydesk-console\n", "x" * 5000])
async def test_no_client_no_redirect(house: OAuthHouse, client: str | None) -> None:
    answer = await house.browser().visit(client_id=client)
    assert answer.status_code == 400
    assert "location" not in answer.headers


async def test_the_sign_in_leads_only_where_the_client_was_registered(house: OAuthHouse) -> None:
    browser = house.browser()
    await browser.visit()
    more: dict[str, Any] = {
        "redirect_uri": "https://evil.test/",
        "next": "https://evil.test/",
        "url": "//evil.test",
    }
    done = await browser.post(org="acme", login="ann", password=RIGHT, action="password", **more)
    assert done.headers["location"].startswith(house.callback + "?code=")
    back = await house.browser().http.get("/oauth/callback", params={"state": "x", **more})
    assert back.status_code == 400


async def test_what_a_request_says_is_text_on_the_page(house: OAuthHouse) -> None:
    script = "<script>alert(1)</script>"
    browser = house.browser()
    for answer in (
        await browser.visit(redirect_uri=script),
        await browser.visit(org=script + '"'),
        await browser.enter(org=script, login=f'"{script}'),
    ):
        assert script not in answer.text
        assert "script-src" not in answer.headers["content-security-policy"]
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["x-frame-options"] == "DENY"


# --- the browser ---------------------------------------------------------------------------


async def test_a_post_from_another_site_signs_nobody_in(house: OAuthHouse) -> None:
    browser = house.browser()
    await browser.visit()
    right = dict(browser.form)
    attacks: list[tuple[dict[str, str], dict[str, str]]] = [
        ({"origin": "https://evil.test"}, {}),
        ({"origin": "null"}, {}),
        ({}, {"csrf": "x"}),
        ({}, {"csrf": ""}),
    ]
    for headers, fields in attacks:
        browser.form = {**right, **fields}
        answer = await browser.post(
            headers, org="acme", login="ann", password=RIGHT, action="password"
        )
        assert answer.status_code == 403
    browser.form = right
    assert code_of(await browser.enter())


async def test_a_victim_cannot_be_signed_in_to_the_attackers_account(house: OAuthHouse) -> None:
    """Login CSRF: the attacker's form, posted by a browser that never saw the page."""
    attacker, victim = house.browser(), house.browser()
    await attacker.visit()
    victim.form = attacker.form
    assert (await victim.enter()).status_code == 400
    await victim.visit()
    victim.form = attacker.form
    assert (await victim.enter()).status_code == 400


async def test_a_planted_cookie_is_not_kept(house: OAuthHouse) -> None:
    """Session fixation: whatever the browser brings, the server binds to a secret of its own."""
    victim = house.browser()
    attacker = house.browser()
    await attacker.visit()
    for name, value in attacker.http.cookies.items():
        victim.http.cookies.set(name, value, domain="127.0.0.1", path="/")
    page = await victim.visit()
    fresh = page.headers["set-cookie"]
    assert not any(value in fresh for value in attacker.http.cookies.values())
    assert "HttpOnly" in fresh
    assert "samesite=lax" in fresh.lower()
    assert code_of(await victim.enter())
    assert (await attacker.enter(password="x")).status_code == 401, "its own page, still nobody's"


async def test_the_password_renews_the_sign_in_before_the_second_factor(house: OAuthHouse) -> None:
    await house.registry.set_totp("acme", "ann", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
    browser = house.browser()
    await browser.visit()
    before, cookies = dict(browser.form), dict(browser.http.cookies)
    await browser.enter()
    assert browser.form["sign_in"] != before["sign_in"]
    assert browser.form["csrf"] != before["csrf"]
    assert not set(cookies.values()) & set(browser.http.cookies.values())
    stale = await browser.http.post(
        "/oauth/sign-in", data={**before, "action": "code", "code": "000000"}
    )
    assert stale.status_code == 400
    skipped = await browser.post(action="company", org="acme")
    assert skipped.status_code == 400


async def test_second_factors_cannot_be_guessed(house: OAuthHouse) -> None:
    await house.registry.set_totp("acme", "ann", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
    browser = house.browser()
    await browser.visit()
    await browser.enter()
    answers = [await browser.post(action="code", code=f"{n:06}") for n in range(7)]
    assert [answer.status_code for answer in answers] == [401] * 5 + [429, 400]


async def test_a_finished_sign_in_cannot_be_sent_again(house: OAuthHouse) -> None:
    browser = house.browser()
    await browser.visit()
    form, cookies = dict(browser.form), list(browser.http.cookies.jar)
    assert code_of(await browser.enter())
    for cookie in cookies:
        browser.http.cookies.jar.set_cookie(cookie)
    browser.form = form
    assert (await browser.enter()).status_code == 400


async def test_of_two_posts_at_once_one_signs_in(house: OAuthHouse) -> None:
    browser = house.browser()
    await browser.visit()
    answers = await asyncio.gather(*(browser.enter() for _ in range(5)))
    assert sum(answer.status_code == 303 for answer in answers) == 1


# --- guessing ------------------------------------------------------------------------------


async def test_nothing_tells_which_accounts_exist(house: OAuthHouse) -> None:
    house.people.change("acme", "lea", enabled=False)
    pages = []
    for org, login, password in (
        ("acme", "ann", "wrong"),
        ("acme", "nobody", "wrong"),
        ("nowhere", "ann", "wrong"),
        ("acme", "lea", "wrong"),
        ("acme", "lea", RIGHT),
    ):
        browser = house.browser()
        await browser.visit()
        answer = await browser.enter(org, login, password)
        text = answer.text
        for own in (*browser.form.values(), org, login):
            text = text.replace(f'value="{own}"', "")
        pages.append((answer.status_code, text))
    assert all(page == pages[0] for page in pages)


class CountingHashes:
    """Stands for argon2: counts what it was asked to compute."""

    def __init__(self) -> None:
        self.compared: list[str] = []

    async def hash(self, password: str) -> str:
        raise NotImplementedError

    async def matches(self, stored: str, password: str) -> bool:
        self.compared.append(stored)
        return stored == password

    def close(self) -> None: ...


class OneAccount:
    async def find(self, org: str, login: str) -> Account | None:
        if login == "none":
            return Account(org=org, id=login, name="", role="agent")
        known = Account(org=org, id="ann", name="", role="agent", password_hash="right")
        return known if login == "ann" else None


async def test_an_unknown_account_costs_the_same_hash_as_a_known_one() -> None:
    hashes = CountingHashes()
    sign_in = SignIn(OneAccount(), lambda: 0.0, hashes=hashes)
    for login in ("ann", "nobody", "none"):
        with pytest.raises(ApiError) as refused:
            await sign_in.sign_in("acme", login, "wrong", "")
        assert refused.value.code == "wrong_password"
    # Every hash that is compared costs the same.
    assert not PasswordHasher().check_needs_rehash(NOBODYS)
    assert hashes.compared == ["right", NOBODYS, NOBODYS]
    with pytest.raises(ApiError):
        await sign_in.sign_in("acme", "none", NOBODYS, "")
    sign_in.close()


def test_a_hash_that_was_held_up_leaves_the_processor_to_the_chats() -> None:
    assert rest_after(0.1, 0.1) == 0.0
    assert rest_after(0.12, 0.1) == 0.0
    assert rest_after(0.5, 0.1) == pytest.approx(1.125)
    assert rest_after(60.0, 0.1) == 2.0


async def test_a_stranger_is_slowed_down_and_locks_nobody_out() -> None:
    sign_in = SignIn(OneAccount(), lambda: 0.0, hashes=CountingHashes())
    codes = []
    for _ in range(15):
        with pytest.raises(ApiError) as refused:
            await sign_in.sign_in("acme", "ann", "guess", "")
        codes.append(refused.value.code)
    assert codes == ["wrong_password"] * 10 + ["overloaded"] * 5
    known = await sign_in.sign_in("acme", "ann", "right", "", device="a known browser")
    assert known.id == "ann"
    elsewhere = await sign_in.sign_in("acme", "ann", "right", "198.51.100.7")
    assert elsewhere.id == "ann"
    sign_in.close()


async def test_a_browser_that_signed_in_before_is_not_locked_out_by_strangers(
    house: OAuthHouse,
) -> None:
    mine, stranger = house.browser(), house.browser()
    await mine.tokens()
    await stranger.visit()
    last = 0
    for _ in range(12):
        last = (await stranger.enter(password="guess")).status_code
    assert last == 429
    await mine.visit()
    assert code_of(await mine.enter())
    forged = house.browser()
    forged.http.cookies.set("raydesk-device", "a guess", domain="127.0.0.1", path="/")
    await forged.visit()
    assert (await forged.enter()).status_code == 429


# --- refresh tokens ------------------------------------------------------------------------


async def refused_soon(browser: Any, token: str) -> None:
    """The revocation reaches the gateway by itself."""
    async with asyncio.timeout(5):
        while await browser.history(token) != 401:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_an_old_refresh_token_ends_the_whole_sign_in(house: OAuthHouse) -> None:
    browser = house.browser()
    first = await browser.tokens()
    second = (await browser.refresh(first["refresh_token"])).json()
    third = (await browser.refresh(second["refresh_token"])).json()
    assert (await browser.refresh(first["refresh_token"])).json()["error"] == "invalid_grant"
    assert (await browser.refresh(third["refresh_token"])).json()["error"] == "invalid_grant"
    await refused_soon(browser, third["access_token"])


async def test_a_forged_refresh_token_ends_nothing(house: OAuthHouse) -> None:
    browser = house.browser()
    told = await browser.tokens()
    key, generation, mac = told["refresh_token"].split(".")
    second = (await browser.refresh(told["refresh_token"])).json()["refresh_token"]
    for forged in (
        f"{key}.1.{'A' * 43}",
        f"{key}.2.{mac}",
        f"{key}.{int(generation) + 5}.{mac}",
        f"{'x' * 22}.1.{mac}",
        f"{key}.0.{mac}",
        "",
        "a.b.c",
        f"{key}*.1.{mac}",
    ):
        assert (await browser.refresh(forged)).status_code == 400
    assert (await browser.refresh(second)).status_code == 200


async def test_a_refresh_token_is_its_clients_alone(house: OAuthHouse) -> None:
    await house.registry.set_client(Client(id="partner", org="acme", grants=["refresh_token"]))
    browser = house.browser()
    told = await browser.tokens()
    browser.client_id = "partner"
    assert (await browser.refresh(told["refresh_token"])).json()["error"] == "invalid_grant"
    assert (await browser.revoke(told["refresh_token"])).json()["error"] == "invalid_grant"
    browser.client_id = "raydesk-console"
    assert (await browser.refresh(told["refresh_token"])).status_code == 200


async def test_a_refresh_token_opens_no_door_and_an_access_token_refreshes_nothing(
    house: OAuthHouse,
) -> None:
    browser = house.browser()
    told = await browser.tokens()
    assert await browser.history(told["refresh_token"]) == 401
    assert (await browser.refresh(told["access_token"])).status_code == 400


# --- sockets -------------------------------------------------------------------------------


async def test_a_page_of_another_site_gets_no_socket_with_a_staff_token(house: OAuthHouse) -> None:
    """Cross-site WebSocket hijack: browsers send the Origin, and no cookie lets anybody in."""
    browser = house.browser()
    token = (await browser.tokens())["access_token"]
    cookies = "; ".join(f"{name}={value}" for name, value in browser.http.cookies.items())
    hello = json.dumps({"t": "hello", "token": token})
    for origin in ("https://evil.test", "null", f"{house.url}.evil.test", "https://shop.example"):
        async with house.connect(origin=origin, additional_headers={"cookie": cookies}) as ws:
            await ws.send(hello)
            assert json.loads(await ws.recv())["code"] == "forbidden"
            with pytest.raises(ConnectionClosed):
                await ws.recv()
    async with house.connect(origin=house.url, additional_headers={"cookie": cookies}) as ws:
        await ws.send(json.dumps({"t": "hello"}))
        assert json.loads(await ws.recv())["code"] == "bad_token", "a cookie is no token"
    async with house.connect(origin=house.url) as ws:
        await ws.send(hello)
        assert json.loads(await ws.recv())["t"] == "welcome"


@pytest.mark.parametrize("field", ["org", "login", "password", "sign_in", "csrf", "action", "lang"])
@pytest.mark.parametrize(
    "text", ["' OR '1'='1", "a\nb\r\nSET x y", "{0.__class__}", "\x00", "é" * 300]
)
async def test_no_text_breaks_or_opens_the_form(house: OAuthHouse, field: str, text: str) -> None:
    browser = house.browser()
    await browser.visit()
    right: dict[str, Any] = {"org": "acme", "login": "ann", "password": RIGHT, "action": "password"}
    answer = await browser.post(**{**right, field: text})
    if field == "lang":
        assert answer.status_code == 303
    else:
        assert answer.status_code in {400, 401, 403}
