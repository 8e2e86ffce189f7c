"""Supervision on the whole real system: it is in the audit, and a changed role holds at once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect

from actors.frames import Event, OpenOffer, SessionFrame
from examples.signing_in import Login
from tests.support.real import PASSWORD, WITHIN_S, Desk

pytest_plugins = ["tests.support.real"]
pytestmark = [pytest.mark.ray, pytest.mark.timeout(300)]


@pytest.fixture
async def api(desk: Desk) -> AsyncIterator[httpx.AsyncClient]:
    """The administration API of the running system."""
    token = await desk.api.agent_token("demo", Login("admin", PASSWORD))
    headers = {"authorization": f"Bearer {token}"}
    url = f"{desk.system.http_url}/v1/admin"
    async with httpx.AsyncClient(
        base_url=url, headers=headers, trust_env=False, timeout=60.0
    ) as client:
        yield client


async def audited(api: httpx.AsyncClient, session: str, n: int) -> list[dict[str, Any]]:
    """Return the acts in a session, oldest first, when there are so many."""
    async with asyncio.timeout(WITHIN_S):
        while True:
            answer = await api.get("/audit", params={"resource": "sessions", "row": session})
            found = answer.json()["items"]
            if len(found) >= n:
                return list(reversed(found))
            await asyncio.sleep(0.1)  # the audit tells nobody


async def test_a_leaders_acts_are_in_the_audit_with_before_and_after(
    desk: Desk, api: httpx.AsyncClient
) -> None:
    bob, bob_saw = await desk.agent("bob")
    customer, customer_saw = await desk.customer()
    session = (await customer.start(queue="travel")).session
    offer = await bob_saw.first(OpenOffer, lambda o: o.session == session)
    await bob.accept(offer.offer)
    await customer_saw.first(Event, lambda e: e.kind == "assigned")
    lead, lead_saw = await desk.agent("lead", status="offline")
    await lead.watch(session)
    await lead_saw.first(SessionFrame, lambda f: f.session == session)
    await lead.whisper(session, "be kind")
    await lead.join(session)
    await lead.take_over(session)
    acts = await audited(api, session, 4)
    assert [act["action"] for act in acts] == ["watch", "whisper", "join", "take_over"]
    assert {act["actor"] for act in acts} == {"lead"}
    assert acts[-1]["before"]["agent"] == "bob"
    assert acts[-1]["after"]["agent"] == "lead"
    assert "be kind" not in str(acts)
    verified = (await api.get("/audit/verification")).json()
    assert verified["whole"], verified
    await lead.end(session)
    await lead.wrap_up(session)


async def welcomed(desk: Desk, token: str) -> ClientConnection:
    """Open a socket, as soon as the settings with its new account have arrived."""
    while True:
        ws = await connect(desk.system.ws_url, proxy=None)
        await ws.send(json.dumps({"t": "hello", "token": token}))
        if json.loads(await ws.recv())["t"] == "welcome":
            return ws
        await ws.close()
        await asyncio.sleep(0.05)


async def test_a_role_made_now_holds_without_a_restart(desk: Desk, api: httpx.AsyncClient) -> None:
    role = {"id": "coach", "name": "教练", "permissions": ["socket:open"]}
    assert (await api.post("/roles", json=role)).status_code == 201
    form = {"id": "cora", "name": "Cora", "role": "coach", "password": "a-long-password"}
    made = await api.post("/accounts", json=form)
    assert made.status_code == 201, made.text
    token = await desk.api.agent_token("demo", Login("cora", "a-long-password"))
    live = f"{desk.system.http_url}/v1/sessions"

    async def status() -> int:
        async with httpx.AsyncClient(trust_env=False, timeout=60.0) as http:
            answer = await http.get(live, headers={"authorization": f"Bearer {token}"})
            return answer.status_code

    async with asyncio.timeout(WITHIN_S):
        ws = await welcomed(desk, token)
        assert await status() == 403
        more = {"permissions": ["socket:open", "live-sessions:read"]}
        patched = await api.patch("/roles/coach", json=more, headers={"if-match": "*"})
        assert patched.status_code == 200, patched.text
        await ws.wait_closed()
        assert ws.close_code == 4401, "what a socket may do is fixed when it opens"
        while await status() != 200:  # noqa: ASYNC110 # another replica may be a moment behind
            await asyncio.sleep(0.05)
