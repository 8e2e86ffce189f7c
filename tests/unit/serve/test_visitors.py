"""Visitors: who gets a token, how often, and what nobody can make of one."""

from __future__ import annotations

import time

import httpx
import pytest

from serve.api import build_app
from serve.api_errors import ApiError
from serve.api_tokens import renewable
from serve.doors import Site
from serve.gateway.limits import Limits
from serve.identity import Identity
from serve.visitor_limits import ADDRESS_BURST, DEVICE_BURST, SITE_BURST, VisitorLimits
from tests.support.doors import TOKENS, ScriptedFabric, Store, make_adapters

SITE = Site(key="shop", org="acme")


def visitor(**changed: str) -> Identity:
    right = {"org": "acme", "subject": "visitor-1", "role": "customer", "site": "shop"}
    return Identity(**{**right, "device": "d1", **changed})  # type: ignore[arg-type]


def allowed_n(limits: VisitorLimits, address: str, site: str, device: str, tries: int) -> int:
    return sum(limits.take(address, site, device) == 0.0 for _ in range(tries))


def test_one_device_one_address_and_one_site_have_limits_each() -> None:
    limits = VisitorLimits(lambda: 0.0)
    assert allowed_n(limits, "a1", "shop", "d1", 100) == DEVICE_BURST
    limits = VisitorLimits(lambda: 0.0)
    found = sum(limits.take("a1", "shop", f"d{n}") == 0.0 for n in range(1000))
    assert found == ADDRESS_BURST
    limits = VisitorLimits(lambda: 0.0)
    found = sum(limits.take(f"a{n}", "shop", f"d{n}") == 0.0 for n in range(3000))
    assert found == SITE_BURST


def test_a_flood_at_one_site_leaves_another_alone() -> None:
    limits = VisitorLimits(lambda: 0.0)
    for n in range(3000):
        limits.take(f"a{n}", "shop", "")
    assert limits.take("b", "shop", "") > 0.0
    assert limits.take("b", "museum", "") == 0.0


def test_the_limits_grow_back() -> None:
    now = [0.0]
    limits = VisitorLimits(lambda: now[0])
    assert allowed_n(limits, "", "shop", "d1", 100) == DEVICE_BURST
    now[0] += 60.0
    assert limits.take("", "shop", "d1") == 0.0


def test_a_visitor_stays_that_visitor_on_that_device_of_that_site() -> None:
    assert renewable(visitor(), SITE, "d1").subject == "visitor-1"
    assert renewable(visitor(), SITE, "").device == "d1"


@pytest.mark.parametrize(
    ("known", "device"),
    [
        (visitor(), "d2"),
        (visitor(site="museum"), "d1"),
        (visitor(org="other"), "d1"),
        (visitor(subject="customer-4711"), "d1"),
        (visitor(role="agent"), "d1"),
    ],
)
def test_a_token_of_another_device_site_or_kind_is_not_renewed(
    known: Identity, device: str
) -> None:
    with pytest.raises(ApiError) as refused:
        renewable(known, SITE, device)
    assert refused.value.code == "bad_token"


async def _ready() -> bool:
    return True


def door() -> httpx.AsyncClient:
    """The doors, in this process."""
    app = build_app("gw", make_adapters(Store(), Limits(), ready=_ready), ScriptedFabric())
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://desk.example")


async def test_the_door_holds_a_device_to_its_limit_and_says_how_long() -> None:
    async with door() as http:
        path = "/v1/sites/shop/token"
        codes = [
            (await http.post(path, json={"device": "d1"})).status_code
            for _ in range(int(DEVICE_BURST) + 1)
        ]
        assert codes == [200] * int(DEVICE_BURST) + [429]
        refused = await http.post(path, json={"device": "d1"})
        assert int(refused.headers["retry-after"]) >= 1
        assert (await http.post(path, json={"device": "d2"})).status_code == 200


async def test_a_renewed_token_is_the_same_visitors_and_of_the_same_family() -> None:
    async with door() as http:
        path = "/v1/sites/shop/token"
        first = (await http.post(path, json={"device": "d1"})).json()
        again = (await http.post(path, json={"device": "d1", "token": first["token"]})).json()
        other = (await http.post(path, json={"device": "d1"})).json()
    one, two, three = (TOKENS.verify(t["token"], time.time()) for t in (first, again, other))
    assert one.family
    assert (one.subject, one.family, one.device) == (two.subject, two.family, two.device)
    assert one.token_id != two.token_id
    assert (three.subject == one.subject, three.family == one.family) == (False, False)


@pytest.mark.parametrize("name", ["id", "name", "vip", "attributes", "role", "org", "lang"])
async def test_nobody_says_of_themselves_what_only_their_site_may(name: str) -> None:
    async with door() as http:
        answer = await http.post("/v1/sites/shop/token", json={"device": "d1", name: "3"})
    assert answer.status_code == 400
