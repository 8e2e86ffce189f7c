"""Customers and agents who go on through faults: the client library on both sides, and notes of
everything for the checker."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable

from actors.frames import Ack, AgentFrame, Detached, Event, Message, SessionFrame
from benchmarks.checker import Checker
from serve.client import (
    AgentClient,
    ClientEvent,
    CommandFailed,
    CommandRefused,
    CustomerClient,
)

_TAKES_AWAY = frozenset({"agent_lost", "transferred", "taken_over", "closed"})
CONNECT_S = 60.0


class Talk:
    """One customer with a session. Instants are of `time.perf_counter`."""

    def __init__(self, number: int, customer: CustomerClient) -> None:
        self.number = number
        self.customer = customer
        self.begun_at = 0.0
        self.assigned_at = 0.0
        self.agent = ""
        self.closed = False
        self.last_seq = 0
        self.turn = 0
        self.flowed: list[tuple[float, float]] = []
        """(said at, arrived at) of every message that reached the other side."""


class People:
    """Everybody of one trial, in one event loop."""

    def __init__(self, url: str, capacity: int) -> None:
        self.checker = Checker()
        self.talks: list[Talk] = []
        self.trouble: Counter[str] = Counter()
        self.over_capacity = 0
        self._url = url
        self._capacity = capacity
        self._agents: dict[str, AgentClient] = {}
        self._by_session: dict[str, Talk] = {}
        self._said_at: dict[str, tuple[Talk, str, float]] = {}
        self._expected: set[tuple[str, str]] = set()
        self._under_way: set[asyncio.Future[Ack]] = set()

    async def hire(self, tokens: dict[str, str]) -> None:
        """Connect the agents (id -> token) and make them available."""
        for agent, token in tokens.items():
            self._agents[agent] = AgentClient(self._url, token, on_event=self._for_agent(agent))
        await asyncio.gather(*(client.connect(CONNECT_S) for client in self._agents.values()))
        await asyncio.gather(*(client.set_status("available") for client in self._agents.values()))

    async def arrive(self, token: str) -> Talk:
        """Connect a customer who asks for help; returns when the session exists."""
        talk: list[Talk] = []
        client = CustomerClient(self._url, token, on_event=lambda e: self._customer_saw(talk[0], e))
        talk.append(Talk(len(self.talks), client))
        self.talks.append(talk[0])
        talk[0].begun_at = time.perf_counter()
        await client.connect(CONNECT_S)
        ack = await client.start()
        self._by_session[ack.session] = talk[0]
        self._expect(f"customer {talk[0].number}", ack.session, 0)
        return talk[0]

    def say(self, talk: Talk, text: str) -> None:
        """Let the side whose turn it is say something; the answer is noted when it comes."""
        client, session = self._agents.get(talk.agent), talk.customer.session
        # An agent speaks in sessions that its device has been shown.
        shown = (talk.agent, session) in self._expected
        talk.turn += 1
        if talk.turn % 2 and client is not None and shown:
            client_id, by = client.new_client_id(), talk.agent
            self._note_said(talk, client_id, by)
            future = client.say(session, text, client_id=client_id)
        else:
            client_id = talk.customer.new_client_id()
            self._note_said(talk, client_id, "customer")
            future = talk.customer.say(text, client_id=client_id)
        self._under_way.add(future)
        future.add_done_callback(lambda done: self._answered(done, session, client_id))

    @property
    def under_way(self) -> int:
        """How many messages have no answer yet."""
        return len(self._under_way)

    async def leave(self) -> None:
        """Close every device."""
        devices = [*self._agents.values(), *(talk.customer for talk in self.talks)]
        await asyncio.gather(*(device.close() for device in devices))

    # --- what is seen ----------------------------------------------------------------------

    def _for_agent(self, agent: str) -> Callable[[ClientEvent], None]:
        return lambda event: self._agent_saw(agent, event)

    def _agent_saw(self, agent: str, event: ClientEvent) -> None:
        match event:
            case AgentFrame():
                held = len(event.sessions) + len(event.consults) + len(event.offers)
                self.over_capacity += held > self._capacity
            case SessionFrame():
                self._expect(agent, event.session, event.from_seq)
            case Detached():
                talk = self._by_session.get(event.session)
                self.checker.leave(agent, event.session, talk.last_seq if talk else 0)
                self._expected.discard((agent, event.session))
            case Message() | Event():
                self._saw(agent, self._by_session.get(event.session), event)
            case _:
                pass

    def _customer_saw(self, talk: Talk, event: ClientEvent) -> None:
        if isinstance(event, Message | Event):
            self._by_session.setdefault(event.session, talk)
            self._saw(f"customer {talk.number}", talk, event)

    def _saw(self, receiver: str, talk: Talk | None, frame: Message | Event) -> None:
        now = time.perf_counter()
        if talk is not None:
            talk.last_seq = max(talk.last_seq, frame.seq)
        if isinstance(frame, Event):
            self.checker.delivered(receiver, frame.session, frame.seq)
            self._happened(talk, frame, now)
            return
        said = self._said_at.get(frame.client_id)
        other = said is not None and (said[1] == "customer") != receiver.startswith("customer ")
        if said is None or not other:
            self.checker.delivered(receiver, frame.session, frame.seq)
            return
        self.checker.delivered(receiver, frame.session, frame.seq, now - said[2])
        said[0].flowed.append((said[2], now))

    def _happened(self, talk: Talk | None, event: Event, now: float) -> None:
        if event.kind == "assigned":
            self.checker.assigned(event.session, event.agent, event.seq)
        elif event.kind in _TAKES_AWAY:
            self.checker.released(event.session, event.seq)
        if talk is None:
            return
        if event.kind == "assigned":
            talk.agent = event.agent
            talk.assigned_at = talk.assigned_at or now
        elif event.kind == "agent_lost":
            talk.agent = ""
        elif event.kind == "closed":
            talk.closed = True

    # --- notes -----------------------------------------------------------------------------

    def _expect(self, receiver: str, session: str, after: int) -> None:
        """From now on the receiver is owed everything; a device that attaches again is owed what
        it was owed before."""
        if (receiver, session) not in self._expected:
            self._expected.add((receiver, session))
            self.checker.expect(receiver, session, after)

    def _note_said(self, talk: Talk, client_id: str, by: str) -> None:
        self.checker.sent()
        self._said_at[client_id] = (talk, by, time.perf_counter())

    def _answered(self, future: asyncio.Future[Ack], session: str, client_id: str) -> None:
        self._under_way.discard(future)
        if future.cancelled():
            return
        error = future.exception()
        if error is None:
            seconds = time.perf_counter() - self._said_at[client_id][2]
            self.checker.acked(session, future.result().seq, seconds)
        elif isinstance(error, CommandRefused):
            self.trouble[error.code] += 1
        elif isinstance(error, CommandFailed):
            self.trouble["timed_out"] += 1
        else:
            raise error
