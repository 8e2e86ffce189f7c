"""Plays recorded dialogues through the real door: customers, agents, and what they saw."""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from time import perf_counter

from actors.frames import Ack, AgentFrame, Detached, Event, Message, OpenOffer
from benchmarks.checker import Checker
from benchmarks.histogram import Histogram
from examples.dialogues import Dialogue, Spoken
from serve.client import AgentClient, ClientEvent, CommandRefused, CustomerClient

TYPING_CHARS_PER_S = 5.0
"""A person's pace; `speed` multiplies it."""
ASK_FOR_HUMAN = "转人工"
_TAKES = frozenset({"assigned", "taken_over"})
_LEAVES = frozenset({"agent_lost", "transferred", "closed"})
PATIENCE_S = 30.0
"""How long a turn waits for the turn before it to arrive."""


@dataclass(slots=True)
class Progress:
    """How far the replay is."""

    sessions: int = 0
    talking: int = 0
    ended: int = 0
    failed: int = 0
    messages: int = 0


@dataclass(slots=True)
class Stage:
    """What all players share."""

    speed: float
    checker: Checker = field(default_factory=Checker)
    waits: Histogram = field(default_factory=Histogram)
    progress: Progress = field(default_factory=Progress)
    agents: dict[str, AgentClient] = field(default_factory=dict)
    assigned_to: dict[str, str] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    tokens: dict[str, str] = field(default_factory=dict)
    """Session -> the token of its customer, who may read its history."""
    _sent_at: dict[tuple[str, str], float] = field(default_factory=dict)
    _arrivals: dict[tuple[str, str], asyncio.Future[None]] = field(default_factory=dict)
    _changed: dict[str, asyncio.Event] = field(default_factory=lambda: defaultdict(asyncio.Event))
    _last_seq: dict[tuple[str, str], int] = field(default_factory=dict)
    _event_seq: dict[str, int] = field(default_factory=dict)

    def sending(self, session: str, client_id: str) -> asyncio.Future[None]:
        """Note that a message leaves; the future is done when the other side has it."""
        arrival: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._arrivals[session, client_id] = arrival
        self._sent_at[session, client_id] = perf_counter()
        self.checker.sent()
        return arrival

    def acked(self, session: str, client_id: str, seq: int) -> None:
        """Note that a message is durable."""
        self.checker.acked(session, seq, perf_counter() - self._sent_at[session, client_id])

    def saw(self, receiver: str, role: str, frame: Message | Event) -> None:
        """Note a frame that a receiver was shown."""
        if frame.aside:
            return
        self._last_seq[receiver, frame.session] = frame.seq
        key = (frame.session, frame.client_id)
        mine = isinstance(frame, Event) or (frame.from_.role == "customer") == (role == "customer")
        sent_at = None if mine else self._sent_at.get(key)
        seconds = None if sent_at is None else perf_counter() - sent_at
        self.checker.delivered(receiver, frame.session, frame.seq, seconds)
        if isinstance(frame, Event):
            self._event(frame)
        elif not mine and (arrival := self._arrivals.pop(key, None)) and not arrival.done():
            arrival.set_result(None)

    def left(self, receiver: str, session: str) -> None:
        """The receiver gets no more of the session."""
        self.checker.leave(receiver, session, self._last_seq.get((receiver, session), 0))

    def _event(self, frame: Event) -> None:
        """Every receiver tells; only the first is believed, a later one may be behind."""
        session = frame.session
        if frame.seq <= self._event_seq.get(session, 0):
            return
        self._event_seq[session] = frame.seq
        if frame.kind == "taken_over":
            self.checker.released(session, frame.seq)
        if frame.kind in _TAKES:
            self.checker.assigned(session, frame.agent, frame.seq)
            self.assigned_to[session] = frame.agent
        elif frame.kind in _LEAVES:
            self.checker.released(session, frame.seq)
            self.assigned_to.pop(session, None)
        self._changed[session].set()

    async def agent_of(self, session: str, patience_s: float) -> str:
        """Return who serves the session, when somebody does.

        Raises:
            TimeoutError: nobody within `patience_s`.
        """
        await self.changes(session, "", patience_s)
        return self.assigned_to[session]

    async def changes(self, session: str, agent: str, patience_s: float) -> None:
        """Return when somebody else than `agent` serves, or, if it is a name, nobody.

        Raises:
            TimeoutError: not within `patience_s`.
        """
        changed = self._changed[session]
        async with asyncio.timeout(patience_s):
            while self.assigned_to.get(session, "") == agent:
                changed.clear()
                await changed.wait()

    def pause_s(self, text: str) -> float:
        """Return how long typing the text takes; no time at speed 0."""
        return len(text) / (TYPING_CHARS_PER_S * self.speed) if self.speed else 0.0


def on_agent_event(stage: Stage, agent: AgentClient) -> Callable[[ClientEvent], None]:
    """Return what an agent does by itself: accept, come back, wrap up."""

    def act(event: ClientEvent) -> None:
        match event:
            case OpenOffer(auto=False, offer=offer):
                _hushed(agent.accept(offer))
            case AgentFrame(status="missed" | "offline" | "break"):
                _hushed(agent.set_status("available"))
            case Message() | Event():
                me = agent.welcome.you.id if agent.welcome else ""
                stage.saw(f"agent {me}", "agent", event)
                if isinstance(event, Event) and event.kind == "wrap_up" and event.agent == me:
                    _hushed(agent.wrap_up(event.session, "replayed"))
            case Detached(session=session) if agent.welcome:
                stage.left(f"agent {agent.welcome.you.id}", session)
            case _:
                pass

    return act


async def play(
    stage: Stage, dialogue: Dialogue, client: CustomerClient, queue: str, patience_s: float
) -> None:
    """Play one dialogue on a connected customer's device, in order, to its end.

    Raises:
        CommandFailed, TimeoutError: it could not be finished.
    """
    asked_at = perf_counter()
    started = await client.start(queue=queue, subject=dialogue.id)
    session = started.session
    stage.checker.expect(f"customer {session}", session)
    await _reach_human(stage, client, patience_s)
    stage.waits.add(perf_counter() - asked_at)
    stage.progress.talking += 1
    try:
        for spoken in dialogue.turns:
            await asyncio.sleep(stage.pause_s(spoken.text))
            await _speak(stage, client, spoken, patience_s)
        await client.end()
    finally:
        stage.progress.talking -= 1


def on_customer_event(stage: Stage, client: CustomerClient) -> Callable[[ClientEvent], None]:
    """Return what a customer's device does with what it is shown."""

    def act(event: ClientEvent) -> None:
        if isinstance(event, Message | Event):
            stage.saw(f"customer {event.session}", "customer", event)
            if client.session:
                client.read(client.session)

    return act


async def _reach_human(stage: Stage, client: CustomerClient, patience_s: float) -> None:
    """Wait for one of our agents; ask a bot for a person."""
    while await stage.agent_of(client.session, patience_s) not in stage.agents:
        bot = stage.assigned_to[client.session]
        await client.say(ASK_FOR_HUMAN)
        await stage.changes(client.session, bot, patience_s)


async def _speak(stage: Stage, client: CustomerClient, spoken: Spoken, patience_s: float) -> None:
    """Say one turn and wait until the other side has it, so that the next one answers it."""
    session = client.session
    if spoken.role == "customer":
        await stage.agent_of(session, patience_s)
        client_id = client.new_client_id()
        arrival = stage.sending(session, client_id)
        ack = await client.say(spoken.text, client_id=client_id)
        stage.acked(session, client_id, ack.seq)
    else:
        arrival = await _answer(stage, session, spoken.text, patience_s)
    await _arrived(stage, arrival)


async def _answer(stage: Stage, session: str, text: str, patience_s: float) -> asyncio.Future[None]:
    """Say an agent's turn by whoever serves; again by the next if the session has moved on."""
    while True:
        agent = stage.agents[await stage.agent_of(session, patience_s)]
        client_id = agent.new_client_id()
        arrival = stage.sending(session, client_id)
        try:
            ack = await agent.say(session, text, client_id=client_id)
        except CommandRefused as refused:
            if refused.code != "not_your_session":
                raise
            continue
        stage.acked(session, client_id, ack.seq)
        return arrival


async def _arrived(stage: Stage, arrival: asyncio.Future[None]) -> None:
    stage.progress.messages += 1
    # If it never comes, the checker counts it as lost at the end.
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(arrival, PATIENCE_S)


def _hushed(command: asyncio.Future[Ack]) -> None:
    """A refusal here is an answer that came too late; the snapshot that follows says what is."""
    command.add_done_callback(lambda done: done.cancelled() or done.exception())
