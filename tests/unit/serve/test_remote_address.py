"""Whose address a request came from: what our own proxies say, never what the caller says."""

from __future__ import annotations

import pytest

from serve.gateway.shell import remote_address


def scope(*forwarded: str, client: str = "127.0.0.1") -> dict:
    headers = [(b"x-forwarded-for", value.encode()) for value in forwarded]
    return {"headers": headers, "client": (client, 1234)}


@pytest.mark.parametrize(
    ("given", "proxies_n", "address"),
    [
        (scope("203.0.113.9"), 1, "203.0.113.9"),
        (scope("6.6.6.6", "203.0.113.9"), 1, "203.0.113.9"),
        (scope("6.6.6.6, 203.0.113.9"), 1, "203.0.113.9"),
        (scope("6.6.6.6, 203.0.113.9, 10.0.0.1"), 2, "203.0.113.9"),
        (scope("10.0.0.1"), 2, ""),
        (scope(), 1, ""),
        (scope("6.6.6.6", client="203.0.113.9"), 0, "203.0.113.9"),
        (scope("6.6.6.6"), 0, ""),
    ],
)
def test_only_entries_of_known_proxies_count(given, proxies_n, address) -> None:
    assert remote_address(given, proxies_n=proxies_n) == address
