"""A test double of a language model's server: speaks OpenAI's streaming chat protocol on a local
port and behaves as its `manner` says. It understands nothing; no test may take its words for a
model's."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal

Manner = Literal[
    "says",
    "stalls",
    "rubbish",
    "no_json",
    "wrong_types",
    "deep_json",
    "compressed",
    "redirects",
    "error",
    "huge",
    "endless_line",
    "drips",
    "cuts",
]


@dataclass
class LlmDouble:
    """One server. `text` is what it writes; `requests` what it was asked."""

    manner: Manner = "says"
    text: str = ""
    requests: list[dict[str, object]] = field(default_factory=list)
    closed_early: asyncio.Event = field(default_factory=asyncio.Event)
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    url: str = ""

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request, and close."""
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            length = int(head.split("content-length:")[1].split("\r\n")[0])
            self.requests.append(json.loads(await reader.readexactly(length)))
            self.asked.set()
            await self._answer(writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            self.closed_early.set()
        finally:
            writer.close()

    async def _answer(self, writer: asyncio.StreamWriter) -> None:
        if self.manner == "error":
            writer.write(b"HTTP/1.1 500 Oops\r\ncontent-length: 4\r\n\r\noops")
            await writer.drain()
            return
        if self.manner == "redirects":
            where = f"location: {self.url}\r\n".encode()
            writer.write(b"HTTP/1.1 307 Elsewhere\r\ncontent-length: 0\r\n" + where + b"\r\n")
            await writer.drain()
            return
        packed = b"content-encoding: gzip\r\n" if self.manner == "compressed" else b""
        head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
        writer.write(head + packed + b"\r\n")
        await writer.drain()
        match self.manner:
            case "stalls":
                await self._until_closed(writer)
            case "rubbish":
                writer.write(bytes(range(256)) * 40 + b"\n")
            case "no_json":
                writer.write(b"data: {not json\n\n")
            case "wrong_types":
                writer.write(b'data: {"choices": [{"delta": {"content": [5]}}]}\n\n')
            case "deep_json":
                writer.write(b'data: {"x": ' + b"[" * 30_000 + b"]" * 30_000 + b"}\n\n")
            case "compressed":
                said = f'data: {{"choices": [{{"delta": {{"content": "{self.text}"}}}}]}}\n\n'
                writer.write(gzip.compress(said.encode() + b"data: [DONE]\n\n"))
            case "endless_line":
                writer.write(b"data: " + b"x" * 300_000)
            case "huge":
                for _ in range(3_000):
                    await self._say(writer, self.text or "word " * 20)
                writer.write(b"data: [DONE]\n\n")
            case "drips":
                for letter in self.text:
                    await self._say(writer, letter)
                    await asyncio.sleep(0.02)  # slow is what it plays
                await self._until_closed(writer)
            case "cuts":
                await self._say(writer, self.text)
            case _:
                for at in range(0, len(self.text), 7):
                    await self._say(writer, self.text[at : at + 7])
                writer.write(b"data: [DONE]\n\n")
        await writer.drain()

    async def _say(self, writer: asyncio.StreamWriter, piece: str) -> None:
        chunk = {"choices": [{"index": 0, "delta": {"content": piece}}]}
        writer.write(b"data: " + json.dumps(chunk).encode() + b"\n\n")
        await writer.drain()

    async def _until_closed(self, writer: asyncio.StreamWriter) -> None:
        try:
            while not writer.is_closing():  # a closed peer shows only on writing
                writer.write(b": still there\n\n")
                await writer.drain()
                await asyncio.sleep(0.01)
        finally:
            self.closed_early.set()


@asynccontextmanager
async def llm_double() -> AsyncIterator[LlmDouble]:
    """Run one until the block ends."""
    double = LlmDouble()
    server = await asyncio.start_server(double.handle, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    double.url = f"http://127.0.0.1:{port}/v1"
    async with server:
        yield double
