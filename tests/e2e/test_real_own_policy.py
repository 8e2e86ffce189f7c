"""A policy of one's own on the real system: named in a queue's settings, good or bad (R5, R6)."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from actors.frames import Event
from tests.support.actor_system import until
from tests.support.real import Real
from tests.support.shops import DESK, Shop, new_shop

pytest_plugins = ["tests.support.real"]
pytestmark = [pytest.mark.ray, pytest.mark.timeout(300)]

STAFF = {
    "ann": {"name": "Ann", "capacity": 500},
    "boss": {"name": "Boss", "role": "admin"},
}
FILE = """
from policies.last_idle import LastIdle

class Good(LastIdle):
    name = "good"

class Hangs:
    name = "hangs"

    def decide(self, view, rng):
        while True:
            pass
"""
Row = dict[str, Any]


@pytest.fixture
async def shop(real: Real) -> AsyncIterator[Shop]:
    folder = Path(real.keys_dir).parent / "policies"
    folder.mkdir(exist_ok=True)
    (folder / "mine.py").write_text(FILE)
    made = new_shop(real)
    await made.declare(queues={"desk": {**DESK, "accept": "auto"}}, agents=STAFF)
    yield made
    await made.close()


async def asked(shop: Shop, method: str, path: str, body: Any = None) -> httpx.Response:
    headers = {"Authorization": f"Bearer {shop.access_token('boss')}", "If-Match": "*"}
    async with httpx.AsyncClient(base_url=shop.real.http_url, timeout=60.0) as client:
        return await client.request(method, path, json=body, headers=headers)


async def routed_by(shop: Shop, policy: str) -> httpx.Response:
    return await asked(shop, "PATCH", "/v1/admin/queues/desk", {"policy": policy})


class Crowd:
    """Customers who come one by one, each served at once, and the decision about the last one."""

    def __init__(self, shop: Shop) -> None:
        self._shop, self._names = shop, itertools.count(1)
        self.row: Row = {}

    async def one_comes(self) -> Row:
        client, seen = await self._shop.customer(f"c{next(self._names)}")
        session = (await client.start()).session
        await seen.first(Event, lambda event: event.kind == "assigned")
        listed = (await asked(self._shop, "GET", f"/v1/decisions?session={session}")).json()
        (line,) = listed["decisions"]
        told = await asked(self._shop, "GET", f"/v1/decisions/{line['id']}")
        self.row = told.json()["decision"]
        return self.row


async def test_a_policy_of_ones_own_decides_once_it_is_named_and_loaded(shop: Shop) -> None:
    crowd = Crowd(shop)
    await shop.agent("ann")
    assert (await routed_by(shop, "mine.py:Good")).status_code == 200

    async def it_decides() -> bool:
        return (await crowd.one_comes())["policy"] == "mine.py:Good"

    await until(it_decides)
    assert (crowd.row["action"], crowd.row["fallback_level"]) == ("ann", 0)


async def test_a_policy_that_hangs_costs_nobody_their_turn_and_is_told(shop: Shop) -> None:
    crowd = Crowd(shop)
    await shop.agent("ann")
    assert (await routed_by(shop, "mine.py:Hangs")).status_code == 200

    async def it_hung() -> bool:
        return "late" in (await crowd.one_comes())["fallback_reason"]

    await until(it_hung)
    assert (crowd.row["policy"], crowd.row["fallback_level"]) == ("longest_idle", 2)
    assert crowd.row["fallback_reason"] == "mine.py:Hangs: TimeoutError: late"
    row = await crowd.one_comes()
    assert (row["policy"], row["fallback_level"]) == ("longest_idle", 2)
    assert row["fallback_reason"].startswith("mine.py:Hangs")


async def test_a_policy_that_is_not_there_is_not_saved(shop: Shop) -> None:
    for policy in ("no_such", "mine.py:Nobody", "none.py:X"):
        answer = await routed_by(shop, policy)
        assert (answer.status_code, answer.json()["code"]) == (422, "unusable_policy")
    row = (await asked(shop, "GET", "/v1/admin/queues/desk")).json()
    assert row["policy"] == "longest_idle"
