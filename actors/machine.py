"""What a machine is, to its shell and its tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from actors.addresses import Address, Conn
from actors.config import OrgConfig
from actors.effects import Effect
from actors.messages import Command


class Context(Protocol):
    """What the shell lends a machine for one command; nothing in it waits."""

    now: float
    """Seconds since 1970."""

    def new_id(self) -> str:
        """Return a fresh Snowflake id (decimal string)."""
        ...

    def random(self) -> float:
        """Return the next number in [0, 1) of the shell's seeded generator."""
        ...


class Machine(Protocol):
    """One entity's whole behaviour. Owns its state; never waits, never raises on a late,
    repeated or refused command; answers with effects.

    Made by `Kind(address, config)` with the organisation's settings of that moment; every later
    change comes as `ConfigChanged`. A command that cannot be is a defect: it raises, the shell
    discards the entity's memory, logs, and reloads it from the journal.
    """

    address: Address

    def __init__(self, address: Address, config: OrgConfig) -> None: ...

    def restore(self, records: dict[str, bytes], timeline: Sequence[bytes]) -> None:
        """Rebuild durable state from the records that `Put` wrote and, for a session, the encoded
        journal frames of both tracks in order. Called once, before any command; both are empty
        for a new entity. Soft state (connections) starts empty."""
        ...

    def recovered(self, ctx: Context) -> list[Effect]:
        """Called once after `restore` of an entity that existed: tell others again."""
        ...

    def handle(self, command: Command, ctx: Context) -> list[Effect]:
        """Run one command and return its effects, in order."""
        ...

    def settle(self, ctx: Context) -> list[Effect]:
        """Called once at the end of each turn in which the entity handled anything (dispatch runs
        its round here, a queue pushes positions). Must be cheap when nothing changed."""
        ...

    def deadline(self) -> float | None:
        """When the shell must send the next `Tick`; None: no timer is running."""
        ...

    def gateways(self) -> set[str]:
        """The gateways that hold connections of this entity."""
        ...

    def live(self) -> bool:
        """False once the entity may leave memory and need not be loaded after a restart."""
        ...

    def summary(self) -> dict[str, object]:
        """Return what a supervisor's list shows of the entity now: JSON-able, small."""
        ...


def of_gateway(conns: Sequence[Conn], gateway: str) -> list[Conn]:
    """Return those of `conns` that the gateway holds."""
    return [conn for conn in conns if conn.gateway == gateway]
