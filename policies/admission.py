"""Admission: who may not be served, asked on every path before a contact is queued or routed.

An entry names a customer, a device, an address or a network, and bars it from everything (scope
`all`) or from human service only (scope `human`), between two instants.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from functools import lru_cache
from typing import Protocol, TypeVar

Ip = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Entry(Protocol):
    """One line of a blacklist."""

    @property
    def kind(self) -> str:
        """`customer`, `ip` or `device`."""
        ...

    @property
    def value(self) -> str:
        """Customer id, device id, address, or network in CIDR form."""
        ...

    @property
    def scope(self) -> str:
        """`all`, or `human`: a bot may still answer."""
        ...

    @property
    def starts_at(self) -> float:
        """First instant of the bar, seconds since 1970."""
        ...

    @property
    def ends_at(self) -> float | None:
        """First instant after the bar; None: for ever."""
        ...


E = TypeVar("E", bound=Entry)


def blocked(
    blacklist: Iterable[E], *, customer: str, ip: str, device: str, human: bool, now: float
) -> E | None:
    """Return the first entry that bars this customer from this service now, None if none does.

    `human`: the service asked for is given by people (a `human` entry leaves the bot open). An
    empty `ip` or `device` matches nothing. An address written as IPv4 inside IPv6 is its IPv4.
    """
    for entry in blacklist:
        if not _in_force(entry, human, now):
            continue
        if entry.kind == "ip":
            hit = _covers(entry.value, ip)
        else:
            wanted = customer if entry.kind == "customer" else device
            hit = bool(wanted) and entry.value == wanted
        if hit:
            return entry
    return None


def _in_force(entry: Entry, human: bool, now: float) -> bool:
    if entry.scope == "human" and not human:
        return False
    return entry.starts_at <= now and (entry.ends_at is None or now < entry.ends_at)


def _covers(value: str, ip: str) -> bool:
    network, address = _network(value), _address(ip)
    return (
        network is not None
        and address is not None
        and network.version == address.version
        and address in network
    )


@lru_cache(maxsize=65_536)
def _network(value: str) -> Network | None:
    """An address is a network of one. None: a value that is neither bars nobody."""
    try:
        if "/" not in value:
            address = _address(value)
            return None if address is None else ipaddress.ip_network(address)
        return ipaddress.ip_network(value.strip(), strict=False)
    except ValueError:
        return None


@lru_cache(maxsize=4_096)
def _address(text: str) -> Ip | None:
    try:
        address = ipaddress.ip_address(text.strip().partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
