"""A WebSocket protocol for uvicorn that hands messages straight to the gateway and takes them back.

The ASGI way costs, per message in, two system calls (uvicorn pauses and resumes reading), a queue
(two under Serve), a task switch and a generator-based parser; per message out a coroutine through
every wrapper. Here a complete small frame is unmasked and handed over in the call that read it, and
a batch leaves in one write. Everything else (handshake, fragments, control frames, closing, errors)
stays with `websockets` and uvicorn's own class: this one only cuts the byte stream into whole
frames and keeps the common ones. What it saves: `docs/decisions/0022-direct-sockets.md`.

A server that knows nothing of it serves the same application by plain ASGI.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

try:
    from websockets.speedups import apply_mask
except ImportError:  # no compiled wheel for this machine
    from websockets.utils import apply_mask

EXTENSION = "raydesk.direct"
"""Key of `scope["extensions"]` under which the application finds its protocol."""
TEXT_FRAME = 0x81
"""FIN and opcode 1, no reserved bit: a whole text message."""
MASKED = 0x80
LINGER_S = 1.0
"""After a close for breaking the rules, what still comes is read and dropped for this long: closing
at once on unread bytes resets the connection, and the peer never sees why."""


class DirectProtocol(WebSocketsSansIOProtocol):
    """uvicorn's protocol with a short cut, open once the application calls `attach`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._rest = b""
        self._whole = True
        """The stream can still be cut into frames here; else uvicorn gets it as it comes."""
        self._in_message = False
        """Between the first and the last fragment of a message."""
        self._lingering = False
        self._on_message: Callable[[bytes], None] | None = None
        self._on_writable: Callable[[], None] | None = None

    # --- the application's side ----------------------------------------------------------

    def attach(self, on_message: Callable[[bytes], None], on_writable: Callable[[], None]) -> None:
        """Hand every message to `on_message`, those that came already first. `receive` gives only
        the disconnect from now on; `on_writable` is called when a full buffer has drained."""
        self._on_message, self._on_writable = on_message, on_writable
        waiting = [self.queue.get_nowait() for _ in range(self.queue.qsize())]
        for event in waiting:
            if event["type"] == "websocket.receive":
                text = event.get("text")
                on_message(text.encode() if text is not None else event.get("bytes") or b"")
            else:
                self.queue.put_nowait(event)
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()

    def detach(self) -> None:
        """Hand nothing over any more."""
        self._on_message = self._on_writable = None

    def can_write(self) -> bool:
        """Tell whether the peer has taken most of what was written."""
        return self.writable.is_set() and not self.close_sent and not self.disconnected

    def write_messages(self, messages: Sequence[bytes]) -> None:
        """Write text messages, in one system call if the socket takes it."""
        parts: list[bytes] = []
        for message in messages:
            parts += (head_of(len(message)), message)
        self.transport.write(b"".join(parts))

    def write_close(self, code: int, reason: str) -> None:
        """Begin the closing handshake; `receive` gives the disconnect."""
        if self.close_sent or self.disconnected or self.transport.is_closing():
            return
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        self.conn.send_close(code, reason)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.close_timer = self.loop.call_later(self.close_timeout, self.transport.close)

    def abort(self) -> None:
        """Drop the socket and what its peer did not read."""
        self.transport.abort()

    # --- uvicorn's side ------------------------------------------------------------------

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if self.response.status_code == 101:
            extensions: Any = self.scope["extensions"]
            extensions[EXTENSION] = self
            # Serve then hands us uvicorn's own `receive`, and starts no two tasks per socket that
            # watch for the disconnect which `receive` tells anyhow.
            headers: Any = self.scope["headers"]
            headers.append((b"x-request-disconnect-disabled", b"?1"))

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._on_writable is not None:
            self._on_writable()

    def connection_lost(self, exc: Exception | None) -> None:
        self.detach()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if not self.handshake_initiated:
            # A client that sends frames before it has the answer gets uvicorn's way.
            self._whole = data.endswith(b"\r\n\r\n")
            super().data_received(data)
        elif self._lingering:
            return
        elif self._whole:
            self._cut(self._rest + data if self._rest else data)
        else:
            super().data_received(data)

    def _cut(self, data: bytes) -> None:
        """Handle the whole frames at the beginning of `data`, keep the rest."""
        at, size = 0, len(data)
        while size - at >= 2:
            length, head = data[at + 1] & 0x7F, 6
            if length >= 126:
                wide = 2 if length == 126 else 8
                if size - at < 2 + wide:
                    break
                length, head = int.from_bytes(data[at + 2 : at + 2 + wide], "big"), 6 + wide
            if not data[at + 1] & MASKED or length > self.config.ws_max_size:
                # Against the rules: websockets answers with the right close code.
                self._whole, self._rest = False, b""
                super().data_received(data[at:])
                return
            end = at + head + length
            if end > size:
                break
            self._take(data, at, head, end)
            at = end
        self._rest = data[at:]

    def _take(self, data: bytes, at: int, head: int, end: int) -> None:
        first = data[at]
        if first == TEXT_FRAME and self._on_message is not None and not self._in_message:
            if not self.close_sent:
                body = at + head
                self._on_message(apply_mask(data[body:end], data[body - 4 : body]))
            return
        if first & 0x0F < 3:
            self._in_message = not first & 0x80
        super().data_received(data[at:end])

    def handle_parser_exception(self) -> None:
        """The peer broke the rules: say which, and give it time to hear it."""
        assert self.conn.close_sent is not None
        code, reason = self.conn.close_sent.code, self.conn.close_sent.reason
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = self._lingering = True
        self.close_timer = self.loop.call_later(LINGER_S, self.transport.close)

    def send_receive_event_to_app(self) -> None:
        """A message that came in fragments, or as binary."""
        if self._on_message is None:
            super().send_receive_event_to_app()
            return
        message, self.frames = b"".join(self.frames), []
        if not self.close_sent:
            self._on_message(message)


def head_of(length: int) -> bytes:
    """Return the head of a server's text frame (RFC 6455, 5.2)."""
    if length < 126:
        return bytes((TEXT_FRAME, length))
    if length < 65_536:
        return bytes((TEXT_FRAME, 126)) + length.to_bytes(2, "big")
    return bytes((TEXT_FRAME, 127)) + length.to_bytes(8, "big")


def direct_of(scope: Any) -> DirectProtocol | None:
    """Return the protocol behind an ASGI scope, None where another server is."""
    found = scope.get("extensions", {}).get(EXTENSION)
    return found if isinstance(found, DirectProtocol) else None


class DirectSocket:
    """A direct protocol as the connection's `Sink`: one flush per batch, no task of its own."""

    def __init__(self, protocol: DirectProtocol, close_s: float) -> None:
        self._protocol = protocol
        self._close_s = close_s
        self._loop = asyncio.get_running_loop()
        self._take: Callable[[], list[bytes]] = list
        self._wrote: Callable[[int], None] = lambda _: None
        self._closing: tuple[int, str] | None = None
        self._waiting = False

    def start(
        self,
        take: Callable[[], list[bytes]],
        wrote: Callable[[int], None],
        on_message: Callable[[bytes], None],
    ) -> None:
        """Let frames pass: `take` gives what to write, `wrote` is told how many left."""
        self._take, self._wrote = take, wrote
        self._protocol.attach(on_message, self._flush)
        self._flush()

    def wake(self) -> None:
        """Write what is queued, at the end of this turn of the loop."""
        if not self._waiting:
            self._waiting = True
            self._loop.call_soon(self._flush)

    def close(self, code: int, reason: str) -> None:
        """Write what is queued and close; drop the socket if its peer reads nothing."""
        if self._closing is None:
            self._closing = (code, reason)
            self.wake()
            self._loop.call_later(self._close_s, self._give_up)

    def stop(self) -> None:
        """The socket is over."""
        self._protocol.detach()

    def _flush(self) -> None:
        self._waiting = False
        protocol = self._protocol
        while protocol.can_write() and (messages := self._take()):
            protocol.write_messages(messages)
            self._wrote(len(messages))
        if self._closing is not None and protocol.can_write():
            protocol.write_close(*self._closing)

    def _give_up(self) -> None:
        if not self._protocol.close_sent and not self._protocol.disconnected:
            self._protocol.abort()
