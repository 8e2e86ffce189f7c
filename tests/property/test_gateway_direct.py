"""The short cut reads every stream as `websockets` does, however it is cut."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from uvicorn.config import Config
from uvicorn.server import ServerState
from websockets.frames import Frame, Opcode
from websockets.server import ServerProtocol

from serve.gateway.direct import DirectProtocol, DirectSocket, head_of

SHAKE = (
    b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


class FakeTransport(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closed = False
        self.aborted = False
        self.reading = True

    def write(self, data: Any) -> None:
        self.written += bytes(data)

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.aborted = True

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default


async def until(true: Callable[[], bool]) -> None:
    """Let the loop turn until the condition holds."""
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110 # uvicorn's class offers no event for it
            await asyncio.sleep(0)


async def app(_: Any, __: Any, send: Any) -> None:
    await send({"type": "websocket.accept"})
    await asyncio.Event().wait()


class Peer:
    """A protocol after its handshake, and what it handed over."""

    def __init__(self, shake: bytes = SHAKE, ws_max_size: int = 200_000) -> None:
        config = Config(app, ws_max_size=ws_max_size, ws_ping_interval=None, log_level="critical")
        config.load()
        self.transport = FakeTransport()
        self.protocol = DirectProtocol(config, ServerState(), {})
        self.protocol.connection_made(self.transport)
        self.got: list[bytes] = []
        self.protocol.data_received(shake)

    async def ready(self) -> None:
        await until(lambda: b"101" in self.transport.written)

    def attach(self) -> None:
        self.protocol.attach(self.got.append, lambda: None)

    async def close(self) -> None:
        for task in list(self.protocol.tasks):
            task.cancel()
        await asyncio.gather(*self.protocol.tasks, return_exceptions=True)


def frame(opcode: Opcode, data: bytes, fin: bool = True) -> bytes:
    return Frame(opcode, data, fin=fin).serialize(mask=True)


SIZES = st.one_of(st.integers(0, 300), st.sampled_from([125, 126, 127, 65_535, 65_536, 70_000]))
WHOLE = st.tuples(st.sampled_from(["text", "binary", "ping", "pong", "split"]), SIZES)


def stream_of(parts: list[tuple[str, int]]) -> bytes:
    data = b""
    for n, (kind, size) in enumerate(parts):
        text = (b"%d:" % n) + b"x" * size
        match kind:
            case "text":
                data += frame(Opcode.TEXT, text)
            case "binary":
                data += frame(Opcode.BINARY, text)
            case "ping":
                data += frame(Opcode.PING, text[:100])
            case "pong":
                data += frame(Opcode.PONG, text[:100])
            case _:
                data += frame(Opcode.TEXT, text[:2], fin=False)
                data += frame(Opcode.PING, b"between")
                data += frame(Opcode.CONT, text[2:])
    return data


def messages_by_websockets(stream: bytes) -> list[bytes]:
    """What the `websockets` parser makes of the stream."""
    reference = ServerProtocol(max_size=None)
    reference.receive_data(SHAKE)
    request = reference.events_received()[0]
    reference.send_response(reference.accept(request))  # type: ignore[arg-type]
    reference.receive_data(stream)
    found: list[bytes] = []
    for event in reference.events_received():
        assert isinstance(event, Frame)
        if event.opcode in (Opcode.TEXT, Opcode.BINARY):
            found.append(bytes(event.data))
        elif event.opcode == Opcode.CONT:
            found[-1] += bytes(event.data)
    return found


@settings(max_examples=60, deadline=None)
@given(parts=st.lists(WHOLE, max_size=8), data=st.data())
async def test_messages_are_the_same_however_the_stream_is_cut(
    parts: list[tuple[str, int]], data: Any
) -> None:
    stream = stream_of(parts)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(stream)), max_size=8)))
    peer = Peer()
    await peer.ready()
    peer.attach()
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        if start < end:
            peer.protocol.data_received(stream[start:end])
    assert peer.got == messages_by_websockets(stream)
    assert not peer.transport.closed
    await peer.close()


@settings(max_examples=60, deadline=None)
@given(junk=st.binary(min_size=1, max_size=300), cut=st.integers(0, 300))
async def test_no_bytes_make_it_raise(junk: bytes, cut: int) -> None:
    peer = Peer()
    await peer.ready()
    peer.attach()
    for part in (junk[:cut], junk[cut:]):
        if part and not peer.transport.closed:
            peer.protocol.data_received(part)
    await peer.close()


async def test_messages_before_the_application_listens_come_first_and_once() -> None:
    peer = Peer()
    await peer.ready()
    peer.protocol.data_received(frame(Opcode.TEXT, b"one") + frame(Opcode.TEXT, b"two"))
    assert not peer.transport.reading
    peer.attach()
    assert peer.transport.reading
    peer.protocol.data_received(frame(Opcode.TEXT, b"three"))
    assert peer.got == [b"one", b"two", b"three"]
    await peer.close()


async def test_frames_sent_with_the_handshake_are_not_lost() -> None:
    early = frame(Opcode.TEXT, b"early")
    peer = Peer(SHAKE + early[:3])
    await peer.ready()
    peer.protocol.data_received(early[3:] + frame(Opcode.TEXT, b"late"))
    peer.attach()
    peer.protocol.data_received(frame(Opcode.TEXT, b"later"))
    assert peer.got == [b"early", b"late", b"later"]
    await peer.close()


@pytest.mark.parametrize(
    ("stream", "code"),
    [
        (b"\x81\x02hi", 1002),
        (frame(Opcode.TEXT, b"x" * 200_001), 1009),
        (frame(Opcode.CONT, b"of nothing"), 1002),
        (b"\xf1\x80aaaa", 1002),
        (frame(Opcode.TEXT, b"a", fin=False) + frame(Opcode.TEXT, b"b"), 1002),
    ],
    ids=["unmasked", "too long", "goes on with nothing", "unknown bit", "begins twice"],
)
async def test_a_peer_that_breaks_the_rules_is_closed_with_the_right_code(
    stream: bytes, code: int
) -> None:
    peer = Peer()
    await peer.ready()
    peer.attach()
    before = len(peer.transport.written)
    peer.protocol.data_received(stream)
    answer = peer.transport.written[before:]
    assert answer[0] == 0x88
    assert int.from_bytes(answer[2:4], "big") == code
    assert peer.got == []
    await peer.close()


@settings(deadline=None)
@given(size=st.one_of(st.integers(0, 200), st.integers(65_530, 65_540)))
def test_the_head_of_a_frame_is_what_websockets_writes(size: int) -> None:
    whole = Frame(Opcode.TEXT, b"x" * size).serialize(mask=False)
    assert head_of(size) == whole[: len(whole) - size]


async def test_a_reader_that_reads_nothing_is_dropped_for_real() -> None:
    peer = Peer()
    await peer.ready()
    socket = DirectSocket(peer.protocol, close_s=0.0)
    socket.start(list, lambda _: None, peer.got.append)
    peer.protocol.pause_writing()
    socket.close(1013, "slow")
    await until(lambda: peer.transport.aborted)
    assert not peer.protocol.close_sent
    await peer.close()


async def test_what_is_queued_leaves_before_the_close() -> None:
    peer = Peer()
    await peer.ready()
    frames = [[b"last words"]]
    written: list[int] = []
    socket = DirectSocket(peer.protocol, close_s=5.0)
    socket.start(list, written.append, peer.got.append)
    socket._take = lambda: frames.pop() if frames else []
    socket.close(1012, "restarting")
    await until(lambda: peer.protocol.close_sent)
    assert peer.transport.written.index(b"last words") < peer.transport.written.index(b"restarting")
    assert written == [1]
    await peer.close()
