"""The doors in a world of fakes: a scripted fabric, stores in memory, uvicorn in this process."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from typing import Any

import uvicorn
from argon2 import PasswordHasher
from websockets.asyncio.client import connect

from actors import messages as m
from actors.addresses import Address, Kind
from actors.config import AgentConfig, OrgConfig, QueueConfig
from actors.frames import Ack, AgentFrame, Message, SessionFrame, encode_frame
from actors.keeper import Timings
from actors.messages import Command, Envelope, Person
from actors.placement import Placement, Scope
from actors.ports import Delivery, Receiver, Track
from bot.outcomes import Outcome
from serve.api import build_app
from serve.doors import Account, Adapters, Site
from serve.gateway.limits import Limits
from serve.signing_keys import Jwk, make_key
from serve.tokens import ISSUER, Tokens
from serve.uvicorn_settings import OPTIONS

WITHIN_S = 20.0
SECRET = "a-secret-of-the-shop-that-is-long-enough"
SHOP = "https://shop.example"
KEY = make_key()
TOKENS = Tokens([KEY])
NOBODY = Person(id="?", role="customer")


class ScriptedFabric:
    """Plays every actor: sessions number and echo, agents hold nothing."""

    def __init__(self) -> None:
        self.receiver: Receiver
        self.said: dict[str, list[bytes]] = {}
        self.room: dict[str, set[int]] = {}
        self.sent: list[Envelope] = []
        self.stopped = False

    def send(self, envelope: Envelope) -> None:
        self.sent.append(envelope)
        asyncio.get_running_loop().call_soon(self._answer, envelope.to.id, envelope.command)

    def host_of(self, address: Address) -> str:
        return f"{address.kind}:0"

    async def survey(self, kind: Kind, org: str) -> list[dict[str, object]]:
        return [{"id": "help", "waiting": 1}] if (kind, org) == ("queue", "acme") else []

    async def start(self, receiver: Receiver) -> None:
        self.receiver = receiver

    async def stop(self) -> None:
        self.stopped = True

    def _answer(self, entity: str, command: Command) -> None:
        match command:
            case m.OpenSession(conn=conn) if conn is not None:
                self._enter(entity, conn.number, 0)
            case m.Attach(conn=conn, after=after):
                self._enter(entity, conn.number, after)
            case m.Detach(conn=conn):
                self.room.get(entity, set()).discard(conn.number)
            case m.Say():
                self._say(entity, command)
            case m.ConnectAgent(conn=conn):
                frame = AgentFrame(agent=entity, status="available", since=0.0)
                self._deliver(conn.number, encode_frame(frame))
            case _:
                pass

    def _enter(self, session: str, number: int, after: int) -> None:
        frames = self.said.setdefault(session, [])
        self.room.setdefault(session, set()).add(number)
        frame = SessionFrame(
            session=session, state="talking", customer=NOBODY, queue="help", seq=len(frames)
        )
        self._deliver(number, encode_frame(frame))
        for seq, data in list(enumerate(frames, 1))[after:]:
            self.receiver.deliver([Delivery((number,), data, session, seq)])

    def _say(self, session: str, command: m.Say) -> None:
        frames = self.said.setdefault(session, [])
        seq = len(frames) + 1
        message = Message(
            session=session,
            seq=seq,
            id=str(seq),
            from_=command.person,
            at=1.0,
            client_id=command.client_id,
            body=command.body,
        )
        frames.append(encode_frame(message))
        ack = Ack(client_id=command.client_id, session=session, seq=seq, id=str(seq))
        self.receiver.deliver(
            [
                Delivery((command.conn.number,), encode_frame(ack)),
                Delivery(tuple(self.room.get(session, ())), frames[-1], session, seq),
            ]
        )

    def _deliver(self, number: int, data: bytes) -> None:
        self.receiver.deliver([Delivery((number,), data)])


class Current:
    def __init__(self, session: str) -> None:
        self.session = session
        self.last_agent = ""
        self.last_ended_at = 0.0
        self.last_session = self.last_decision = self.bot_session = ""
        self.bot_ended_at = 0.0


class Store:
    """Customers, sites, accounts, history and settings, all in memory."""

    def __init__(self) -> None:
        self.claimed: dict[tuple[str, str], str] = {}
        self.hash = PasswordHasher(time_cost=1, memory_cost=64).hash("right")

    async def current(self, org: str, customer: str) -> Current:
        return Current(self.claimed.get((org, customer), ""))

    async def claim(self, org: str, customer: str, new_session: str) -> str:
        return self.claimed.setdefault((org, customer), new_session)

    async def forget(self, org: str, customer: str, session: str) -> None:
        self.claimed.pop((org, customer), None)

    async def find(self, org: str, login: str) -> Account | None:
        if (org, login) not in {("acme", "ann"), ("acme", "lea")}:
            return None
        role = "leader" if login == "lea" else "agent"
        return Account(org=org, id=login, name=login.title(), role=role, password_hash=self.hash)

    async def get(self, org: str) -> OrgConfig | None:
        if org not in {"acme", "other"}:
            return None
        agents = [
            AgentConfig(id="ann", name="Ann"),
            AgentConfig(id="lea", name="Lea", role="leader"),
        ]
        return OrgConfig(
            org=org,
            version=1,
            entry_queue="help",
            queues={"help": QueueConfig(id="help", name="Help")},
            agents={agent.id: agent for agent in agents},
            origins=[SHOP],
        )


class Sites:
    async def get(self, key: str) -> Site | None:
        if key == "shop":
            return Site(key="shop", org="acme", secret=SECRET, origins=[SHOP])
        if key == "shut":
            return Site(key="shut", org="acme", enabled=False)
        return None


class PastSessions:
    async def customer(self, org: str, session: str) -> str | None:
        return "tom" if (org, session) == ("acme", "7") else None

    async def took_part(self, org: str, session: str, agent: str) -> bool:
        return agent == "ann"

    async def place(self, org: str, session: str) -> tuple[str, str]:
        return "help", "ann"

    async def page(
        self, org: str, session: str, track: Track, after: int, limit: int
    ) -> list[bytes]:
        frames = [b'{"t":"message","session":"7","seq":%d}' % n for n in range(1, 6)]
        return frames[after : after + limit]


class Silent:
    def add(self, name: str, value: float = 1.0, label: str = "", org: str = "") -> None: ...

    def set(self, name: str, value: float, label: str = "", org: str = "") -> None: ...

    def flush(self) -> None: ...


async def until(true: Callable[[], object]) -> None:
    """Wait for a condition."""
    async with asyncio.timeout(WITHIN_S):
        while not true():  # noqa: ASYNC110 # the server offers no event for it
            await asyncio.sleep(0.01)


def make_adapters(
    store: Store,
    limits: Limits,
    *,
    key: Jwk = KEY,
    ready: Callable[[], Awaitable[bool]],
    opened: Callable[[], Any] = nullcontext,
) -> Adapters:
    """Return doors' adapters on nothing but memory."""
    ids = iter(range(100, 10**9))
    return Adapters(
        customers=store,
        configs=store,
        sites=Sites(),
        accounts=store,
        history=PastSessions(),
        metrics=Silent(),
        keys=[key],
        new_id=lambda: str(next(ids)),
        ready=ready,
        opened=opened,
        limits=limits,
        origins=frozenset({"https://desk.example"}),
    )


class ScriptedActors:
    """An actors' builder for a fabric that finds no host: enough for doors alone."""

    def __init__(self) -> None:
        self.placement = Placement(session=1, agent=1, queue=1, dispatch=1)
        self.timings = Timings()

    def prepare(self) -> None: ...

    def metrics(self, actor: str) -> Silent:
        return Silent()

    async def registry(self) -> Any:
        raise NotImplementedError

    async def parts(self, scope: Scope, name: str, epoch: int) -> Any:
        raise NotImplementedError


class Kept:
    """Keeps outcomes of questions for nobody (implements `serve.doors.RunningSink`)."""

    def __init__(self) -> None:
        self.outcomes: list[Outcome] = []

    def put(self, outcome: Outcome) -> bool:
        self.outcomes.append(outcome)
        return True

    async def run(self) -> None:
        await asyncio.Event().wait()


class ScriptedDoors:
    """A picklable builder for a gateway on Serve (implements `serve.doors.AdaptersBuilder`)."""

    def __init__(self, key: Jwk) -> None:
        self.actors = ScriptedActors()
        self.keys = [key]
        self.issuer = ISSUER

    def outcomes(self) -> Kept:
        return Kept()

    async def adapters(self, name: str) -> Adapters:
        async def ready() -> bool:
            return bool(name)

        return make_adapters(Store(), Limits(), key=self.keys[0], ready=ready)


class House:
    """The doors, open on a free port."""

    def __init__(self, limits: Limits, way: str = "direct") -> None:
        self.fabric = ScriptedFabric()
        self.store = Store()
        self.opened: list[str] = []
        self.healthy = True
        adapters = make_adapters(self.store, limits, ready=self._ready, opened=self._opened)
        app = build_app("gw", adapters, self.fabric)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16_384)
        self.port: int = self._socket.getsockname()[1]
        options = {**OPTIONS, **({} if way == "direct" else {"ws": "auto"})}
        config = uvicorn.Config(app, log_level="critical", lifespan="on", **options)
        self.server = uvicorn.Server(config)
        self.url = f"http://127.0.0.1:{self.port}"
        self._serving: asyncio.Task[None]

    async def open(self) -> None:
        self._serving = asyncio.create_task(self.server.serve([self._socket]))
        await until(lambda: self.server.started)

    async def close(self) -> None:
        self.server.should_exit = True
        async with asyncio.timeout(WITHIN_S):
            await self._serving

    def connect(self, **options: Any) -> connect:
        return connect(f"ws://127.0.0.1:{self.port}/ws", compression=None, **options)

    async def _ready(self) -> bool:
        if not self.healthy:
            raise ConnectionError("store is away")
        return True

    def _opened(self) -> Any:
        house = self

        class Opened:
            async def __aenter__(self) -> None:
                house.opened.append("open")

            async def __aexit__(self, *_: object) -> None:
                house.opened.append("closed")

        return Opened()
