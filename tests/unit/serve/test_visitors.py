"""Visitors: who gets a token, how often, and what nobody can make of one."""

from __future__ import annotations

import pytest

from serve.api_errors import ApiError
from serve.api_tokens import renewable
from serve.doors import Site
from serve.identity import Identity
from serve.visitor_limits import ADDRESS_BURST, DEVICE_BURST, SITE_BURST, VisitorLimits

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
