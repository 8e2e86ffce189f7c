"""The Socket.IO 5 / Engine.IO 4 wire on a bare WebSocket: both peers speak it.

Written out rather than taken from a client library, so that a peer's load costs what ours costs.
Packets: `0` open, `2` ping, `3` pong, `40` connected, `42[...]` event, `43<id>[...]` ack.
Source: https://socket.io/docs/v4/socket-io-protocol/ and .../engine-io-protocol/
"""

from __future__ import annotations

import asyncio

import msgspec

from benchmarks.lean_socket import LeanSocket, connect
from benchmarks.wires import AGENT, CUSTOMER, Listener, Side, gather_bounded

_encode = msgspec.json.encode


class Said(msgspec.Struct):
    """The part of a message or an ack that is counted; other keys are skipped."""

    client_id: str
    seq: int
    session: str = ""


class Joined(msgspec.Struct):
    session: str


_event: msgspec.json.Decoder[tuple[str, Said]] = msgspec.json.Decoder(tuple[str, Said])
_ack: msgspec.json.Decoder[tuple[Said]] = msgspec.json.Decoder(tuple[Said])
_joined: msgspec.json.Decoder[tuple[Joined]] = msgspec.json.Decoder(tuple[Joined])


class SocketIoWire:
    """`talk_n` customers with a socket each; `agent_n` agents share the talks between them.

    Sockets are dealt over `urls`; where there are several, a talk's sides are on different ones.
    """

    def __init__(self, urls: list[str], talk_n: int, agent_n: int, prefix: str) -> None:
        self.talk_n = talk_n
        self.echoes = False
        self._urls = urls
        self._agent_n = min(agent_n, talk_n)
        self._sessions = [f"{prefix}-{number}" for number in range(talk_n)]
        self._talk_of = {session: number for number, session in enumerate(self._sessions)}
        self._customers: list[LeanSocket] = []
        self._agents: list[LeanSocket] = []
        self._side: dict[LeanSocket, Side] = {}
        self._connected: dict[LeanSocket, asyncio.Event] = {}
        self._joins: dict[tuple[LeanSocket, str], asyncio.Event] = {}
        self._listener: Listener | None = None

    async def open(self, listener: Listener) -> None:
        self._listener = listener
        urls = self._urls
        self._customers = await gather_bounded(
            self._connect(urls[number % len(urls)], CUSTOMER) for number in range(self.talk_n)
        )
        self._agents = await gather_bounded(
            self._connect(urls[(number + 1) % len(urls)], AGENT) for number in range(self._agent_n)
        )
        await gather_bounded(self._join(number) for number in range(self.talk_n))

    def say(self, talk: int, side: Side, client_id: str, text: str) -> None:
        frame = {"session": self._sessions[talk], "client_id": client_id, "text": text}
        self._socket(talk, side).send(b"421" + _encode(("say", frame)))

    async def close(self) -> None:
        for socket in (*self._customers, *self._agents):
            socket.close()

    def _socket(self, talk: int, side: Side) -> LeanSocket:
        return self._agents[talk % self._agent_n] if side else self._customers[talk]

    async def _connect(self, url: str, side: Side) -> LeanSocket:
        socket = await connect(url, self._take, lambda _: None)
        self._side[socket] = side
        ready = self._connected[socket] = asyncio.Event()
        socket.send(b"40")
        async with asyncio.timeout(30):
            await ready.wait()
        return socket

    async def _join(self, talk: int) -> None:
        session = self._sessions[talk]
        for socket in (self._customers[talk], self._socket(talk, AGENT)):
            done = self._joins[socket, session] = asyncio.Event()
            socket.send(b"422" + _encode(("join", session)))
            async with asyncio.timeout(30):
                await done.wait()

    def _take(self, socket: LeanSocket, text: bytes) -> None:
        listener = self._listener
        assert listener is not None
        match bytes(text[:3]):
            case b"431":
                (ack,) = _ack.decode(text[3:])
                listener.acked(ack.client_id, ack.seq)
            case b"432":
                (joined,) = _joined.decode(text[3:])
                self._joins[socket, joined.session].set()
            case b"42[":
                _, said = _event.decode(text[2:])
                listener.delivered(
                    self._talk_of[said.session], self._side[socket], said.seq, said.client_id
                )
            case head if head[:2] == b"40":
                self._connected[socket].set()
            case b"2":
                socket.send(b"3")
            case _:
                pass
