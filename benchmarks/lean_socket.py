"""A WebSocket client with little overhead: websockets' Sans-I/O protocol in an asyncio transport.

The load generator shares the machine with what it measures, so each microsecond here is taken
from the server. Frames come to a callback, with no task and no queue between.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import State
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

CONNECT_S = 30.0
MAX_FRAME = 16 * 1024 * 1024


class LeanSocket(asyncio.Protocol):
    """One open socket. `on_text` gets every text frame's bytes; `on_lost` is called once."""

    def __init__(
        self,
        url: str,
        on_text: Callable[[LeanSocket, bytes], None],
        on_lost: Callable[[LeanSocket], None],
        subprotocols: list[str] | None = None,
    ) -> None:
        self._protocol = ClientProtocol(
            parse_uri(url),
            subprotocols=[Subprotocol(name) for name in subprotocols or []] or None,
            max_size=MAX_FRAME,
        )
        self._on_text = on_text
        self._on_lost = on_lost
        self._parts: list[bytes] = []
        self._transport: asyncio.Transport | None = None
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def is_open(self) -> bool:
        """Whether frames can be sent now."""
        return self._protocol.state is State.OPEN

    @property
    def close_code(self) -> int | None:
        """The code the socket was closed with; None while open."""
        return self._protocol.close_code

    def send(self, text: bytes) -> None:
        """Write one text frame; a socket that is closing drops it."""
        if self._protocol.state is State.OPEN:
            self._protocol.send_text(text)
            self._flush()

    def close(self) -> None:
        """Start the closing handshake and let go."""
        if self._protocol.state is State.OPEN:
            self._protocol.send_close()
            self._flush()

    def abort(self) -> None:
        """Cut the TCP connection, as a lost network does."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass
        self._protocol.send_request(self._protocol.connect())
        self._flush()

    def data_received(self, data: bytes) -> None:
        self._protocol.receive_data(data)
        for event in self._protocol.events_received():
            if isinstance(event, Frame):
                self._take(event)
            elif isinstance(event, Response):
                self._take_response()
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        self._protocol.receive_eof()
        if not self.opened.done():
            self.opened.set_exception(exc or ConnectionResetError("closed during the handshake"))
        self._on_lost(self)

    def _take(self, frame: Frame) -> None:
        if frame.opcode is Opcode.TEXT and frame.fin:
            self._on_text(self, bytes(frame.data))
        elif frame.opcode in (Opcode.TEXT, Opcode.CONT):
            self._parts.append(bytes(frame.data))
            if frame.fin:
                whole, self._parts = b"".join(self._parts), []
                self._on_text(self, whole)

    def _take_response(self) -> None:
        if self.opened.done():
            return
        if (refusal := self._protocol.handshake_exc) is not None:
            self.opened.set_exception(refusal)
        else:
            self.opened.set_result(None)

    def _flush(self) -> None:
        transport = self._transport
        for data in self._protocol.data_to_send():
            if transport is None or transport.is_closing():
                return
            if data:
                transport.write(data)
            else:
                transport.close()


async def connect(
    url: str,
    on_text: Callable[[LeanSocket, bytes], None],
    on_lost: Callable[[LeanSocket], None],
    subprotocols: list[str] | None = None,
) -> LeanSocket:
    """Return an open socket.

    Raises:
        OSError, TimeoutError, websockets.exceptions.InvalidHandshake: it was not to be had.
    """
    address = parse_uri(url)
    async with asyncio.timeout(CONNECT_S):
        _, socket = await asyncio.get_running_loop().create_connection(
            lambda: LeanSocket(url, on_text, on_lost, subprotocols), address.host, address.port
        )
        await socket.opened
    return socket
