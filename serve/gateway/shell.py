"""The gateway's thin shell on ASGI: handshake, time limit for hello, read loop, one writer.

Behind uvicorn with `DirectProtocol` a socket costs one sleeping task (the server's own) and its
frames never pass through it; behind any other ASGI server one task reads and one writes. A slow or
dead socket can only ever stop its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import structlog
from starlette.types import Receive, Scope, Send

from serve.gateway.connection import Connection
from serve.gateway.core import Gateway
from serve.gateway.direct import DirectProtocol, DirectSocket, direct_of
from serve.gateway.limits import Limits
from serve.gateway.opening import DoorClosedError, Peer

log = structlog.get_logger()

SUBPROTOCOL = "raydesk"
HELLO_TIMEOUT = 4408


class AsgiSocket:
    """One ASGI WebSocket as the connection's `Sink`."""

    def __init__(self, send: Send, close_s: float) -> None:
        self._send = send
        self._close_s = close_s
        self._wake = asyncio.Event()
        self._closing: tuple[int, str] | None = None
        self._reader: asyncio.Task[Any] | None = asyncio.current_task()

    def wake(self) -> None:
        """Let the writer take what is queued."""
        self._wake.set()

    def close(self, code: int, reason: str) -> None:
        """Let the writer send what is queued and close; end it by force after `close_s`."""
        if self._closing is None:
            self._closing = (code, reason)
            self._wake.set()
            asyncio.get_running_loop().call_later(self._close_s, self._give_up)

    def ended(self) -> None:
        """The read loop is over: nothing may cancel its task any more."""
        self._reader = None

    async def write(self, connection: Connection, gateway: Gateway) -> None:
        """Send what is queued whenever there is something, until closed."""
        while self._closing is None:
            await self._wake.wait()
            self._wake.clear()
            while messages := connection.take():
                for message in messages:
                    await self.send(message)
                gateway.wrote(len(messages))
        await self.send_close(*self._closing)

    async def send(self, message: bytes) -> None:
        """Send one text message."""
        await self._send({"type": "websocket.send", "text": message.decode()})

    async def send_close(self, code: int, reason: str) -> None:
        """Send the close frame."""
        await self._send({"type": "websocket.close", "code": code, "reason": reason})

    def _give_up(self) -> None:
        """The reader reads nothing, not even the close frame: end the socket's tasks."""
        if self._reader is not None:
            self._reader.cancel()


class Door:
    """The ASGI application of the WebSocket route."""

    def __init__(self, gateway: Gateway, limits: Limits, *, proxies_n: int = 0) -> None:
        self._gateway = gateway
        self._limits = limits
        self._proxies_n = proxies_n

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one socket from handshake to close; never raises for what a client does."""
        if (await receive())["type"] != "websocket.connect":
            return
        offered = list(scope.get("subprotocols", []))
        accept = {"type": "websocket.accept"}
        if SUBPROTOCOL in offered:
            accept["subprotocol"] = SUBPROTOCOL
        socket = AsgiSocket(send, self._limits.close_s)
        try:
            await send(accept)
            peer = read_peer(scope, offered, proxies_n=self._proxies_n)
            await self._serve(socket, direct_of(scope), peer, receive)
        except OSError:
            log.debug("socket.lost")
        except asyncio.CancelledError:
            log.debug("socket.given_up")

    async def _serve(
        self, socket: AsgiSocket, direct: DirectProtocol | None, peer: Peer, receive: Receive
    ) -> None:
        message = await self._first(receive)
        if message is None:
            await socket.send_close(HELLO_TIMEOUT, "say hello within the time limit")
            return
        if message == "":
            return
        short = DirectSocket(direct, self._limits.close_s) if direct is not None else None
        try:
            connection = await self._gateway.open(short or socket, peer, message)
        except DoorClosedError as error:
            await socket.send(self._gateway.refuse_door(error))
            await socket.send_close(error.close_code, error.code)
            return
        try:
            if short is not None:
                await self._stand_by(short, connection, receive)
            else:
                await self._pump(socket, connection, receive)
        finally:
            self._gateway.closed(connection)

    async def _first(self, receive: Receive) -> str | bytes | None:
        """Return the first message, '' after a disconnect, None when the time is up."""
        try:
            async with asyncio.timeout(self._limits.hello_s):
                event = await receive()
        except TimeoutError:
            return None
        return payload(event) if event["type"] == "websocket.receive" else ""

    async def _stand_by(
        self, socket: DirectSocket, connection: Connection, receive: Receive
    ) -> None:
        """Let the protocol and the gateway talk; wait for the disconnect."""

        def on_message(message: bytes) -> None:
            try:
                self._gateway.receive(connection, message)
            except Exception:
                log.exception("receive.failed", connection=connection.number)
                connection.close(1011, "internal error: connect again")

        socket.start(connection.take, self._gateway.wrote, on_message)
        try:
            while (await receive())["type"] != "websocket.disconnect":
                log.warning("receive.unexpected", connection=connection.number)
        finally:
            socket.stop()

    async def _pump(self, socket: AsgiSocket, connection: Connection, receive: Receive) -> None:
        writer = asyncio.get_running_loop().create_task(socket.write(connection, self._gateway))
        try:
            while (event := await receive())["type"] == "websocket.receive":
                self._gateway.receive(connection, payload(event))
        finally:
            socket.ended()
            self._gateway.closed(connection)
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)


def payload(event: Mapping[str, Any]) -> str | bytes:
    """Return the message of a receive event."""
    text: str | None = event.get("text")
    return text if text is not None else event.get("bytes") or b""


def read_peer(scope: Scope, offered: list[str], *, proxies_n: int) -> Peer:
    """Return what the handshake says of its sender."""
    origin = dict(scope["headers"]).get(b"origin")
    token = ""
    if len(offered) > 1 and offered[0] == SUBPROTOCOL:
        token = offered[1]
    ip = remote_address(scope, proxies_n=proxies_n)
    return Peer(origin.decode("latin-1") if origin is not None else None, token, ip)


def remote_address(scope: Scope, *, proxies_n: int) -> str:
    """Return the address that a request came from; '' when nobody here knows it.

    The last `proxies_n` entries of `X-Forwarded-For` were written by proxies we know, the first
    of these being what the outermost one saw; whatever stands before is the caller's own claim.
    """
    if proxies_n:
        headers = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
        entries = [entry.strip() for entry in b",".join(headers).decode("latin-1").split(",")]
        return entries[-proxies_n] if len(entries) >= proxies_n else ""
    client = scope.get("client")
    host: str = client[0] if client else ""
    return "" if host.startswith("127.") or host in ("::1", "") else host
