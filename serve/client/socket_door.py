"""The one place that touches `websockets`: a connection that hands text on as it is read.

The library's own `recv()` wakes a task for every message; a load generator with thousands of
sockets cannot afford that, and the pure core bounds what it keeps, so no queue is needed between.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN, Event
from websockets.typing import Origin

Text = bytes | bytearray | memoryview
MAX_BYTES = 8 * 1024 * 1024
"""Of one message from the server: a batch of frames."""


class Socket(ClientConnection):
    """One open WebSocket."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._on_text: Callable[[Text], None] | None = None
        self._on_lost: Callable[[str], None] | None = None
        self._early: list[Text] = []
        self._parts: list[Text] = []

    def listen(self, on_text: Callable[[Text], None], on_lost: Callable[[str], None]) -> None:
        """Hand over every message from the first on, and the end of the connection, once."""
        self._on_text, self._on_lost = on_text, on_lost
        for text in self._early:
            on_text(text)
        self._early.clear()
        if self.connection_lost_waiter.done():
            on_lost(self._how_it_ended())

    def write(self, texts: list[bytes]) -> None:
        """Send text messages in one system call; nothing if the connection is closing."""
        if self.protocol.state is not OPEN:
            return
        for text in texts:
            self.protocol.send_text(text)
        self.transport.write(b"".join(self.protocol.data_to_send()))

    def cut(self) -> None:
        """End the connection at once; `on_lost` follows."""
        self.transport.abort()

    def process_event(self, event: Event) -> None:
        if not isinstance(event, Frame) or event.opcode not in (Opcode.TEXT, Opcode.CONT):
            super().process_event(event)
        elif event.fin and not self._parts:
            self._hand_on(event.data)
        else:
            self._parts.append(event.data)
            if event.fin:
                whole, self._parts = b"".join(self._parts), []
                self._hand_on(whole)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._on_lost is not None:
            self._on_lost(self._how_it_ended())

    def _hand_on(self, text: Text) -> None:
        if self._on_text is None:
            self._early.append(text)
        else:
            self._on_text(text)

    def _how_it_ended(self) -> str:
        if self.close_code is None:
            return "connection lost"
        return f"closed with {self.close_code} {self.close_reason or ''}".strip()


async def open_socket(
    url: str, *, origin: str | None, proxy: str | Literal[True] | None, timeout_s: float
) -> Socket:
    """Return an open socket. No compression (frames are small and the load generator shares the
    machine), and no WebSocket pings: the protocol's own `ping` also proves that the gateway lives.

    Raises:
        OSError, TimeoutError, websockets.exceptions.WebSocketException: it could not be opened.
    """
    connection = await connect(
        url,
        origin=None if origin is None else Origin(origin),
        compression=None,
        proxy=proxy,
        open_timeout=timeout_s,
        ping_interval=None,
        close_timeout=2,
        max_size=MAX_BYTES,
        create_connection=Socket,
    )
    assert isinstance(connection, Socket)
    return connection


def is_forbidden(error: Exception) -> bool:
    """Tell whether the door was shut on purpose, at the level of HTTP."""
    return isinstance(error, InvalidStatus) and error.response.status_code in (401, 403)
