"""A whole small centre behind the real doors, without actors: a fabric that plays every actor for
one organisation, on one event loop, in memory. For tests of clients and pages.

It keeps the order and the answers of the wire; it does not crash, reroute or time out.
"""

from __future__ import annotations

import asyncio
import socket
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from argon2 import PasswordHasher

from actors import messages as m
from actors.addresses import Address, Conn, Kind
from actors.config import AgentConfig, OrgConfig, QueueConfig
from actors.frames import (
    Ack,
    AgentFrame,
    Detached,
    Error,
    Event,
    JournalFrame,
    Message,
    OfferOver,
    OpenOffer,
    Position,
    Receipt,
    SessionFrame,
    SoftFrame,
    TypingFrame,
    encode_frame,
)
from actors.messages import Customer, Envelope, Person
from actors.ports import Delivery, Receiver, Track
from serve.api import build_app
from serve.doors import Account, Adapters, Site
from serve.gateway.limits import Limits
from serve.signing_keys import make_key
from serve.uvicorn_settings import OPTIONS

ORG, SITE, QUEUE, PASSWORD = "demo", "demo-site", "help", "right"
AGENTS = ("ann", "bob")


@dataclass
class Talk:
    """One session."""

    id: str
    customer: Customer
    frames: list[JournalFrame] = field(default_factory=list)
    asides: list[JournalFrame] = field(default_factory=list)
    room: dict[int, Person] = field(default_factory=dict)
    agent: str = ""
    state: str = "waiting"
    done: dict[str, Ack] = field(default_factory=dict)
    receipts: dict[str, Receipt] = field(default_factory=dict)
    episode: int = 0


@dataclass
class Desk:
    """One agent."""

    id: str
    status: str = "offline"
    devices: set[int] = field(default_factory=set)
    sessions: list[str] = field(default_factory=list)
    offers: dict[str, OpenOffer] = field(default_factory=dict)


class OneDesk:
    """Implements `actors.ports.Fabric`. `capacity`: sessions that an agent serves at once."""

    def __init__(self, capacity: int = 5) -> None:
        self.talks: dict[str, Talk] = {}
        self.desks = {name: Desk(name) for name in AGENTS}
        self.waiting: list[str] = []
        self.ended: list[str] = []
        self._capacity = capacity
        self._receiver: Receiver

    async def start(self, receiver: Receiver) -> None:
        self._receiver = receiver

    async def stop(self) -> None:
        pass

    def host_of(self, address: Address) -> str:
        return f"{address.kind}:0"

    async def survey(self, kind: Kind, org: str) -> list[dict[str, object]]:
        return []

    def send(self, envelope: Envelope) -> None:
        asyncio.get_running_loop().call_soon(self._do, envelope.to.id, envelope.command)

    def _do(self, entity: str, command: m.Command) -> None:
        match command:
            case m.OpenSession():
                if entity not in self.talks:
                    talk = self.talks[entity] = Talk(entity, command.customer)
                    self._event(talk, "opened")
                    self._enqueue(talk)
                if command.conn is not None:
                    person = Person(id=command.customer.id, role="customer")
                    self._attach(self.talks[entity], m.Attach(conn=command.conn, person=person))
            case m.ConnectAgent(conn=conn):
                self.desks[entity].devices.add(conn.number)
                self._agent(entity)
            case m.DisconnectAgent(conn=conn):
                self.desks[entity].devices.discard(conn.number)
            case m.SetStatus():
                self.desks[entity].status = command.status
                self._soft([command.conn.number], Ack(client_id=command.client_id))
                self._agent(entity)
                self._route()
            case m.AnswerOffer():
                self._answered(entity, command)
            case _:
                if entity in self.talks:
                    self._talk(self.talks[entity], command)

    def _talk(self, talk: Talk, command: m.Command) -> None:
        match command:
            case m.Attach():
                self._attach(talk, command)
            case m.Detach(conn=conn):
                talk.room.pop(conn.number, None)
            case m.Typing(person=person, preview=preview):
                others = [n for n, one in talk.room.items() if one.role != person.role]
                self._soft(others, TypingFrame(session=talk.id, from_=person, preview=preview))
            case m.MarkReceipt():
                self._receipt(talk, command)
            case (
                m.Say() | m.Recall() | m.EndSession() | m.Rate() | m.FinishWrapUp() | m.Transfer()
            ) if command.client_id in talk.done:
                self._soft([command.conn.number], talk.done[command.client_id])
            case m.Say():
                self._say(talk, command)
            case m.Recall():
                self._ack(talk, command, self._event(talk, "recalled", of=command.seq))
            case m.EndSession():
                talk.state = "wrap-up"
                self._ack(talk, command, self._event(talk, "wrap_up", agent=talk.agent))
                self.ended.append(talk.id)
            case m.Rate():
                self._ack(talk, command, self._event(talk, "rated", score=command.score))
            case m.FinishWrapUp():
                talk.state = "closed"
                self._ack(talk, command, self._event(talk, "closed"))
                self._let_go(talk, "closed")
            case m.Transfer():
                event = self._event(talk, "transferred", queue=command.queue, note=command.note)
                self._ack(talk, command, event)
                self._let_go(talk, "transferred")
                self._enqueue(talk)
            case _:
                raise AssertionError(f"nobody plays {command}")

    def _attach(self, talk: Talk, command: m.Attach) -> None:
        number = command.conn.number
        staff = command.person.role != "customer"
        if staff and talk.agent != command.person.id:
            detail = "You do not take part in this session."
            self._soft([number], Error(code="not_your_session", detail=detail, session=talk.id))
            return
        talk.room[number] = command.person
        frame = SessionFrame(
            session=talk.id,
            state=talk.state,
            customer=Person(id=talk.customer.id, role="customer", name=talk.customer.name),
            queue=QUEUE,
            seq=len(talk.frames),
            aside_seq=len(talk.asides),
            from_seq=min(command.after, len(talk.frames)),
            aside_from_seq=min(command.aside_after, len(talk.asides)) if staff else 0,
            you="serving" if staff else "customer",
            receipts=list(talk.receipts.values()),
        )
        self._soft([number], frame)
        for one in talk.frames[command.after :]:
            self._journal((number,), one)
        for one in talk.asides[command.aside_after :] if staff else []:
            self._journal((number,), one)
        self._position(talk)

    def _say(self, talk: Talk, command: m.Say) -> None:
        track = talk.asides if command.aside else talk.frames
        frame = Message(
            session=talk.id,
            seq=len(track) + 1,
            id=f"{len(track) + 1}",
            from_=command.person,
            at=time.time(),
            client_id=command.client_id,
            body=command.body,
            aside=command.aside,
        )
        self._ack(talk, command, frame)
        self._append(talk, frame)

    def _receipt(self, talk: Talk, command: m.MarkReceipt) -> None:
        side: Any = "customer" if command.person.role == "customer" else "agent"
        known = talk.receipts.get(side) or Receipt(session="", side=side, delivered=0, read=0)
        talk.receipts[side] = Receipt(
            session=talk.id,
            side=side,
            delivered=max(known.delivered, command.delivered),
            read=max(known.read, command.read),
        )
        self._soft(list(talk.room), talk.receipts[side])

    def _enqueue(self, talk: Talk) -> None:
        talk.state, talk.episode = "waiting", talk.episode + 1
        self.waiting.append(talk.id)
        self._event(talk, "waiting", queue=QUEUE)
        self._route()

    def _route(self) -> None:
        """Offer who waits, oldest first, to whoever is free."""
        for session in list(self.waiting):
            free = [
                desk
                for desk in self.desks.values()
                if desk.status == "available"
                and len(desk.sessions) + len(desk.offers) < self._capacity
            ]
            if not free:
                break
            self.waiting.remove(session)
            talk, desk = self.talks[session], free[0]
            offer = OpenOffer(
                offer=f"{session}-{talk.episode}",
                session=session,
                queue=QUEUE,
                customer=Person(id=talk.customer.id, role="customer"),
                deadline=time.time() + 30,
            )
            desk.offers[offer.offer] = offer
            self._soft(list(desk.devices), offer)
            self._agent(desk.id)
        for session in self.waiting:
            self._position(self.talks[session])

    def _answered(self, agent: str, command: m.AnswerOffer) -> None:
        desk = self.desks[agent]
        self._soft([command.conn.number], Ack(client_id=command.client_id))
        offer = desk.offers.pop(command.offer, None)
        if offer is None:
            return
        outcome = "accepted" if command.accept else "declined"
        self._soft(list(desk.devices), OfferOver(offer=offer.offer, outcome=outcome))
        talk = self.talks[offer.session]
        if command.accept:
            talk.agent, talk.state = agent, "serving"
            desk.sessions.append(talk.id)
            self._event(talk, "assigned", agent=agent, agent_name=agent.title())
        else:
            desk.status = "break"
            self.waiting.append(talk.id)
        self._agent(agent)
        self._route()

    def _let_go(self, talk: Talk, reason: str) -> None:
        desk = self.desks[talk.agent]
        desk.sessions.remove(talk.id)
        talk.agent = ""
        leaving = [number for number, person in talk.room.items() if person.role != "customer"]
        for number in leaving:
            del talk.room[number]
        self._soft(leaving, Detached(session=talk.id, reason=reason))
        self._agent(desk.id)
        self._route()

    def _agent(self, agent: str) -> None:
        desk = self.desks[agent]
        frame = AgentFrame(
            agent=agent,
            status=desk.status,
            since=0.0,
            capacity=self._capacity,
            sessions=list(desk.sessions),
            offers=list(desk.offers.values()),
        )
        self._soft(list(desk.devices), frame)

    def _position(self, talk: Talk) -> None:
        if talk.id in self.waiting:
            place = self.waiting.index(talk.id) + 1
            frame = Position(session=talk.id, queue=QUEUE, position=place, eta_s=30.0 * place)
            self._soft(list(talk.room), frame)

    def _event(self, talk: Talk, kind: str, **keys: Any) -> Event:
        seq = len(talk.frames) + 1
        event = Event(session=talk.id, seq=seq, id=f"{seq}", at=time.time(), kind=kind, **keys)
        self._append(talk, event)
        return event

    def _append(self, talk: Talk, frame: JournalFrame) -> None:
        (talk.asides if frame.aside else talk.frames).append(frame)
        seers = [n for n, one in talk.room.items() if not frame.aside or one.role != "customer"]
        self._journal(tuple(seers), frame)

    def _journal(self, numbers: tuple[int, ...], frame: JournalFrame) -> None:
        track: Track = "aside" if frame.aside else "main"
        delivery = Delivery(numbers, encode_frame(frame), frame.session, frame.seq, track)
        self._receiver.deliver([delivery])

    def _ack(self, talk: Talk, command: Any, frame: JournalFrame) -> None:
        ack = Ack(client_id=command.client_id, session=talk.id, seq=frame.seq, id=frame.id)
        talk.done[command.client_id] = ack
        conn: Conn = command.conn
        self._soft([conn.number], ack)

    def _soft(self, numbers: list[int], frame: SoftFrame) -> None:
        self._receiver.deliver([Delivery(tuple(numbers), encode_frame(frame))])


@dataclass
class Remembered:
    """What the customers' store remembers."""

    session: str
    last_agent: str = ""
    last_ended_at: float = 0.0
    last_session: str = ""
    last_decision: str = ""
    bot_session: str = ""
    bot_ended_at: float = 0.0


class Memory:
    """Customers, sites, accounts, settings, history and metrics, in memory."""

    def __init__(self, desk: OneDesk) -> None:
        self._desk = desk
        self._claimed: dict[str, str] = {}
        self._hash = PasswordHasher(time_cost=1, memory_cost=64).hash(PASSWORD)

    async def current(self, org: str, customer: str) -> Remembered:
        session = self._claimed.get(customer, "")
        return Remembered("" if session in self._desk.ended else session)

    async def claim(self, org: str, customer: str, new_session: str) -> str:
        if self._claimed.get(customer) in self._desk.ended:
            del self._claimed[customer]
        return self._claimed.setdefault(customer, new_session)

    async def forget(self, org: str, customer: str, session: str) -> None:
        self._claimed.pop(customer, None)

    async def find(self, org: str, login: str) -> Account | None:
        if org != ORG or login not in AGENTS:
            return None
        return Account(
            org=org, id=login, name=login.title(), role="agent", password_hash=self._hash
        )

    async def page(
        self, org: str, session: str, track: Track, after: int, limit: int
    ) -> list[bytes]:
        frames = self._desk.talks[session].frames[after : after + limit]
        return [encode_frame(frame) for frame in frames]

    async def customer(self, org: str, session: str) -> str | None:
        talk = self._desk.talks.get(session)
        return None if talk is None else talk.customer.id

    async def took_part(self, org: str, session: str, agent: str) -> bool:
        return True

    async def place(self, org: str, session: str) -> tuple[str, str]:
        return "", ""

    async def ready(self) -> bool:
        return True

    def add(self, name: str, value: float = 1.0, label: str = "", org: str = "") -> None: ...

    def set(self, name: str, value: float, label: str = "", org: str = "") -> None: ...

    def flush(self) -> None: ...


class DemoSites:
    """One site."""

    async def get(self, key: str) -> Site | None:
        return Site(key=SITE, org=ORG) if key == SITE else None


class DemoConfigs:
    """One organisation."""

    async def get(self, org: str) -> OrgConfig | None:
        if org != ORG:
            return None
        return OrgConfig(
            org=ORG,
            version=1,
            entry_queue=QUEUE,
            queues={QUEUE: QueueConfig(id=QUEUE, name="Help")},
            agents={name: AgentConfig(id=name, name=name.title()) for name in AGENTS},
        )


class Centre:
    """The real doors on a free port, before a `OneDesk`."""

    def __init__(self) -> None:
        self.desk = OneDesk()
        self._memory = Memory(self.desk)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._keys = [make_key()]
        self._gateways = iter(range(1, 1000))
        self._ids = iter(range(10**17, 10**18))
        self._server: uvicorn.Server
        self._serving: asyncio.Task[None]

    async def open(self) -> None:
        """Return when the doors are open."""
        app = build_app(f"gw{next(self._gateways)}", self._adapters(), self.desk)
        config = uvicorn.Config(app, log_level="critical", lifespan="on", **OPTIONS)
        self._server = uvicorn.Server(config)
        self._serving = asyncio.create_task(self._server.serve([self._socket.dup()]))
        async with asyncio.timeout(20):
            while not self._server.started:  # noqa: ASYNC110 # the server offers no event for it
                await asyncio.sleep(0.01)

    async def close(self) -> None:
        """Close the doors; the next `open` is a new gateway at the same address."""
        self._server.should_exit = True
        async with asyncio.timeout(20):
            await self._serving
        for talk in self.desk.talks.values():
            talk.room.clear()
        for one in self.desk.desks.values():
            one.devices.clear()

    def forget(self) -> None:
        """Give the port back."""
        self._socket.close()

    def _adapters(self) -> Adapters:
        @asynccontextmanager
        async def opened() -> Any:
            yield

        return Adapters(
            customers=self._memory,
            configs=DemoConfigs(),
            sites=DemoSites(),
            accounts=self._memory,
            history=self._memory,
            metrics=self._memory,
            keys=self._keys,
            new_id=lambda: str(next(self._ids)),
            ready=self._memory.ready,
            opened=opened,
            limits=Limits(close_s=0.5),
            origins=frozenset({self.url}),
        )
