"""The bot's one door to a language model elsewhere: any server that speaks OpenAI's chat protocol.

Streaming, with every size bounded. Time is the caller's: whoever asks sets a deadline and may
cancel at any moment, which closes the connection.

Source: OpenAI API reference, "Chat completions", streaming (server-sent events).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

import httpx
import msgspec

from bot.llm_place import LlmPlace

LINE_BYTES = 64 * 1024
TEXT_CHARS = 8_000
"""Characters of one answer; what comes after them is not read."""


class LlmError(Exception):
    """The model's server failed, refused, or sent what is no answer."""


class _Delta(msgspec.Struct):
    content: str | None = None


class _Choice(msgspec.Struct):
    delta: _Delta = msgspec.field(default_factory=_Delta)


class _Chunk(msgspec.Struct):
    choices: list[_Choice] = msgspec.field(default_factory=list)


_decoder = msgspec.json.Decoder(_Chunk)


async def stream_text(
    client: httpx.AsyncClient, place: LlmPlace, messages: Sequence[dict[str, str]]
) -> AsyncIterator[str]:
    """Yield the answer piece by piece, at most TEXT_CHARS in all.

    Raises:
        LlmError: refused, cut off, not the protocol, or a line longer than LINE_BYTES.
    """
    body: dict[str, Any] = {
        "model": place.model,
        "messages": list(messages),
        "stream": True,
        "temperature": 0,
        "max_tokens": place.max_tokens,
    }
    # Not compressed: a little that unpacks to very much would get past every bound.
    headers = {"accept-encoding": "identity"}
    headers |= {"authorization": f"Bearer {place.key}"} if place.key else {}
    left = TEXT_CHARS
    try:
        async with client.stream(
            "POST", f"{place.url.rstrip('/')}/chat/completions", json=body, headers=headers
        ) as answer:
            if answer.status_code != 200:
                raise LlmError(f"status {answer.status_code}")
            async for line in _lines(answer):
                piece = piece_of(line)
                if piece is None:
                    return
                if piece:
                    yield piece[:left]
                    left -= len(piece)
                if left <= 0:
                    return
    except httpx.HTTPError as error:
        raise LlmError(f"{type(error).__name__}: {error}") from error
    raise LlmError("the answer was cut off")


def piece_of(line: bytes) -> str | None:
    """Return the text of one line of the stream ('' for none), None at its end.

    Raises:
        LlmError: it is not the protocol's.
    """
    if not line.strip() or line.startswith((b":", b"event:", b"id:", b"retry:")):
        return ""
    if not line.startswith(b"data:"):
        raise LlmError("not a stream of events")
    data = line[5:].strip()
    if data == b"[DONE]":
        return None
    try:
        chunk = _decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise LlmError(f"not a chunk: {error}") from error
    return "".join(choice.delta.content or "" for choice in chunk.choices[:1])


async def _lines(answer: httpx.Response) -> AsyncIterator[bytes]:
    """Lines of a body that may never end one."""
    rest = b""
    async for part in answer.aiter_raw():
        rest += part
        *lines, rest = rest.split(b"\n")
        for line in lines:
            yield line.rstrip(b"\r")
        if len(rest) > LINE_BYTES:
            raise LlmError("a line without an end")
    if rest:
        yield rest
