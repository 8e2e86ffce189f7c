"""Fakes around the gateway: a fabric that remembers, sinks that count, a clock that is set."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from actors.addresses import Address, Kind
from actors.config import AgentConfig, OrgConfig, QueueConfig
from actors.frames import JournalFrame, SoftFrame, encode_frame
from actors.messages import Command, Envelope, Role
from actors.ports import Delivery, Receiver, Track
from bot.outcomes import Outcome
from infra.metrics import PlainMetrics
from serve.gateway.connection import Connection
from serve.gateway.core import Gateway
from serve.gateway.limits import Limits
from serve.gateway.opening import Peer
from serve.gateway.world import World
from serve.identity import BadTokenError, Identity


class FakeFabric:
    """Remembers what was sent; the test answers for the actors."""

    def __init__(self) -> None:
        self.sent: list[Envelope] = []

    def send(self, envelope: Envelope) -> None:
        self.sent.append(envelope)

    def host_of(self, address: Address) -> str:
        return f"{address.kind}:{address.partition % 2}"

    async def survey(self, kind: Kind, org: str) -> list[dict[str, object]]:
        return [{"kind": kind, "org": org}]

    async def start(self, receiver: Receiver) -> None: ...

    async def stop(self) -> None: ...

    def take(self) -> list[tuple[str, Command]]:
        """Return (entity id, command) of everything sent since the last call."""
        sent, self.sent = self.sent, []
        return [(e.to.id, e.command) for e in sent]


class FakeSink:
    def __init__(self) -> None:
        self.wakes = 0
        self.closed_with: tuple[int, str] | None = None

    def wake(self) -> None:
        self.wakes += 1

    def close(self, code: int, reason: str) -> None:
        self.closed_with = (code, reason)


class FakeVerifier:
    """A token is `role:org:id`, or anything registered."""

    def verify(self, token: str, now: float) -> Identity:
        parts = token.split(":")
        if len(parts) != 3 or now < 0:
            raise BadTokenError("The token is not valid: sign in again.")
        role = msgspec.convert(parts[0], Role)
        return Identity(role=role, org=parts[1], subject=parts[2], name=parts[2].title())


class FakeCurrent(msgspec.Struct, frozen=True):
    session: str = ""
    last_agent: str = ""
    last_ended_at: float = 0.0
    last_session: str = ""
    last_decision: str = ""
    bot_session: str = ""
    bot_ended_at: float = 0.0


class FakeCustomers:
    def __init__(self) -> None:
        self.sessions: dict[tuple[str, str], str] = {}
        self.by_bots: dict[str, tuple[str, float]] = {}
        """Customer -> the last session that a bot served alone, and when it ended."""
        self.broken = False

    async def current(self, org: str, customer: str) -> FakeCurrent:
        if self.broken:
            raise ConnectionError("store is away")
        session, by_bot = self.sessions.get((org, customer), ""), self.by_bots.get(customer)
        return FakeCurrent(session, "ann", 7.0, "s", "d", *(by_bot or ()))

    async def claim(self, org: str, customer: str, new_session: str) -> str:
        return self.sessions.setdefault((org, customer), new_session)

    async def forget(self, org: str, customer: str, session: str) -> None:
        if self.broken:
            raise ConnectionError("store is away")
        if self.sessions.get((org, customer)) == session:
            del self.sessions[(org, customer)]


class FakeConfigs:
    def __init__(self) -> None:
        self.orgs = {name: demo_config(name) for name in ("acme", "other")}

    async def get(self, org: str) -> OrgConfig | None:
        return self.orgs.get(org)

    async def watch(self, changed: Callable[[OrgConfig], None]) -> None:
        for config in self.orgs.values():
            changed(config)


class FakeMetrics(PlainMetrics):
    """Knows whether it was told to send."""

    flushed = False

    def flush(self) -> None:
        self.flushed = True


def demo_config(org: str) -> OrgConfig:
    agents = [
        AgentConfig(id="ann", name="Ann"),
        AgentConfig(id="lea", name="Lea", role="leader"),
        AgentConfig(id="botty", name="Botty", kind="bot"),
        AgentConfig(id="gone", name="Gone", enabled=False),
    ]
    return OrgConfig(
        org=org,
        version=1,
        entry_queue="help",
        queues={"help": QueueConfig(id="help", name="Help")},
        agents={agent.id: agent for agent in agents},
        origins=["https://shop.example"],
    )


class Desk:
    """A gateway in its fake world, and the test's hands on it."""

    def __init__(self, limits: Limits) -> None:
        self.fabric = FakeFabric()
        self.customers = FakeCustomers()
        self.configs = FakeConfigs()
        self.metrics = FakeMetrics()
        self.now = 1000.0
        self.delayed: list[Callable[[], None]] = []
        self.outcomes: list[Outcome] = []
        self.outcomes_full = False
        ids = iter(range(100, 10**6))
        self.world = World(
            name="gw-1",
            fabric=self.fabric,
            verifier=FakeVerifier(),
            customers=self.customers,
            configs=self.configs,
            metrics=self.metrics,
            new_id=lambda: str(next(ids)),
            limits=limits,
            outcomes=self,
            origins=frozenset({"https://desk.example"}),
            clock=lambda: self.now,
            wall=lambda: self.now,
            later=lambda _, action: self.delayed.append(action),
        )
        self.gateway = Gateway(self.world)

    def put(self, outcome: Outcome) -> bool:
        """Implements `OutcomeSink`."""
        self.outcomes.append(outcome)
        return not self.outcomes_full

    async def open(
        self, token: str, *, peer: Peer | None = None, sink: FakeSink | None = None, **hello: Any
    ) -> Connection:
        """Open a socket and forget what it was greeted with and what the fabric was told."""
        connection = await self.knock(token, peer=peer, sink=sink, **hello)
        self.frames(connection)
        self.fabric.take()
        return connection

    async def knock(
        self, token: str, *, peer: Peer | None = None, sink: FakeSink | None = None, **hello: Any
    ) -> Connection:
        message = msgspec.json.encode({"t": "hello", "token": token, **hello})
        return await self.gateway.open(sink or FakeSink(), peer or Peer(), message.decode())

    def say(self, connection: Connection, *frames: dict[str, Any]) -> None:
        for frame in frames:
            self.gateway.receive(connection, msgspec.json.encode(frame).decode())

    def frames(self, connection: Connection) -> list[dict[str, Any]]:
        """Return, decoded, what the socket has been sent since the last call."""
        messages = []
        while taken := connection.take():
            messages += [msgspec.json.decode(message) for message in taken]
        flat: list[dict[str, Any]] = []
        for message in messages:
            flat += message if isinstance(message, list) else [message]
        return flat

    def soft(self, frame: SoftFrame, *to: Connection) -> None:
        numbers = tuple(connection.number for connection in to)
        self.gateway.deliver([Delivery(numbers, encode_frame(frame))])

    def journal(self, frame: JournalFrame, *to: Connection, track: Track = "main") -> None:
        numbers = tuple(connection.number for connection in to)
        data = encode_frame(frame)
        self.gateway.deliver([Delivery(numbers, data, frame.session, frame.seq, track)])


@pytest.fixture
def make_desk() -> Callable[..., Desk]:
    def make(**limits: Any) -> Desk:
        return Desk(Limits(**limits))

    return make


@pytest.fixture
def desk() -> Desk:
    return Desk(Limits())


@pytest.fixture
def make_sink() -> type[FakeSink]:
    return FakeSink
