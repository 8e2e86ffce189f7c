"""The doors over real sockets: uvicorn in this process, a scripted fabric behind the gateway."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from actors import messages as m
from serve.assertions import Assertion, sign_assertion
from serve.gateway.limits import Limits
from serve.identity import Identity
from tests.support.doors import KEY, SECRET, SHOP, TOKENS, WITHIN_S, House, until


def small_socket(port: int) -> socket.socket:
    """Return a connected socket into whose buffers little fits."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    made.connect(("127.0.0.1", port))
    return made


@pytest.fixture(params=["direct", "asgi"])
def way(request: pytest.FixtureRequest) -> str:
    """Both ways from the socket to the gateway keep every promise."""
    return str(request.param)


@pytest.fixture
async def house(way: str) -> AsyncIterator[House]:
    house = House(Limits(hello_s=0.5, close_s=0.5), way)
    await house.open()
    yield house
    await house.close()


def customer(subject: str = "tom", org: str = "acme", **more: Any) -> str:
    who = Identity(org=org, subject=subject, role="customer", site="shop", **more)
    return TOKENS.issue_visitor(who, time.time())


def staff(subject: str = "ann", role: Any = "agent", ttl_s: float = 300.0) -> str:
    who = Identity(org="acme", subject=subject, role=role)
    return TOKENS.issue_access(who, time.time(), ttl_s)


async def say(ws: ClientConnection, **frame: Any) -> None:
    await ws.send(json.dumps(frame))


async def hear(ws: ClientConnection, kind: str = "") -> dict[str, Any]:
    """Return the next frame (of that kind) of a socket that does not batch."""
    async with asyncio.timeout(WITHIN_S):
        while True:
            frame: dict[str, Any] = json.loads(await ws.recv())
            if kind in ("", frame["t"]):
                return frame


async def closing(ws: ClientConnection) -> int:
    """Read until the socket closes; return the code."""
    async with asyncio.timeout(WITHIN_S):
        try:
            while True:
                await ws.recv()
        except ConnectionClosed as error:
            return error.rcvd.code if error.rcvd else 1006


async def started(ws: ClientConnection, token: str) -> str:
    await say(ws, t="hello", token=token)
    await hear(ws, "welcome")
    await say(ws, t="start", client_id="s")
    return str((await hear(ws, "ack"))["session"])


# --- sockets -------------------------------------------------------------------------------


async def test_a_customer_starts_talks_and_resumes_on_another_socket(house: House) -> None:
    token = customer()
    async with house.connect() as ws:
        session = await started(ws, token)
        for n in range(3):
            body = {"kind": "text", "text": f"你好 {n}"}
            await say(ws, t="say", session=session, client_id=f"c{n}", body=body)
        assert [(await hear(ws, "ack"))["seq"] for _ in range(3)] == [1, 2, 3]
    async with house.connect() as ws:
        await say(ws, t="hello", token=token, cursors={session: {"seq": 1}})
        welcome = await hear(ws)
        assert (welcome["session"], welcome["resumed"]) == (session, [session])
        assert [(await hear(ws, "message"))["seq"] for _ in range(2)] == [2, 3]


async def test_frames_come_as_an_array_to_a_client_that_asks_for_it(house: House) -> None:
    async with house.connect() as ws:
        await say(ws, t="hello", token=customer(), batch=True)
        await ws.recv()
        await ws.send(json.dumps([{"t": "ping"}] * 3))
        async with asyncio.timeout(WITHIN_S):
            got = json.loads(await ws.recv())
        assert [frame["t"] for frame in got] == ["pong"] * 3


async def test_the_token_may_travel_in_the_subprotocol(house: House) -> None:
    async with house.connect(subprotocols=["raydesk", staff()]) as ws:
        assert ws.subprotocol == "raydesk"
        await say(ws, t="hello")
        assert (await hear(ws, "welcome"))["you"]["id"] == "ann"
        assert (await hear(ws))["t"] == "agent"


async def test_a_socket_that_says_nothing_is_closed(house: House) -> None:
    async with house.connect() as ws:
        assert await closing(ws) == 4408


@pytest.mark.parametrize("token", ["", "rubbish", "a.b.c"])
async def test_a_bad_token_gets_its_error_and_the_door(house: House, token: str) -> None:
    async with house.connect() as ws:
        await say(ws, t="hello", token=token)
        assert (await hear(ws))["code"] == "bad_token"
        assert await closing(ws) == 4401


async def test_an_expired_token_is_a_bad_token(house: House) -> None:
    async with house.connect() as ws:
        await say(ws, t="hello", token=staff(ttl_s=-1.0))
        assert "expired" in (await hear(ws))["detail"]


async def test_a_page_of_a_strange_origin_is_turned_away(house: House) -> None:
    async with house.connect(origin="https://evil.test") as ws:
        await say(ws, t="hello", token=customer())
        assert (await hear(ws))["code"] == "forbidden"
        assert await closing(ws) == 4403
    async with house.connect(origin=SHOP) as ws:
        await say(ws, t="hello", token=customer())
        assert (await hear(ws))["t"] == "welcome"


async def test_bad_and_oversized_frames_are_answered_and_the_socket_lives(house: House) -> None:
    async with house.connect() as ws, house.connect() as other:
        session = await started(ws, customer())
        await started(other, customer("eve"))
        await ws.send("{")
        assert (await hear(ws, "error"))["code"] == "bad_frame"
        await ws.send(b"\xff\xff")
        assert (await hear(ws, "error"))["code"] == "bad_frame"
        await say(ws, t="sing")
        assert (await hear(ws, "error"))["code"] == "unknown_frame"
        await ws.send(json.dumps({"t": "say", "pad": "x" * 900_000}))
        assert (await hear(ws, "error"))["code"] == "too_large"
        long = {"kind": "text", "text": "x" * 10_001}
        await say(ws, t="say", session=session, client_id="long", body=long)
        error = await hear(ws, "error")
        assert (error["code"], error["client_id"]) == ("too_large", "long")
        await say(ws, t="say", session=session, client_id="c", body={"kind": "text", "text": "hi"})
        assert (await hear(ws, "ack"))["seq"] == 1
        await say(other, t="ping")
        assert (await hear(other))["t"] == "pong"


async def test_a_message_beyond_all_limits_closes_only_its_own_socket(house: House) -> None:
    async with house.connect() as ws, house.connect() as other:
        await started(ws, customer())
        await started(other, customer("eve"))
        await ws.send("x" * 2_000_000)
        assert await closing(ws) == 1009
        await say(other, t="ping")
        assert (await hear(other))["t"] == "pong"


async def test_the_same_device_again_ends_its_older_socket(house: House) -> None:
    async with house.connect() as old, house.connect() as new:
        await say(old, t="hello", token=staff(), device="laptop")
        await hear(old, "agent")
        await say(new, t="hello", token=staff(), device="laptop")
        await hear(new, "agent")
        assert (await hear(old, "error"))["code"] == "duplicate_login"
        assert await closing(old) == 4409


async def test_a_reader_that_stops_reading_is_cut_off_and_its_session_goes_on(way: str) -> None:
    limits = Limits(queue_bytes=300_000, close_s=0.3, customer_rate=1e6, customer_burst=1e6)
    house = House(limits, way)
    await house.open()
    try:
        token = customer()
        small = small_socket(house.port)
        async with house.connect() as talker, house.connect(max_queue=1, sock=small) as deaf:
            session = await started(talker, token)
            await say(deaf, t="hello", token=token)
            await hear(deaf, "session")
            assert len(house.fabric.room[session]) == 2
            text = "x" * 9000
            async with asyncio.timeout(WITHIN_S * 3):
                n = 0
                while len(house.fabric.room[session]) == 2:
                    n += 1
                    body = {"kind": "text", "text": text}
                    await say(talker, t="say", session=session, client_id=str(n), body=body)
                    assert (await hear(talker, "ack"))["seq"] == n
            await say(talker, t="ping")
            assert (await hear(talker, "pong"))["t"] == "pong"
            assert await closing(deaf) in (1013, 1006)
    finally:
        await house.close()


async def test_a_socket_that_vanishes_is_detached(house: House) -> None:
    async with house.connect() as ws:
        session = await started(ws, customer())
        assert house.fabric.room[session]
        ws.transport.abort()
    await until(lambda: not house.fabric.room[session])


async def test_shutting_down_closes_sockets_with_1012(way: str) -> None:
    house = House(Limits(), way)
    await house.open()
    async with house.connect() as ws:
        await started(ws, customer())
        shut = asyncio.create_task(house.close())
        assert await closing(ws) == 1012
        await shut
    assert house.fabric.stopped
    assert house.opened == ["open", "closed"]


# --- HTTP ----------------------------------------------------------------------------------


@pytest.fixture
async def door() -> AsyncIterator[House]:
    """The doors for HTTP alone."""
    house = House(Limits())
    await house.open()
    yield house
    await house.close()


@pytest.fixture
async def http(door: House) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=door.url, timeout=60.0) as client:
        yield client


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


async def test_a_visitor_becomes_a_customer_and_keeps_being_that_one(
    door: House, http: httpx.AsyncClient
) -> None:
    first = await http.post("/v1/sites/shop/token", json={"device": "d1"}, headers={"origin": SHOP})
    assert first.status_code == 200
    assert first.headers["access-control-allow-origin"] == SHOP
    visitor = first.json()
    assert visitor["id"].startswith("visitor-")
    again = await http.post("/v1/sites/shop/token", json={"token": visitor["token"]})
    assert again.json()["id"] == visitor["id"]
    other = await http.post("/v1/sites/shop/token", json={})
    assert other.json()["id"] != visitor["id"]
    async with door.connect(origin=SHOP) as ws:
        await say(ws, t="hello", token=visitor["token"])
        assert (await hear(ws))["you"]["id"] == visitor["id"]


async def test_only_a_signed_assertion_makes_a_known_customer(
    door: House, http: httpx.AsyncClient
) -> None:
    now = time.time()
    said = Assertion(site="shop", id="4711", iat=now, exp=now + 60, name="汤姆", vip=3)
    signed = sign_assertion(said, SECRET)
    answer = await http.post("/v1/sites/shop/token", json={"assertion": signed})
    token = answer.json()["token"]
    async with door.connect() as ws:
        await started(ws, token)
    (opened,) = [e.command for e in door.fabric.sent if isinstance(e.command, m.OpenSession)]
    assert (opened.customer.id, opened.customer.vip) == ("4711", 3)
    for forged in (
        {"assertion": sign_assertion(said, SECRET + "!")},
        {"token": token},
        {"token": staff()},
        {"token": "rubbish"},
    ):
        refused = await http.post("/v1/sites/shop/token", json=forged)
        assert (refused.status_code, refused.json()["code"]) == (401, "bad_token")
    mass = await http.post("/v1/sites/shop/token", json={"vip": 9, "id": "4711"})
    assert mass.status_code == 400


@pytest.mark.parametrize("site", ["nowhere", "shut"])
async def test_a_site_that_is_not_there_gives_no_tokens(http: httpx.AsyncClient, site: str) -> None:
    answer = await http.post(f"/v1/sites/{site}/token", json={})
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_other_pages_get_no_visitor_tokens(http: httpx.AsyncClient) -> None:
    evil = {"origin": "https://evil.test"}
    for method in ("POST", "OPTIONS"):
        answer = await http.request(method, "/v1/sites/shop/token", headers=evil, content="{}")
        assert answer.status_code == 403
        assert "access-control-allow-origin" not in answer.headers
    preflight = await http.options("/v1/sites/shop/token", headers={"origin": SHOP})
    assert preflight.status_code == 204
    assert preflight.headers["access-control-allow-methods"] == "POST"


async def test_staff_signs_in_and_wrong_is_wrong_whatever_was_wrong(
    door: House, http: httpx.AsyncClient
) -> None:
    right = {"org": "acme", "login": "ann", "password": "right"}
    answer = await http.post("/v1/token", json=right)
    assert answer.status_code == 200
    async with door.connect() as ws:
        await say(ws, t="hello", token=answer.json()["token"])
        assert (await hear(ws, "welcome"))["you"]["role"] == "agent"
    details = set()
    for wrong in ({"password": "left"}, {"login": "nobody"}, {"org": "nowhere"}):
        refused = await http.post("/v1/token", json={**right, **wrong})
        assert refused.status_code == 401
        details.add(refused.text)
    assert len(details) == 1


async def test_guessing_passwords_is_slowed_down_with_a_time(http: httpx.AsyncClient) -> None:
    guess = {"org": "acme", "login": "ann", "password": "guess"}
    answers = [await http.post("/v1/token", json=guess) for _ in range(12)]
    assert [a.status_code for a in answers].count(401) == 10
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["retry-after"]) >= 1
    other = await http.post("/v1/token", json={**guess, "login": "lea", "password": "right"})
    assert other.status_code == 200


async def test_history_is_for_who_took_part_and_leaders(http: httpx.AsyncClient) -> None:
    url = "/v1/sessions/7/messages"
    page = (await http.get(url, params={"limit": 2}, headers=bearer(customer()))).json()
    assert ([f["seq"] for f in page["frames"]], page["next"]) == ([1, 2], 2)
    page = (await http.get(url, params={"after": 4}, headers=bearer(staff()))).json()
    assert ([f["seq"] for f in page["frames"]], page["next"]) == ([5], 0)
    assert (await http.get(url, headers=bearer(staff("lea", "leader")))).status_code == 200
    for token in (customer("eve"), customer(org="other"), staff("bob")):
        refused = await http.get(url, headers=bearer(token))
        assert (refused.status_code, refused.json()["code"]) == (404, "unknown_session")
    aside = await http.get(url, params={"track": "aside"}, headers=bearer(customer()))
    assert aside.status_code == 403
    assert (await http.get(url)).status_code == 401


@pytest.mark.parametrize("query", ["after=-1", "after=x", "limit=0", "limit=501", "track=third"])
async def test_a_wrong_query_is_a_bad_request(http: httpx.AsyncClient, query: str) -> None:
    answer = await http.get(f"/v1/sessions/7/messages?{query}", headers=bearer(customer()))
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")


async def test_live_state_is_for_leaders_of_the_organisation(http: httpx.AsyncClient) -> None:
    lea = bearer(staff("lea", "leader"))
    answer = await http.get("/v1/queues", headers=lea)
    assert answer.json() == {"queues": [{"id": "help", "waiting": 1}]}
    assert (await http.get("/v1/agents", headers=lea)).json() == {"agents": []}
    assert (await http.get("/v1/sessions", headers=lea)).json() == {"sessions": []}
    for token in (customer(), staff()):
        assert (await http.get("/v1/queues", headers=bearer(token))).status_code == 403


async def test_health_and_readiness_differ_when_a_store_is_away(
    door: House, http: httpx.AsyncClient
) -> None:
    assert (await http.get("/readyz")).status_code == 200
    door.healthy = False
    assert (await http.get("/readyz")).status_code == 503
    assert (await http.get("/healthz")).status_code == 200


async def test_bad_requests_get_json_and_no_internals(http: httpx.AsyncClient) -> None:
    assert (await http.get("/v1/nothing")).json()["code"] == "not_found"
    assert (await http.get("/v1/token")).json()["code"] == "method_not_allowed"
    huge = await http.post("/v1/token", content=b"x" * 70_000)
    assert (huge.status_code, huge.json()["code"]) == (413, "too_large")
    deep = await http.post("/v1/token", content=b"[" * 60_000)
    assert deep.status_code == 400


async def test_pages_carry_headers_that_keep_them_to_themselves(http: httpx.AsyncClient) -> None:
    answer = await http.get("/healthz")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "DENY"


async def test_the_public_keys_are_published(http: httpx.AsyncClient) -> None:
    (key,) = (await http.get("/.well-known/jwks.json")).json()["keys"]
    assert key["kid"] == KEY.kid
    assert "d" not in key


async def test_there_is_one_socket_door(door: House) -> None:
    with pytest.raises(InvalidHandshake):
        await connect(f"ws://127.0.0.1:{door.port}/elsewhere")
