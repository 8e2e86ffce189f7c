"""Who the blacklist bars."""

from dataclasses import dataclass

import pytest

from policies.admission import blocked


@dataclass(frozen=True)
class Entry:
    kind: str
    value: str
    scope: str = "all"
    starts_at: float = 0.0
    ends_at: float | None = None


def barred(*entries, customer="c1", ip="203.0.113.7", device="d1", human=True, now=100.0):
    return blocked(entries, customer=customer, ip=ip, device=device, human=human, now=now)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("customer", "c1"),
        ("device", "d1"),
        ("ip", "203.0.113.7"),
        ("ip", "203.0.113.0/24"),
        ("ip", "203.0.113.9/24"),
        ("ip", "::ffff:203.0.113.7"),
        ("ip", "0.0.0.0/0"),
    ],
)
def test_an_entry_that_names_the_customer_bars_it_and_is_returned(kind, value):
    entry = Entry(kind, value)
    assert barred(Entry("customer", "someone else"), entry) is entry


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("customer", "d1"),
        ("device", "c1"),
        ("ip", "203.0.114.0/24"),
        ("ip", "2001:db8::/32"),
        ("ip", "not an address"),
        ("ip", "203.0.113.7/99"),
        ("ip", ""),
    ],
)
def test_an_entry_that_names_somebody_else_bars_nobody(kind, value):
    assert barred(Entry(kind, value)) is None


def test_an_entry_bars_from_its_start_until_just_before_its_end():
    entry = Entry("customer", "c1", starts_at=100.0, ends_at=200.0)
    assert barred(entry, now=99.9) is None
    assert barred(entry, now=100.0) is entry
    assert barred(entry, now=199.9) is entry
    assert barred(entry, now=200.0) is None


def test_a_human_entry_leaves_the_bot_open():
    entry = Entry("customer", "c1", scope="human")
    assert barred(entry, human=True) is entry
    assert barred(entry, human=False) is None
    assert barred(Entry("customer", "c1"), human=False) is not None


def test_unknown_device_and_address_match_no_entry():
    assert barred(Entry("device", ""), Entry("ip", "0.0.0.0/0"), device="", ip="") is None
    assert barred(Entry("ip", "0.0.0.0/0"), ip="unknown") is None


def test_an_address_inside_an_ipv6_network_is_barred():
    entry = Entry("ip", "2001:db8::/32")
    assert barred(entry, ip="2001:db8::17") is entry
    assert barred(entry, ip="fe80::1%eth0") is None
