"""The whole real system on SQLite and on PostgreSQL: sign in, administer, talk, be shut out.

The system of the run (SQLite, or what RAYDESK_TEST_SQL says) and beside it one on PostgreSQL, so
that plain `make test` has been through both.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from actors.frames import Event, OpenOffer
from infra.directory.audit import Verified
from serve.client import AgentClient, Disconnected
from tests.support.actor_system import until
from tests.support.oauth_house import Browser, code_of
from tests.support.real import PASSWORD, SITE, WITHIN_S, Desk, Real, Seen, desk_of, running
from tests.support.servers import PostgresServer

pytest_plugins = ["tests.support.real"]
pytestmark = [pytest.mark.ray, pytest.mark.timeout(300)]


@pytest.fixture(
    scope="module", params=["of the run", pytest.param("postgres", marks=pytest.mark.postgres)]
)
def either(request: pytest.FixtureRequest) -> Iterator[Real]:
    """A running system."""
    if request.param == "of the run":
        yield request.getfixturevalue("real")
        return
    if os.environ.get("RAYDESK_TEST_SQL") == "postgres":
        pytest.skip("the system of the run is on PostgreSQL already")
    server: PostgresServer = request.getfixturevalue("postgres_server")
    with running(asyncio.run(server.new_database())) as system:
        yield system


@pytest.fixture
async def desk(either: Real) -> AsyncIterator[Desk]:
    """A desk of that system."""
    async with desk_of(either) as opened:
        yield opened


@dataclass(frozen=True)
class Place:
    """What a browser needs to know of a system."""

    url: str
    callback: str


async def signed_in(system: Real, login: str) -> dict[str, Any]:
    """Sign in on the page, as a person does; return the tokens."""
    browser = Browser(Place(system.issuer, f"{system.issuer}/"))  # type: ignore[arg-type]
    try:
        await browser.visit()
        answer = await browser.enter("demo", login, PASSWORD)
        done = await browser.exchange(code_of(answer))
        assert done.status_code == 200, done.text
        return dict(done.json())
    finally:
        await browser.http.aclose()


@pytest.fixture
async def admin(either: Real) -> AsyncIterator[httpx.AsyncClient]:
    """The administration API, as the demo's administrator."""
    token = (await signed_in(either, "admin"))["access_token"]
    async with httpx.AsyncClient(
        base_url=f"{either.http_url}/v1/admin",
        headers={"authorization": f"Bearer {token}", "if-match": "*"},
        trust_env=False,
        timeout=WITHIN_S,
    ) as client:
        yield client


async def test_a_new_queue_takes_customers_as_soon_as_it_is_made(
    desk: Desk, admin: httpx.AsyncClient
) -> None:
    made = await admin.post("/queues", json={"id": "new", "name": "新 New", "groups": ["travel"]})
    assert made.status_code == 201, made.text
    try:
        _, agent_saw = await desk.agent("alice")
        customer, customer_saw = await desk.customer()

        async def is_there() -> bool:
            return (await admin.get("/queues/new")).status_code == 200

        await until(is_there)
        session = (await customer.start(queue="new")).session
        offer = await agent_saw.first(OpenOffer, lambda o: o.session == session)
        assert offer.queue == "new"
        await customer.end()
        await customer_saw.first(Event, lambda e: e.kind == "closed")
    finally:
        assert (await admin.delete("/queues/new")).status_code == 204


async def test_who_is_disabled_is_out_at_once_and_the_audit_says_by_whom(
    either: Real, admin: httpx.AsyncClient
) -> None:
    token = (await signed_in(either, "chen"))["access_token"]
    seen = Seen()
    client = AgentClient(either.ws_url, token, on_event=seen, proxy=None)
    await client.connect(WITHIN_S)
    assert (await admin.patch("/accounts/chen", json={"enabled": False})).status_code == 200
    try:
        await seen.first(Disconnected, lambda one: one.final)
    finally:
        await client.close()
        assert (await admin.patch("/accounts/chen", json={"enabled": True})).status_code == 200
    acts = (await admin.get("/audit", params={"row": "chen", "limit": 2})).json()["items"]
    assert [(act["actor"], act["after"]["enabled"]) for act in acts] == [
        ("admin", True),
        ("admin", False),
    ]
    directory = either.directory()
    assert isinstance((await directory.verify_audit("demo"))[0], Verified)
    await directory.close()


async def test_a_visitor_and_an_agent_talk(desk: Desk) -> None:
    agent, agent_saw = await desk.agent("bob")
    token = await desk.api.visitor_token(SITE)
    customer, customer_saw = await desk.customer(token)
    session = (await customer.start(queue="travel")).session
    offer = await agent_saw.first(OpenOffer, lambda o: o.session == session)
    await agent.accept(offer.offer)
    await customer_saw.first(Event, lambda e: e.kind == "assigned")
    await customer.say('你好 \x27"; DROP TABLE accounts; --')
    await agent.end(session)
    await agent.wrap_up(session, "已解决 solved")
    seqs = await desk.api.history_seqs(session, token)
    assert seqs == list(range(1, len(seqs) + 1))
