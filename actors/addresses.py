"""Who a command is for: the kind of actor, its organisation and its id."""

from __future__ import annotations

import zlib
from typing import Literal

import msgspec

Kind = Literal["session", "agent", "queue", "dispatch"]
KINDS: tuple[Kind, ...] = ("session", "agent", "queue", "dispatch")

PARTITION_N = 16
"""Fixed for the life of the stored data: the partition is part of every Redis key."""


class Address(msgspec.Struct, frozen=True, array_like=True):
    """One entity. Hashable; printed as `kind/org/id`."""

    kind: Kind
    org: str
    id: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.org}/{self.id}"

    @property
    def partition(self) -> int:
        """The entity's partition, 0 <= p < PARTITION_N, the same on every machine."""
        return zlib.crc32(self.id.encode()) % PARTITION_N


class Conn(msgspec.Struct, frozen=True, array_like=True):
    """One open socket: the gateway that holds it and its number there."""

    gateway: str
    number: int
