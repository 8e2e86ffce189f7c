"""A TCP line between a client and the doors that a test can mute and cut."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Self
from urllib.parse import urlsplit

CHUNK = 65_536


class WeakLine:
    """Forwards every connection to the doors at `ws_url`, as long as the test lets it."""

    def __init__(self, ws_url: str) -> None:
        parts = urlsplit(ws_url)
        self._host, self._port, self._path = parts.hostname or "", parts.port or 0, parts.path
        self._heard = asyncio.Event()
        self._heard.set()
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self.connections = 0

    @property
    def url(self) -> str:
        """What the client connects to."""
        assert self._server is not None
        return f"ws://127.0.0.1:{self._server.sockets[0].getsockname()[1]}{self._path}"

    def mute(self) -> None:
        """Let nothing from the server through until `cut`."""
        self._heard.clear()

    def cut(self) -> None:
        """End every connection without a word; what was muted never arrives. New ones are heard."""
        for writer in list(self._writers):
            writer.transport.abort()
        self._heard = asyncio.Event()
        self._heard.set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        await self._server.wait_closed()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        there, back = await asyncio.open_connection(self._host, self._port)
        mine = {writer, back}
        self._writers |= mine
        heard = self._heard
        always = asyncio.Event()
        always.set()
        await asyncio.gather(_copy(reader, back, always), _copy(there, writer, heard))
        self._writers -= mine


async def _copy(
    source: asyncio.StreamReader, target: asyncio.StreamWriter, allowed: asyncio.Event
) -> None:
    with suppress(OSError):
        while data := await source.read(CHUNK):
            while not allowed.is_set() and not target.is_closing():  # noqa: ASYNC110  # a cut sets nothing
                await asyncio.sleep(0.01)
            if target.is_closing():
                break
            target.write(data)
            await target.drain()
    target.transport.abort()
