"""Why was it given to her? Asked of the real system over HTTP, right after; and closed doors."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from actors.frames import Error
from policies.decision_files import read
from policies.replay import differences
from tests.support.actor_system import until
from tests.support.real import Real
from tests.support.shops import DESK, Shop, new_shop

pytest_plugins = ["tests.support.real"]
pytestmark = [pytest.mark.ray, pytest.mark.timeout(300)]

STAFF = {
    "ann": {"name": "Ann", "capacity": 1},
    "bob": {"name": "Bob", "capacity": 1, "languages": ["en"]},
    "boss": {"name": "Boss", "role": "admin"},
}


@pytest.fixture
async def shop(real: Real) -> AsyncIterator[Shop]:
    made = new_shop(real)
    yield made
    await made.close()


async def get(shop: Shop, path: str, who: str = "boss") -> tuple[int, dict[str, Any]]:
    headers = {"Authorization": f"Bearer {shop.access_token(who)}"}
    async with httpx.AsyncClient(
        base_url=shop.real.http_url, headers=headers, timeout=60.0
    ) as client:
        answer = await client.get(path)
        return answer.status_code, answer.json()


async def test_a_decision_is_explained_in_words_and_numbers_to_who_may_read_it(shop: Shop) -> None:
    await shop.declare(queues={"desk": DESK}, agents=STAFF)
    ann, ann_saw = await shop.agent("ann")
    _, _, session = await shop.served("carol", ann, ann_saw)
    status, listed = await get(shop, f"/v1/decisions?session={session}")
    assert status == 200
    (line,) = listed["decisions"]
    assert (line["agent"], line["queue"], line["result"]) == ("ann", "desk", "offered")
    status, told = await get(shop, f"/v1/decisions/{line['id']}")
    assert status == 200
    assert told["decision"]["outcome"]["ending"] == "accepted"
    assert "chose agent ann" in told["en"]
    assert "选择客服 ann" in told["zh"]
    reasons = {one["agent"]: one["reason"] for one in told["decision"]["candidates"]}
    assert (reasons["ann"], reasons["bob"]) == ("", "not_available")
    assert (await get(shop, f"/v1/decisions/{line['id']}", "ann"))[0] == 403
    assert (await get(shop, "/v1/decisions/123"))[0] == 404


async def test_decisions_come_to_files_that_can_be_read_and_decided_again(shop: Shop) -> None:
    await shop.declare(queues={"desk": {**DESK, "accept": "auto"}}, agents=STAFF)
    ann, ann_saw = await shop.agent("ann")
    client, _, session = await shop.served("carol", ann, ann_saw)
    await client.end()
    store = Path(shop.real.keys_dir).parent / "objects"
    mine = [store / name / shop.org for name in ("decisions", "outcomes")]
    await until(lambda: all(folder.is_dir() for folder in mine))
    rows = [row for row in read(store) if row.org == shop.org]
    assert [(row.contact.session, row.action) for row in rows] == [(session, "ann")]
    assert rows[0].outcome is not None
    assert rows[0].outcome.ending == "accepted"
    assert differences(rows) == []

    async def is_handled() -> bool:
        _, told = await get(shop, f"/v1/decisions/{rows[0].id}")
        return told["decision"]["outcome"]["handle_s"] is not None

    await until(is_handled)


async def test_what_became_of_a_contact_is_told_of_its_decision(shop: Shop) -> None:
    """Wrap-up, rating, and a customer who comes back: each becomes known later than the last."""
    means = {"d1": {"name": "done", "solved": True}}
    await shop.declare(
        queues={"desk": {**DESK, "wrap_up_s": 600}}, agents=STAFF, dispositions=means
    )
    ann, ann_saw = await shop.agent("ann")
    carol, _, session = await shop.served("carol", ann, ann_saw)
    await carol.end()
    await ann.wrap_up(session, "done")
    await carol.rate(4)
    _, listed = await get(shop, f"/v1/decisions?session={session}")
    (line,) = listed["decisions"]

    async def outcome() -> dict[str, Any]:
        _, told = await get(shop, f"/v1/decisions/{line['id']}")
        found: dict[str, Any] = told["decision"]["outcome"]
        return found

    async def is_rated() -> bool:
        return (await outcome()).get("rating") == 4

    await until(is_rated)
    known = await outcome()
    assert (known["disposition"], known["solved"], known["transfers_n"]) == ("done", True, 0)
    assert known["abandoned"] is False
    assert "recontact_1d" not in known
    await carol.start()

    async def is_back() -> bool:
        known = await outcome()
        return (known.get("recontact_1d"), known.get("recontact_7d")) == (True, True)

    await until(is_back)


async def test_who_comes_out_of_hours_is_told_and_leaves_a_ticket(shop: Shop) -> None:
    hours = {"shut": {"name": "Shut", "time_zone": "UTC", "week": {}}}
    await shop.declare(queues={"desk": {**DESK, "hours": "shut"}}, hours=hours, agents=STAFF)
    carol, saw = await shop.customer("carol")
    await carol.start()
    error = await saw.first(Error, lambda frame: frame.code == "closed")
    assert "message" in error.detail

    async def is_there() -> bool:
        _, found = await get(shop, "/v1/tickets")
        return [one["customer"] for one in found["tickets"]] == ["carol"]

    await until(is_there)
