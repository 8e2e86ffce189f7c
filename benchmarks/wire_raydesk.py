"""Raydesk's own wire (`docs/protocol.md`) on a bare WebSocket, for the least cost in the loader.

Customers say hello and `start`; agents say hello and `available`; the system brings them together,
so which agent serves a talk is known only when the agent's device sees the session.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence

import msgspec

from benchmarks.lean_socket import LeanSocket, connect
from benchmarks.wires import CUSTOMER, Listener, Side, gather_bounded
from serve.wire import Hello, ReceiptFrame, SayFrame, Start, Status, WireBody

OPEN_S = 60.0
"""Longest for all talks to be assigned."""

_encode = msgspec.json.encode


class Seen(msgspec.Struct):
    """The part of a server frame that the load looks at; other keys are skipped."""

    t: str
    session: str = ""
    seq: int = 0
    client_id: str = ""
    code: str = ""
    detail: str = ""
    sessions: list[str] = []


_one: msgspec.json.Decoder[Seen] = msgspec.json.Decoder(Seen)
_many: msgspec.json.Decoder[list[Seen]] = msgspec.json.Decoder(list[Seen])


class RaydeskError(Exception):
    """The system refused what the load needs to begin."""


class RaydeskWire:
    """One customer per token, each with a session; the agents share them as dispatch decides.

    `receipt_s` > 0 sends each side's receipts that often, cumulative, as real devices do.
    """

    def __init__(
        self,
        url: str,
        customer_tokens: Sequence[str],
        agent_tokens: Sequence[str],
        *,
        queue: str = "",
        prefix: str = "",
        receipt_s: float = 0.0,
    ) -> None:
        self.talk_n = len(customer_tokens)
        self.echoes = True
        self.sessions: list[str] = [""] * self.talk_n
        self.refused: Counter[str] = Counter()
        self.agent_of: dict[str, LeanSocket] = {}
        self._url = url
        self._customer_tokens = customer_tokens
        self._agent_tokens = agent_tokens
        self._queue = queue
        self._prefix = prefix
        self._receipt_s = receipt_s
        self._talk_of: dict[str, int] = {}
        self._customers: dict[int, LeanSocket] = {}
        self._agents: list[LeanSocket] = []
        self._number: dict[LeanSocket, int] = {}
        self._waiting: dict[str, asyncio.Future[Seen]] = {}
        self._welcomed: dict[LeanSocket, asyncio.Future[Seen]] = {}
        self._served = asyncio.Event()
        self._due_receipts: dict[tuple[LeanSocket, str], int] = {}
        self._courier: asyncio.Task[None] | None = None
        self._listener: Listener | None = None

    async def open(self, listener: Listener) -> None:
        self._listener = listener
        await self.open_agents()
        await gather_bounded(self.open_customer(number) for number in range(self.talk_n))
        async with asyncio.timeout(OPEN_S):
            await self._served.wait()
        if self._receipt_s:
            self._courier = asyncio.create_task(self._send_receipts())

    async def open_agents(self) -> None:
        """Connect every agent and make it available."""
        self._agents = await gather_bounded(
            self._enter(token, self._take_for_agent) for token in self._agent_tokens
        )
        await gather_bounded(self._ask(s, self._available(n)) for n, s in enumerate(self._agents))

    async def open_customer(self, talk: int) -> None:
        """Connect one customer and ask for help; a session exists when this returns."""
        socket = await self._enter(self._customer_tokens[talk], self._take_for_customer)
        self._number[socket] = talk
        self._customers[talk] = socket
        start = Start(client_id=f"{self._prefix}start{talk}", queue=self._queue)
        ack = await self._ask(socket, start)
        self.sessions[talk] = ack.session
        self._talk_of[ack.session] = talk
        self._look_whether_served()

    def say(self, talk: int, side: Side, client_id: str, text: str) -> None:
        session = self.sessions[talk]
        frame = SayFrame(
            session=session, client_id=client_id, body=WireBody(kind="text", text=text)
        )
        socket = self.agent_of[session] if side else self._customers[talk]
        socket.send(_encode(frame))

    async def close(self) -> None:
        if self._courier is not None:
            self._courier.cancel()
        for socket in (*self._customers.values(), *self._agents):
            socket.close()

    # --- connecting ------------------------------------------------------------------------

    def _available(self, number: int) -> Status:
        return Status(status="available", client_id=f"{self._prefix}status{number}")

    async def _enter(self, token: str, take: Callable[[LeanSocket, Seen], None]) -> LeanSocket:
        """Return a socket that has been welcomed."""
        socket = await connect(self._url, lambda s, text: self._read(s, text, take), self._lose)
        welcome = self._welcomed[socket] = asyncio.get_running_loop().create_future()
        socket.send(_encode(Hello(token=token, batch=True)))
        async with asyncio.timeout(OPEN_S):
            await welcome
        del self._welcomed[socket]
        return socket

    async def _ask(self, socket: LeanSocket, frame: Start | Status) -> Seen:
        answer: asyncio.Future[Seen] = asyncio.get_running_loop().create_future()
        self._waiting[frame.client_id] = answer
        socket.send(_encode(frame))
        async with asyncio.timeout(OPEN_S):
            return await answer

    def _lose(self, socket: LeanSocket) -> None:
        """A socket is gone: whoever waits for its welcome learns why."""
        welcome = self._welcomed.get(socket)
        if welcome is not None and not welcome.done():
            welcome.set_exception(RaydeskError(f"closed with {socket.close_code}"))
        self.refused["socket_lost"] += 1

    def _look_whether_served(self) -> None:
        if all(session in self.agent_of for session in self.sessions):
            self._served.set()

    # --- frames ----------------------------------------------------------------------------

    def _read(
        self, socket: LeanSocket, text: bytes, take: Callable[[LeanSocket, Seen], None]
    ) -> None:
        if text.startswith(b"["):
            for seen in _many.decode(text):
                take(socket, seen)
        else:
            take(socket, _one.decode(text))

    def _take_for_customer(self, socket: LeanSocket, seen: Seen) -> None:
        if seen.t == "message":
            self._deliver(socket, self._number[socket], CUSTOMER, seen)
        else:
            self._take_other(socket, seen)

    def _take_for_agent(self, socket: LeanSocket, seen: Seen) -> None:
        match seen.t:
            case "message":
                talk = self._talk_of.get(seen.session)
                if talk is not None:
                    self._deliver(socket, talk, 1, seen)
            case "session":
                self.agent_of[seen.session] = socket
                self._look_whether_served()
            case _:
                self._take_other(socket, seen)

    def _deliver(self, socket: LeanSocket, talk: int, side: Side, seen: Seen) -> None:
        if self._listener is not None:
            self._listener.delivered(talk, side, seen.seq, seen.client_id)
        if self._receipt_s:
            self._due_receipts[socket, seen.session] = seen.seq

    def _take_other(self, socket: LeanSocket, seen: Seen) -> None:
        match seen.t:
            case "ack":
                if (waiting := self._waiting.pop(seen.client_id, None)) is not None:
                    waiting.set_result(seen)
                elif self._listener is not None:
                    self._listener.acked(seen.client_id, seen.seq)
            case "error":
                self._take_error(socket, seen)
            case "welcome":
                if (welcome := self._welcomed.get(socket)) is not None:
                    welcome.set_result(seen)
            case _:
                pass

    def _take_error(self, socket: LeanSocket, seen: Seen) -> None:
        self.refused[seen.code] += 1
        trouble = RaydeskError(f"{seen.code}: {seen.detail}")
        waiting = self._waiting.pop(seen.client_id, None) or self._welcomed.get(socket)
        if waiting is not None and not waiting.done():
            waiting.set_exception(trouble)
        elif self._listener is not None:
            self._listener.refused(seen.client_id, seen.code)

    async def _send_receipts(self) -> None:
        while True:
            await asyncio.sleep(self._receipt_s)
            due, self._due_receipts = self._due_receipts, {}
            for (socket, session), seq in due.items():
                socket.send(_encode(ReceiptFrame(session=session, delivered=seq, read=seq)))
