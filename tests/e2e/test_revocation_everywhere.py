"""What ends, ends at every gateway: tokens are refused and sockets closed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from infra.revocation import CHANNEL, LOG, RedisRevocations, Revocation
from serve.identity import BadTokenError, Identity
from serve.oauth.ending import Ending
from serve.oauth.guard import Guard
from serve.signing_keys import make_key
from serve.tokens import Tokens
from tests.support.oauth_house import HASHER, OAuthHouse

pytest_plugins = ["tests.support.server_fixtures"]
WITHIN_S = 5.0
"""The promise of the whole system."""


@pytest.fixture
async def houses(redis: Redis, tmp_path: Path) -> AsyncIterator[tuple[OAuthHouse, OAuthHouse]]:
    """Two gateways of one system."""
    one = OAuthHouse(redis, tmp_path)
    two = OAuthHouse(redis, tmp_path, people=one.people, key=one.key)
    two.url, address = one.url, two.url  # one public address, one issuer
    await one.open()
    await two.open()
    two.url = address
    yield one, two
    await one.close()
    await two.close()


async def welcomed(house: OAuthHouse, token: str) -> ClientConnection:
    ws = await house.connect()
    await ws.send(json.dumps({"t": "hello", "token": token}))
    assert json.loads(await ws.recv())["t"] == "welcome"
    return ws


async def ending(ws: ClientConnection) -> tuple[str, int]:
    """Return the last error and the close code."""
    code = ""
    async with asyncio.timeout(WITHIN_S):
        try:
            while True:
                frame = json.loads(await ws.recv())
                code = frame.get("code", code)
        except ConnectionClosed as closed:
            return code, closed.rcvd.code if closed.rcvd else 1006


async def sign_out(one: OAuthHouse, told: dict[str, Any]) -> None:
    await one.browser().revoke(told["refresh_token"])


async def everywhere(one: OAuthHouse, told: dict[str, Any]) -> None:
    headers = {"authorization": f"Bearer {told['access_token']}"}
    body = {"everywhere": True}
    answer = await one.browser().http.post("/v1/me/sign-out", json=body, headers=headers)
    assert answer.status_code == 200


async def disabled(one: OAuthHouse, told: dict[str, Any]) -> None:
    one.people.change("acme", "ann", enabled=False)


async def promoted(one: OAuthHouse, told: dict[str, Any]) -> None:
    one.people.change("acme", "ann", role="leader")


async def new_password(one: OAuthHouse, told: dict[str, Any]) -> None:
    one.people.change("acme", "ann", password_hash=HASHER.hash("another"))


async def reused(one: OAuthHouse, told: dict[str, Any]) -> None:
    browser = one.browser()
    second = (await browser.refresh(told["refresh_token"])).json()
    await browser.refresh(second["refresh_token"])
    await browser.refresh(told["refresh_token"])


@pytest.mark.parametrize(
    "act",
    [sign_out, everywhere, disabled, promoted, new_password, reused],
    ids=lambda f: f.__name__,
)
async def test_sockets_close_and_tokens_are_refused_at_the_other_gateway(
    houses: tuple[OAuthHouse, OAuthHouse], act: Any
) -> None:
    one, two = houses
    told, bystander = await one.browser().tokens(), await one.browser().tokens("acme", "lea")
    ws, other = (
        await welcomed(two, told["access_token"]),
        await welcomed(two, bystander["access_token"]),
    )
    await act(one, told)
    assert await ending(ws) == ("bad_token", 4401)
    late = await two.connect()
    await late.send(json.dumps({"t": "hello", "token": told["access_token"]}))
    assert await ending(late) == ("bad_token", 4401)
    assert await two.browser().history(told["access_token"]) == 401
    await other.send(json.dumps({"t": "ping"}))
    while json.loads(await other.recv())["t"] != "pong":
        pass
    await other.close()


async def test_one_token_ends_alone(houses: tuple[OAuthHouse, OAuthHouse]) -> None:
    one, two = houses
    browser = one.browser()
    told = await browser.tokens()
    second = (await browser.refresh(told["refresh_token"])).json()
    ws, other = (
        await welcomed(two, told["access_token"]),
        await welcomed(two, second["access_token"]),
    )
    await browser.revoke(told["access_token"])
    assert await ending(ws) == ("bad_token", 4401)
    assert await two.browser().history(second["access_token"]) == 200
    await other.close()


async def test_who_signs_in_again_after_all_ended_is_let_in(
    houses: tuple[OAuthHouse, OAuthHouse],
) -> None:
    one, two = houses
    await everywhere(one, await one.browser().tokens())
    again = await one.browser().tokens()
    assert await one.browser().history(again["access_token"]) == 200
    ws = await welcomed(two, again["access_token"])
    await ws.close()


# --- the set itself ------------------------------------------------------------------------


async def heard(source: RedisRevocations, n: int) -> list[Revocation]:
    """Watch until there are `n` entries."""
    got: list[Revocation] = []
    watching = asyncio.create_task(source.watch(got.append))
    async with asyncio.timeout(WITHIN_S):
        while len(got) < n:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    return got


async def test_a_gateway_that_starts_later_knows_what_ended_before(redis: Redis) -> None:
    source = RedisRevocations(redis)
    await source.revoke(Revocation(org="acme", subject="ann", family="f"), 60.0)
    await source.revoke(Revocation(org="acme", subject="bob"), 60.0)
    first, second = await heard(source, 2)
    assert (first.family, first.before) == ("f", 0.0)
    assert abs(second.before - await source.now()) < 60.0
    assert second.until_at - second.before == pytest.approx(60.0, abs=0.01)


async def test_a_lost_announcement_is_found_by_looking(redis: Redis) -> None:
    source = RedisRevocations(redis, check_s=0.05)
    got: list[Revocation] = []
    watching = asyncio.create_task(source.watch(got.append))
    entry = Revocation(org="acme", subject="ann", token="t")
    await source.revoke(entry, 60.0)
    async with asyncio.timeout(WITHIN_S):
        while not got:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    # A write of which no announcement comes.
    async with redis.pipeline(transaction=True) as pipe:
        pipe.incr("{revoked}:number")
        pipe.zadd(LOG, {b'{"org":"acme","subject":"eve"}': 2})
        await pipe.execute()
    async with asyncio.timeout(WITHIN_S):
        while len(got) < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    assert got[1].subject == "eve"


async def test_a_store_that_lost_its_data_is_read_from_the_start(redis: Redis) -> None:
    source = RedisRevocations(redis, check_s=0.05)
    got: list[Revocation] = []
    for n in range(3):
        await source.revoke(Revocation(org="acme", subject=f"s{n}"), 60.0)
    watching = asyncio.create_task(source.watch(got.append))
    async with asyncio.timeout(WITHIN_S):
        while len(got) < 3:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await redis.flushall()
    await source.revoke(Revocation(org="acme", subject="new"), 60.0)
    await redis.publish(CHANNEL, "1")
    async with asyncio.timeout(WITHIN_S):
        while got[-1].subject != "new":  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)


async def test_the_set_stays_small(redis: Redis) -> None:
    source = RedisRevocations(redis)
    for n in range(20):
        await source.revoke(Revocation(org="acme", subject=f"s{n}"), 0.0)
    await source.revoke(Revocation(org="acme", subject="last"), 60.0)
    assert await redis.zcard(LOG) == 1
    assert await redis.zcard("{revoked}:until") == 1


def test_the_guard_forgets_what_only_expired_tokens_would_need() -> None:
    guard = Guard(Tokens([make_key()]))
    guard.revoked(Revocation(org="acme", subject="ann", family="f", until_at=100.0))
    guard.revoked(Revocation(org="acme", subject="bob", family="g", until_at=200.0))
    guard.prune(150.0)
    assert guard.ended_n() == 1


def test_the_guard_names_an_ended_person_by_organisation_and_time() -> None:
    tokens = Tokens([make_key()])
    guard = Guard(tokens)
    guard.revoked(Revocation(org="acme", subject="ann", before=1000.0, until_at=9e9))
    old = Identity(org="acme", subject="ann", role="agent", auth_time=999.0)
    new = Identity(org="acme", subject="ann", role="agent", auth_time=1001.0)
    namesake = Identity(org="other", subject="ann", role="agent", auth_time=999.0)
    with pytest.raises(BadTokenError, match="ended"):
        guard.verify(tokens.issue_access(old, 1100.0), 1100.0)
    assert guard.verify(tokens.issue_access(new, 1100.0), 1100.0).subject == "ann"
    assert guard.verify(tokens.issue_access(namesake, 1100.0), 1100.0).org == "other"
    guard.revoked(Revocation(org="acme", subject="ann", before=900.0, until_at=9e9))
    assert guard.objection(old), "an older entry takes nothing back"


async def test_everything_of_a_person_ends_and_may_end_again(redis: Redis, tmp_path: Path) -> None:
    house = OAuthHouse(redis, tmp_path)
    await house.open()
    try:
        told = await house.browser().tokens()
        ending_ = Ending(house.grants, house.revocations)
        await ending_.person("acme", "ann")
        await ending_.person("acme", "ann")
        assert (await house.browser().refresh(told["refresh_token"])).status_code == 400
        assert await house.grants.families_of("acme", "ann") == []
    finally:
        await house.close()
