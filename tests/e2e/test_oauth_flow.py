"""Signing in as programs and browsers do, over real sockets, Valkey and SQL."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pyotp
import pytest
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata
from redis.asyncio import Redis

from infra.oauth_store import Client, digest
from serve.identity import Identity
from serve.signing_keys import KeySet, make_key, seal
from serve.tokens import Tokens
from tests.support.oauth_house import HASHER, RIGHT, OAuthHouse, code_of

pytest_plugins = ["tests.support.server_fixtures"]


@pytest.fixture
async def house(redis: Redis, tmp_path: Path) -> AsyncIterator[OAuthHouse]:
    house = OAuthHouse(redis, tmp_path)
    await house.open()
    yield house
    await house.close()


def claims_of(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    header, claims, _ = token.split(".")
    return tuple(json.loads(base64.urlsafe_b64decode(p + "==")) for p in (header, claims))


async def integration(house: OAuthHouse, **changed: Any) -> tuple[str, str]:
    """Register an integration; return its id and secret."""
    right = {"id": "crm", "org": "acme", "name": "CRM", "secret_hash": digest("s3cret")}
    grants = ["client_credentials"]
    await house.registry.set_client(
        Client(**{**right, "grants": grants, "role": "leader", **changed})
    )
    return "crm", "s3cret"


async def test_a_person_signs_in_and_gets_tokens_of_the_profile(house: OAuthHouse) -> None:
    browser = house.browser()
    page = await browser.visit()
    assert page.status_code == 200
    assert "Sign in to go on to Raydesk" in page.text
    done = await browser.enter(login="lea")
    where = urlsplit(done.headers["location"])
    assert f"{where.scheme}://{where.netloc}{where.path}" == house.callback
    answer = parse_qs(where.query)
    assert (answer["state"], answer["iss"]) == (["the-state"], [house.url])
    told = (await browser.exchange(answer["code"][0])).json()
    assert (told["token_type"], told["expires_in"]) == ("Bearer", 300)
    header, claims = claims_of(told["access_token"])
    assert header["typ"] == "at+jwt"
    assert claims["exp"] - claims["iat"] == 300
    assert (claims["iss"], claims["aud"]) == (house.url, "raydesk:staff")
    assert (claims["org"], claims["sub"], claims["roles"]) == ("acme", "lea", ["leader"])
    assert {"jti", "client_id", "auth_time", "sid"} <= set(claims)
    assert await browser.history(told["access_token"]) == 200


async def test_the_page_speaks_both_languages_and_switches(house: OAuthHouse) -> None:
    browser = house.browser()
    page = await browser.visit(ui_locales="zh-CN")
    assert 'lang="zh-CN"' in page.text
    assert "登录后进入 Raydesk" in page.text
    other = await browser.post(action="language")
    assert 'lang="en"' in other.text
    code_of(await browser.enter())


async def test_a_wrong_password_is_told_on_the_page_and_the_next_try_goes_on(
    house: OAuthHouse,
) -> None:
    browser = house.browser()
    await browser.visit()
    wrong = await browser.enter(password="wrong")
    assert wrong.status_code == 401
    assert "Organisation, login or password is wrong." in wrong.text
    assert 'value="acme"' in wrong.text
    assert "wrong&" not in wrong.text
    code_of(await browser.enter())


async def test_a_refresh_token_rotates_and_a_lost_answer_is_given_again(house: OAuthHouse) -> None:
    browser = house.browser()
    first = await browser.tokens()
    second = (await browser.refresh(first["refresh_token"])).json()
    assert second["refresh_token"] != first["refresh_token"]
    lost = (await browser.refresh(first["refresh_token"])).json()
    assert lost["refresh_token"] == second["refresh_token"]
    third = await browser.refresh(second["refresh_token"])
    assert third.status_code == 200
    assert await browser.history(third.json()["access_token"]) == 200


async def test_an_integration_gets_tokens_with_its_secret(house: OAuthHouse) -> None:
    auth = await integration(house)
    browser = house.browser()
    form = {"grant_type": "client_credentials"}
    told = (await browser.http.post("/oauth/token", data=form, auth=auth)).json()
    assert "refresh_token" not in told
    _, claims = claims_of(told["access_token"])
    assert (claims["org"], claims["sub"], claims["client_id"]) == ("acme", "client:crm", "crm")
    headers = {"authorization": f"Bearer {told['access_token']}"}
    assert (await browser.http.get("/v1/queues", headers=headers)).status_code == 200
    wrong = await browser.http.post("/oauth/token", data=form, auth=("crm", "other"))
    assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize("grant", ["password", "implicit", "urn:x", ""])
async def test_there_is_no_other_grant(house: OAuthHouse, grant: str) -> None:
    auth = await integration(house)
    form = {"grant_type": grant, "username": "ann", "password": RIGHT}
    answer = await house.browser().http.post("/oauth/token", data=form, auth=auth)
    assert (answer.status_code, answer.json()["error"]) == (400, "unsupported_grant_type")


async def test_the_password_door_is_shut_where_there_is_no_demo(house: OAuthHouse) -> None:
    form = {"org": "acme", "login": "ann", "password": RIGHT}
    answer = await house.browser().http.post("/v1/token", json=form)
    assert answer.status_code == 404


async def test_introspection_tells_a_resource_server_of_its_own_organisation(
    house: OAuthHouse,
) -> None:
    auth = await integration(house)
    browser = house.browser()
    mine, other = await browser.tokens(), await house.browser().tokens("other")

    async def ask(token: str) -> dict[str, Any]:
        answer = await browser.http.post("/oauth/introspect", data={"token": token}, auth=auth)
        assert answer.status_code == 200
        return dict(answer.json())

    told = await ask(mine["access_token"])
    assert (told["active"], told["sub"], told["org"]) == (True, "ann", "acme")
    assert (await ask(mine["refresh_token"]))["active"] is True
    for token in (
        other["access_token"],
        other["refresh_token"],
        "rubbish",
        mine["access_token"] + "x",
    ):
        assert await ask(token) == {"active": False}
    await browser.revoke(mine["refresh_token"])
    assert await ask(mine["refresh_token"]) == {"active": False}
    public = {"token": mine["access_token"], "client_id": "raydesk-console"}
    assert (await browser.http.post("/oauth/introspect", data=public)).status_code in (400, 401)


async def test_the_metadata_holds_and_names_what_is_there(house: OAuthHouse) -> None:
    http = house.browser().http
    told = (await http.get("/.well-known/oauth-authorization-server")).json()
    # Authlib checks what the RFC asks for; its https rule is for production addresses.
    secure = {
        name: value.replace("http://", "https://") if isinstance(value, str) else value
        for name, value in told.items()
    }
    AuthorizationServerMetadata(secure).validate()
    assert told["issuer"] == house.url
    assert told["code_challenge_methods_supported"] == ["S256"]
    assert "password" not in told["grant_types_supported"]
    for name, value in told.items():
        if name.endswith(("_endpoint", "_uri")):
            reads = name in {"authorization_endpoint", "jwks_uri"}
            method, path = "GET" if reads else "POST", value.removeprefix(house.url)
            assert (await http.request(method, path)).status_code != 404, name


async def test_a_rotated_key_is_published_before_it_signs_and_the_old_one_verifies_on(
    house: OAuthHouse,
) -> None:
    browser = house.browser()
    before = await browser.tokens()
    new = make_key()
    now = time.time()
    rotated = KeySet(keys=[house.key]).rotated(new, now - 10.0, 300.0)
    await house.sealed.write(seal(rotated))
    while True:  # the process looks by itself
        keys = (await browser.http.get("/.well-known/jwks.json")).json()["keys"]
        if len(keys) == 2:
            break
        await asyncio.sleep(0.05)
    after = (await browser.refresh(before["refresh_token"])).json()
    assert claims_of(after["access_token"])[0]["kid"] == new.kid
    assert await browser.history(before["access_token"]) == 200
    assert await browser.history(after["access_token"]) == 200
    assert house.key.d not in json.dumps(keys)


def test_a_key_signs_after_it_was_published_and_leaves_when_its_tokens_have() -> None:
    old, new = make_key(), make_key()
    keys = KeySet(keys=[old]).rotated(new, 1000.0, 300.0)
    assert keys.signing(1009.0).kid == old.kid
    assert keys.signing(1010.0).kid == new.kid
    tokens = Tokens([old], issuer="x")
    tokens.replace(keys)
    who = Identity(org="acme", subject="ann", role="agent")
    token = tokens.issue_access(who, 1009.0)
    assert claims_of(token)[0]["kid"] == old.kid
    assert tokens.verify(token, 1300.0).subject == "ann"
    assert [key.kid for key in keys.verifying(1311.0)] == [new.kid]
    assert keys.rotated(make_key(), 1311.0, 300.0).verifying(1320.0)[-1].kid == new.kid


# --- second factor and password ------------------------------------------------------------


async def test_a_second_factor_is_set_up_and_asked_for(house: OAuthHouse) -> None:
    browser = house.browser()
    headers = {"authorization": f"Bearer {(await browser.tokens())['access_token']}"}

    async def ask(method: str, **body: str) -> Any:
        sent = {"password": RIGHT, **body}
        return await browser.http.request(method, "/v1/me/totp", json=sent, headers=headers)

    secret = (await ask("POST")).json()["secret"]
    assert (await ask("POST", secret=secret, code="000000")).status_code == 400
    code = pyotp.TOTP(secret).now()
    assert (await ask("POST", secret=secret, code=code)).json() == {"enabled": True}

    other = house.browser()
    await other.visit()
    step = await other.enter()
    assert "One-time code" in step.text
    assert (await other.post(code=code, action="code")).status_code == 401, "used at the set-up"
    later = pyotp.TOTP(secret).at(time.time() + 30)
    assert code_of(await other.post(code=later, action="code"))
    again = house.browser()
    await again.visit()
    await again.enter()
    assert (await again.post(code=later, action="code")).status_code == 401, "a code counts once"


async def test_a_new_password_ends_every_sign_in(house: OAuthHouse) -> None:
    phone, desk = house.browser(), house.browser()
    one, two = await phone.tokens(), await desk.tokens()
    headers = {"authorization": f"Bearer {one['access_token']}"}
    short = {"old": RIGHT, "new": "short"}
    assert (
        await phone.http.post("/v1/me/password", json=short, headers=headers)
    ).status_code == 400
    wrong = {"old": "wrong", "new": "a long new password"}
    assert (
        await phone.http.post("/v1/me/password", json=wrong, headers=headers)
    ).status_code == 401
    right = {"old": RIGHT, "new": "a long new password"}
    assert (
        await phone.http.post("/v1/me/password", json=right, headers=headers)
    ).status_code == 200
    for browser, told in ((phone, one), (desk, two)):
        assert await browser.history(told["access_token"]) == 401
        assert (await browser.refresh(told["refresh_token"])).json()["error"] == "invalid_grant"
    await phone.visit()
    assert code_of(await phone.enter(password="a long new password"))


async def test_a_password_changed_behind_our_back_ends_sign_ins_too(house: OAuthHouse) -> None:
    browser = house.browser()
    told = await browser.tokens()
    house.people.change("acme", "ann", password_hash=HASHER.hash("set by an import"))
    assert await browser.history(told["access_token"]) == 401
    assert (await browser.refresh(told["refresh_token"])).status_code == 400


async def test_signing_out_ends_this_sign_in_and_no_other(house: OAuthHouse) -> None:
    phone, desk = house.browser(), house.browser()
    one, two = await phone.tokens(), await desk.tokens()
    headers = {"authorization": f"Bearer {one['access_token']}"}
    await phone.http.post("/v1/me/sign-out", json={}, headers=headers)
    assert (await phone.refresh(one["refresh_token"])).status_code == 400
    assert (await desk.refresh(two["refresh_token"])).status_code == 200
