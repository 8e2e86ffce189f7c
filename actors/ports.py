"""What the actors need from the world, as small Protocols; `infra/` implements them.

Nothing here names Redis, Ray or SQL. Whoever starts a host or a gateway hands the adapters in.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Literal, Protocol

import msgspec

from actors.addresses import Address, Kind
from actors.config import OrgConfig
from actors.messages import Envelope

Track = Literal["main", "aside"]


class Stored(msgspec.Struct, frozen=True):
    """What the journal holds of one entity: its records, and its timelines' frames in order."""

    records: dict[str, bytes]
    timeline: list[bytes]


class Pulse(msgspec.Struct, frozen=True, kw_only=True):
    """A host's answer to a ping."""

    pid: int
    entities: int
    idle_s: float
    """Since the last command; 0 while an entity is in memory."""


class Change(msgspec.Struct, kw_only=True):
    """The durable part of one entity's turn. Filled by the host, written by `Journal.commit`."""

    address: Address
    puts: dict[str, bytes] = {}
    drops: list[str] = []
    frames: list[tuple[Track, int, bytes]] = []
    """(track, seq, encoded frame), appended to the timeline and to the outbox stream."""
    scrubs: list[tuple[Track, int, bytes]] = []
    tells: list[tuple[str, bytes]] = []
    """(tell id, encoded `Envelope`): kept until `done` names the id."""
    facts: list[tuple[str, bytes]] = []
    """(table/organisation, encoded fact), appended to the stream that the recorder reads."""
    live: bool | None = None
    """True: load it again after a restart. False: it leaves memory, its keys expire 3 days later.
    None: as before."""


class HostGoneError(Exception):
    """The host is dead, unreachable or superseded: ask the locator for its successor."""


class FencedError(Exception):
    """A newer owner of the entities exists: this host must stop and write nothing more."""


class Journal(Protocol):
    """The durable store of one host's entities. One host, one journal object."""

    async def claim(self) -> None:
        """Make this host's epoch the owner's of everything it hosts.

        Raises:
            FencedError: a newer epoch has claimed it already.
        """
        ...

    async def commit(self, changes: Sequence[Change], done: Sequence[tuple[int, str]]) -> None:
        """Write all changes of one turn, durably, in one round trip; forget the tells in `done`
        ((partition, tell id)). Repeated until the store answers; never applied twice.

        Raises:
            FencedError: see `claim`. Nothing was written.
        """
        ...

    async def load(self, addresses: Sequence[Address]) -> list[Stored]:
        """Return what is stored of each address (empty for a new one), in one round trip."""
        ...

    async def live(self) -> list[Address]:
        """Return every entity of this host that was live at its last commit."""
        ...

    async def pending_tells(self) -> list[tuple[int, str, Envelope]]:
        """Return the tells not yet known to be received, oldest first."""
        ...

    async def frames(
        self, spans: Sequence[tuple[Address, Track, int, int]]
    ) -> list[list[tuple[int, bytes]]]:
        """For each (session, track, after, upto): its frames (seq, encoded) with
        after < seq <= upto, ascending; one round trip."""
        ...


class CustomerIndex(Protocol):
    """Which session is a customer's current one, which human served last, where, and which session
    a bot alone served last (soft)."""

    async def remember(
        self, org: str, customer: str, agent: str, at: float, *, session: str, decision: str
    ) -> None: ...

    async def forget(
        self, org: str, customer: str, session: str, bot_ended_at: float = 0.0
    ) -> None: ...


class ConfigSource(Protocol):
    """Where hosts and gateways get each organisation's settings; pushes every change (R5)."""

    async def get(self, org: str) -> OrgConfig | None:
        """Return the newest settings, None for an unknown organisation."""
        ...

    async def watch(self, changed: Callable[[OrgConfig], None]) -> None:
        """Call `changed` for every new version, from any organisation, until cancelled."""
        ...


class Metrics(Protocol):
    """Adapter of `actors.measures.METRICS` (names without the prefix)."""

    def add(self, name: str, value: float = 1.0, label: str = "", org: str = "") -> None:
        """Count (counter) or observe (histogram). `org` counts where the measure has one."""
        ...

    def set(self, name: str, value: float, label: str = "", org: str = "") -> None:
        """Set a gauge."""
        ...

    def flush(self) -> None:
        """Export what has been counted; called once a second by the owner."""
        ...


class Fact(msgspec.Struct, frozen=True):
    """One committed `Record` on its way to its store."""

    token: str
    """Names its place in the stream, for `FactStream.forget`."""
    table: str
    org: str
    data: bytes


class ReaderReplacedError(Exception):
    """Another reader has taken over: what this one holds is the other's now."""


class FactStream(Protocol):
    """Every committed fact, in order per entity, until it is forgotten. One reader at a time: the
    others get nothing until it is gone."""

    async def read(self, limit: int, wait_s: float) -> list[Fact]:
        """Return facts not yet returned, up to about `limit`; waits at most `wait_s` for one.

        Raises:
            ReaderReplacedError: the next call begins anew.
        """
        ...

    async def forget(self, facts: Sequence[Fact]) -> None:
        """The facts are stored elsewhere: a reader that starts anew does not get them again."""
        ...


class Objects(Protocol):
    """A store of whole files by key (`a/b/c`)."""

    async def put(self, key: str, data: bytes) -> None:
        """Store the file; replaces one of the same key, whole or not at all."""
        ...

    async def get(self, key: str) -> bytes | None:
        """Return the file, None if there is none."""
        ...

    async def keys(self, prefix: str, *, after: str = "", limit: int = 1000) -> list[str]:
        """Return keys that start with `prefix` and sort after `after`, in order."""
        ...

    async def remove(self, key: str) -> None:
        """Remove the file, if it is there."""
        ...


class HostClient(Protocol):
    """One host process, as gateways, other hosts and the keeper call it.

    Payloads are encoded (`actors.codec`). Every method may raise HostGoneError.
    """

    name: str

    async def exchange(self, batch: bytes) -> bytes: ...

    def frames(self, gateway: str, attach: int) -> AsyncIterator[bytes]: ...

    async def tell(self, batch: bytes) -> None: ...

    async def survey(self, org: str) -> bytes: ...

    async def ping(self) -> Pulse: ...


class Delivery(msgspec.Struct, frozen=True, array_like=True):
    """One encoded frame on its way to some sockets of one gateway.

    `seq` is 0 for a soft frame; for a journal frame `session`, `track` and `seq` let the gateway
    keep each socket's cursor and drop what it has already.
    """

    numbers: tuple[int, ...]
    data: bytes
    session: str = ""
    seq: int = 0
    track: Track = "main"


class Receiver(Protocol):
    """The gateway, as its fabric sees it. All methods return at once."""

    def deliver(self, batch: list[Delivery]) -> None:
        """Frames for sockets of this gateway, in order per host."""
        ...

    def refused(self, envelope: Envelope, code: str, retry_s: float) -> None:
        """The command was not taken (`overloaded` or `internal`): tell its sender."""
        ...

    def rehosted(self, host: str) -> None:
        """The host (see `Fabric.host_of`) was replaced; it has forgotten this gateway's sockets:
        attach again, with the sockets' present cursors, every session and agent that lives there.
        Unanswered commands are sent again by the fabric itself."""
        ...


class Fabric(Protocol):
    """A gateway's way to every actor: batches, retries over restarts, one stream back per host."""

    def send(self, envelope: Envelope) -> None:
        """Queue a command; answered through the `Receiver`. Never waits."""
        ...

    def host_of(self, address: Address) -> str:
        """Return the name of the host role of an entity; stable over restarts."""
        ...

    async def survey(self, kind: Kind, org: str) -> list[dict[str, object]]:
        """Return the `summary()` of every loaded entity of that kind and organisation."""
        ...

    async def start(self, receiver: Receiver) -> None:
        """Begin; frames go to `receiver`."""
        ...

    async def stop(self) -> None:
        """End the streams and pipes."""
        ...
