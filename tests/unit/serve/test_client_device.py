"""The client over real sockets, against a scripted server that misbehaves on purpose."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import islice
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from actors.frames import (
    Ack,
    AgentFrame,
    Detached,
    Error,
    Message,
    OpenOffer,
    Pong,
    SessionFrame,
    Welcome,
    encode_frame,
)
from actors.messages import Body, Person
from serve import wire
from serve.client import (
    AgentClient,
    Backoff,
    ClientEvent,
    CommandRefused,
    CommandTimedOut,
    Connected,
    ConnectionRefused,
    CustomerClient,
    Disconnected,
    Options,
    Reset,
)

ME = Person(id="c1", role="customer")
PEER = Person(id="a1", role="agent")
FAST = Options(
    backoff=Backoff(0.01, 0.05), ack_timeout_s=0.1, receipt_every_s=0.01, stable_after_s=0.2
)
WAIT_S = 5.0

Script = Callable[["Visit"], Awaitable[None]]


class Visit:
    """One connection as the server sees it."""

    def __init__(self, socket: ServerConnection, hello: wire.Hello) -> None:
        self.socket = socket
        self.hello = hello

    async def send(self, *frames: Any) -> None:
        for frame in frames:
            await self.socket.send(encode_frame(frame), text=True)

    async def take(self, kind: type | None = None) -> Any:
        """Return the next frame (of the kind)."""
        while True:
            frame = wire.decode_frame(await self.socket.recv())
            if kind is None or isinstance(frame, kind):
                return frame

    def cut(self) -> None:
        self.socket.transport.abort()

    async def linger(self) -> None:
        await self.socket.wait_closed()


class Door:
    """A server whose n-th connection plays the n-th script; the last script is repeated."""

    def __init__(self, *scripts: Script) -> None:
        self.scripts = scripts
        self.hellos: list[wire.Hello] = []
        self.url = ""

    async def __call__(self, socket: ServerConnection) -> None:
        hello = wire.decode_frame(await socket.recv())
        assert isinstance(hello, wire.Hello)
        self.hellos.append(hello)
        script = self.scripts[min(len(self.hellos), len(self.scripts)) - 1]
        await script(Visit(socket, hello))


@asynccontextmanager
async def open_door(*scripts: Script) -> AsyncIterator[Door]:
    door = Door(*scripts)
    async with serve(door, "127.0.0.1", 0, close_timeout=0.1) as server:
        door.url = f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}/"
        yield door


def message(seq: int, *, person: Person = PEER, aside: bool = False) -> Message:
    body = Body(kind="text", text=str(seq))
    return Message(session="s", seq=seq, id=str(seq), from_=person, at=0.0, body=body, aside=aside)


def snapshot(seq: int, from_seq: int = 0, **more: Any) -> SessionFrame:
    keys: dict[str, Any] = {"you": "customer", "customer": ME, "queue": "q", "state": "talking"}
    keys |= more
    return SessionFrame(session="s", seq=seq, from_seq=from_seq, **keys)


def welcome(**more: Any) -> Welcome:
    return Welcome(you=ME, org="o", session="s", **more)


async def until(device: Any, wanted: Callable[[ClientEvent], bool]) -> list[ClientEvent]:
    """Return the events up to the first that is wanted."""
    seen: list[ClientEvent] = []
    async with asyncio.timeout(WAIT_S):
        async for event in device.events():
            seen.append(event)
            if wanted(event):
                break
    return seen


def seqs(events: list[ClientEvent]) -> list[int]:
    return [event.seq for event in events if isinstance(event, Message)]


def reaches(seq: int) -> Callable[[ClientEvent], bool]:
    return lambda event: isinstance(event, Message) and event.seq == seq


async def test_a_command_cut_off_before_its_ack_is_sent_again_with_the_same_id() -> None:
    received: list[wire.SayFrame] = []

    async def dies_before_the_ack(visit: Visit) -> None:
        await visit.send(welcome(), snapshot(0))
        received.append(await visit.take(wire.SayFrame))
        visit.cut()

    async def answers(visit: Visit) -> None:
        await visit.send(welcome(), snapshot(1))
        received.append(await visit.take(wire.SayFrame))
        await visit.send(Ack(client_id=received[-1].client_id, session="s", seq=1))
        await visit.linger()

    async with (
        open_door(dies_before_the_ack, answers) as door,
        CustomerClient(door.url, "t", options=FAST) as client,
    ):
        ack = await asyncio.wait_for(client.say("你好"), WAIT_S)
    assert ack.seq == 1
    assert received[0] == received[1]
    assert client.counts.reconnects == 1


async def test_a_command_without_an_answer_is_repeated_on_the_same_connection() -> None:
    async def answers_the_second_time(visit: Visit) -> None:
        await visit.send(welcome(), snapshot(0))
        first = await visit.take(wire.SayFrame)
        second = await visit.take(wire.SayFrame)
        assert first == second
        ack = Ack(client_id=second.client_id, session="s", seq=1)
        await visit.send(ack, ack)
        await visit.linger()

    async with (
        open_door(answers_the_second_time) as door,
        CustomerClient(door.url, "t", options=FAST) as client,
    ):
        await asyncio.wait_for(client.say("hello"), WAIT_S)
        assert client.counts.resent == 1
        assert len(door.hellos) == 1


async def test_a_server_that_answers_nothing_is_left_for_another_connection() -> None:
    async def mute(visit: Visit) -> None:
        await visit.send(welcome(), snapshot(0))
        await visit.linger()

    async def answers(visit: Visit) -> None:
        await visit.send(welcome(), snapshot(0))
        say = await visit.take(wire.SayFrame)
        await visit.send(Ack(client_id=say.client_id, session="s", seq=1))
        await visit.linger()

    async with (
        open_door(mute, answers) as door,
        CustomerClient(door.url, "t", options=FAST) as client,
    ):
        await asyncio.wait_for(client.say("hello"), WAIT_S)
        assert len(door.hellos) == 2


async def test_a_resume_that_repeats_frames_shows_each_once() -> None:
    async def first(visit: Visit) -> None:
        await visit.send(welcome(), snapshot(0), message(1), message(2), message(2))
        await visit.take(wire.ReceiptFrame)
        visit.cut()

    async def repeats_everything(visit: Visit) -> None:
        await visit.send(welcome(), snapshot(3), *map(message, (1, 2, 3)), message(3), message(4))
        await visit.linger()

    async with (
        open_door(first, repeats_everything) as door,
        CustomerClient(door.url, "t", options=FAST) as client,
    ):
        events = await until(client, reaches(4))
    assert seqs(events) == [1, 2, 3, 4]
    assert door.hellos[1].cursors == {"s": wire.Cursor(seq=2)}
    assert client.counts.repeats_hidden == 4


async def test_a_hole_in_the_order_is_noticed_and_filled_by_a_resume() -> None:
    async def skips(visit: Visit) -> None:
        await visit.send(welcome(), snapshot(0), message(1), message(3), message(2))
        await visit.linger()

    async def resumes(visit: Visit) -> None:
        after = visit.hello.cursors["s"].seq
        await visit.send(welcome(), snapshot(3, after), *map(message, range(after + 1, 4)))
        await visit.linger()

    async with (
        open_door(skips, resumes) as door,
        CustomerClient(door.url, "t", options=FAST) as client,
    ):
        events = await until(client, reaches(3))
    assert seqs(events) == [1, 2, 3]
    assert client.counts.gaps == 1


async def test_a_snapshot_that_skips_without_saying_so_is_not_believed() -> None:
    async def skips(visit: Visit) -> None:
        await visit.send(welcome(), snapshot(9, 8), message(9))
        await visit.linger()

    async def tells_all(visit: Visit) -> None:
        await visit.send(welcome(), snapshot(9, 0), *map(message, range(1, 10)))
        await visit.linger()

    async with (
        open_door(skips, tells_all) as door,
        CustomerClient(door.url, "t", options=FAST) as client,
    ):
        events = await until(client, reaches(9))
    assert seqs(events) == list(range(1, 10))


async def test_a_reset_is_an_event_of_its_own() -> None:
    async def resets(visit: Visit) -> None:
        await visit.send(welcome(), snapshot(9, 7, reset=True), message(8), message(9))
        await visit.linger()

    async with (
        open_door(resets) as door,
        CustomerClient(door.url, "t", options=FAST) as client,
    ):
        events = await until(client, reaches(9))
    assert [event for event in events if isinstance(event, Reset)] == [Reset("s", 0, 7)]
    assert seqs(events) == [8, 9]


async def test_an_array_of_frames_is_taken_in_order_and_unknown_kinds_are_left_out() -> None:
    async def batches(visit: Visit) -> None:
        assert visit.hello.batch
        frames: list[Any] = [welcome(), snapshot(0), message(1), message(1, aside=True), message(2)]
        parts = [encode_frame(frame) for frame in frames]
        parts.insert(3, b'{"t":"from_the_future","x":1}')
        await visit.socket.send(b"[" + b",".join(parts) + b"]", text=True)
        await visit.linger()

    async with (
        open_door(batches) as door,
        CustomerClient(door.url, "t", options=FAST) as client,
    ):
        events = await until(client, reaches(2))
    assert seqs(events) == [1, 1, 2]  # the aside track counts for itself


async def test_overloaded_is_waited_for_and_refusals_are_raised_with_their_code() -> None:
    async def busy(visit: Visit) -> None:
        await visit.send(welcome(), snapshot(0))
        say = await visit.take(wire.SayFrame)
        busy = Error(code="overloaded", detail="", client_id=say.client_id, retry_s=0.02)
        await visit.send(busy)
        again = await visit.take(wire.SayFrame)
        assert again == say
        await visit.send(Ack(client_id=say.client_id, session="s", seq=1))
        late = await visit.take(wire.RecallFrame)
        await visit.send(Error(code="recall_expired", detail="Too late.", client_id=late.client_id))
        await visit.linger()

    async with (
        open_door(busy) as door,
        CustomerClient(door.url, "t", options=FAST) as client,
    ):
        assert (await asyncio.wait_for(client.say("hello"), WAIT_S)).seq == 1
        with pytest.raises(CommandRefused) as refused:
            await asyncio.wait_for(client.recall(1), WAIT_S)
        assert refused.value.code == "recall_expired"


async def test_what_the_wire_forbids_is_refused_before_it_is_sent() -> None:
    async def waits(visit: Visit) -> None:
        await visit.send(welcome(), snapshot(0))
        await visit.linger()

    async with (
        open_door(waits) as door,
        CustomerClient(door.url, "t", options=FAST) as client,
    ):
        with pytest.raises(CommandRefused, match="bad_frame"):
            await client.say("x" * (wire.TEXT_LIMIT + 1))
        with pytest.raises(CommandRefused, match="bad_frame"):
            await client.rate(6)


async def test_a_stale_token_is_replaced_once_and_then_the_device_gives_up() -> None:
    tokens: list[str] = []

    async def refuses(visit: Visit) -> None:
        await visit.send(Error(code="bad_token", detail="Expired."))
        await visit.linger()

    async def fresh() -> str:
        tokens.append(f"t{len(tokens)}")
        return tokens[-1]

    async with open_door(refuses) as door:
        client = CustomerClient(door.url, fresh, options=FAST)
        with pytest.raises(ConnectionRefused, match="bad_token"):
            await client.connect(WAIT_S)
    assert [hello.token for hello in door.hellos] == tokens == ["t0", "t1"]


async def test_a_duplicate_login_ends_the_device_instead_of_fighting_over_it() -> None:
    async def thrown_out(visit: Visit) -> None:
        await visit.send(welcome())
        await visit.take(wire.Status)
        await visit.send(Error(code="duplicate_login", detail="Signed in elsewhere."))
        await visit.linger()

    async with (
        open_door(thrown_out) as door,
        AgentClient(door.url, "t", options=FAST) as agent,
    ):
        with pytest.raises(CommandTimedOut):
            await asyncio.wait_for(agent.set_status("available"), WAIT_S)
        events = await until(agent, lambda event: isinstance(event, Disconnected))
        assert isinstance(events[-1], Disconnected)
        assert events[-1].final
        assert len(door.hellos) == 1


async def test_a_server_that_is_not_there_yet_is_tried_again_until_the_time_is_over() -> None:
    client = CustomerClient("ws://127.0.0.1:9/", "t", options=FAST)
    with pytest.raises(TimeoutError, match="no welcome"):
        await client.connect(0.2)


async def test_one_receipt_stands_for_many_messages_and_own_words_need_none() -> None:
    receipts: list[wire.ReceiptFrame] = []
    counted, done = asyncio.Event(), asyncio.Event()

    async def counts(visit: Visit) -> None:
        await visit.send(welcome(), snapshot(0), *[message(n) for n in range(1, 51)])
        await visit.send(message(51, person=ME))
        receipts.append(await visit.take(wire.ReceiptFrame))
        counted.set()
        receipts.append(await visit.take(wire.ReceiptFrame))
        done.set()
        await visit.linger()

    async with (
        open_door(counts) as door,
        CustomerClient(door.url, "t", options=FAST) as client,
    ):
        await until(client, reaches(51))
        await asyncio.wait_for(counted.wait(), WAIT_S)
        client.read("s")
        await asyncio.wait_for(done.wait(), WAIT_S)
    assert receipts == [
        wire.ReceiptFrame(session="s", delivered=50),
        wire.ReceiptFrame(session="s", delivered=51, read=51),
    ]


async def test_a_receipt_lost_with_the_connection_is_said_again_after_the_snapshot() -> None:
    async def never_counts(visit: Visit) -> None:
        await visit.send(welcome(), snapshot(0), message(1))
        await visit.take(wire.ReceiptFrame)
        visit.cut()

    said_again: asyncio.Future[wire.ReceiptFrame] = asyncio.get_running_loop().create_future()

    async def knows_of_none(visit: Visit) -> None:
        await visit.send(welcome(), snapshot(1, 1))
        said_again.set_result(await visit.take(wire.ReceiptFrame))
        await visit.linger()

    async with (
        open_door(never_counts, knows_of_none) as door,
        CustomerClient(door.url, "t", options=FAST),
    ):
        receipt = await asyncio.wait_for(said_again, WAIT_S)
    assert receipt.delivered == 1


async def test_typing_is_said_at_most_once_a_second() -> None:
    typed: list[wire.TypingWire] = []

    async def listens(visit: Visit) -> None:
        await visit.send(welcome(), snapshot(0))
        while not isinstance(frame := await visit.take(), wire.SayFrame):
            typed.append(frame)
        await visit.send(Ack(client_id=frame.client_id, session="s", seq=1))
        await visit.linger()

    async with (
        open_door(listens) as door,
        CustomerClient(door.url, "t", options=FAST) as client,
    ):
        for text in islice(("h", "he", "hel", "hell"), 4):
            client.typing("s", text)
        await asyncio.wait_for(client.say("hello"), WAIT_S)
    assert [frame.preview for frame in typed] == ["h"]


async def test_a_silent_connection_is_pinged_and_then_left() -> None:
    pinged = asyncio.Event()

    async def falls_silent(visit: Visit) -> None:
        await visit.send(welcome(ping_s=0.02))
        await visit.take(wire.Ping)
        await visit.send(Pong(at=0.0))
        await visit.take(wire.Ping)
        pinged.set()
        await visit.linger()

    options = Options(backoff=Backoff(0.01, 0.01), pong_timeout_s=0.02)
    async with (
        open_door(falls_silent) as door,
        CustomerClient(door.url, "t", options=options) as client,
    ):
        events = await until(client, lambda event: isinstance(event, Disconnected))
        assert pinged.is_set()
        assert isinstance(events[-1], Disconnected)
        assert events[-1].reason == "the server went silent"


async def test_an_offer_is_shown_once_however_often_the_snapshot_repeats_it() -> None:
    offer = OpenOffer(offer="o1", session="s", queue="q", customer=ME)

    def state() -> AgentFrame:
        return AgentFrame(agent="a1", status="available", since=0.0, offers=[offer])

    async def offers(visit: Visit) -> None:
        await visit.send(welcome(), state(), offer, state())
        accept = await visit.take(wire.Accept)
        await visit.send(Ack(client_id=accept.client_id))
        await visit.send(Detached(session="s", reason="test"))
        await visit.linger()

    async with (
        open_door(offers) as door,
        AgentClient(door.url, "t", options=FAST) as agent,
    ):
        first = await until(agent, lambda event: isinstance(event, OpenOffer))
        await asyncio.wait_for(agent.accept("o1"), WAIT_S)
        rest = await until(agent, lambda event: isinstance(event, Detached))
    shown = [event for event in first + rest if isinstance(event, OpenOffer)]
    assert shown == [offer]
    assert agent.state == state()


async def test_a_leader_goes_on_watching_after_a_reconnect() -> None:
    async def loses_the_leader(visit: Visit) -> None:
        await visit.send(welcome())
        watch = await visit.take(wire.Watch)
        await visit.send(Ack(client_id=watch.client_id, session="s"))
        await visit.send(snapshot(1, you="watching"), message(1))
        visit.cut()

    async def takes_it_up(visit: Visit) -> None:
        await visit.send(welcome())
        watch = await visit.take(wire.Watch)
        await visit.send(Ack(client_id=watch.client_id, session="s"))
        after = watch.cursor.seq
        await visit.send(snapshot(3, after, you="watching"))
        await visit.send(*map(message, range(after + 1, 4)))
        await visit.linger()

    async with (
        open_door(loses_the_leader, takes_it_up) as door,
        AgentClient(door.url, "t", options=FAST) as leader,
    ):
        await asyncio.wait_for(leader.watch("s"), WAIT_S)
        events = await until(leader, reaches(3))
    assert seqs(events) == [1, 2, 3]


async def test_a_program_slow_to_read_costs_bounded_memory_and_loses_nothing() -> None:
    total = 500

    async def floods(visit: Visit) -> None:
        after = visit.hello.cursors.get("s", wire.Cursor()).seq
        await visit.send(welcome(), snapshot(total, after))
        await visit.send(*map(message, range(after + 1, total + 1)))
        async for data in visit.socket:
            frame = wire.decode_frame(data)
            if isinstance(frame, wire.SayFrame):
                await visit.send(Ack(client_id=frame.client_id, session="s", seq=total + 1))

    options = Options(events_n=100, backoff=Backoff(0.01, 0.01))
    async with (
        open_door(floods) as door,
        CustomerClient(door.url, "t", options=options) as client,
    ):
        await asyncio.wait_for(client.say("the ack passes the events that wait"), WAIT_S)
        assert seqs(await until(client, reaches(total))) == list(range(1, total + 1))
        assert len(door.hellos) > 1


async def test_a_callback_may_send_and_may_fail_without_harm(
    caplog: pytest.LogCaptureFixture,
) -> None:
    seen: list[ClientEvent] = []
    done = asyncio.Event()

    async def echoes(visit: Visit) -> None:
        await visit.send(welcome(), snapshot(0), message(1), message(2))
        say = await visit.take(wire.SayFrame)
        await visit.send(Ack(client_id=say.client_id, session="s", seq=3), message(3))
        await visit.linger()

    def on_event(event: ClientEvent) -> None:
        seen.append(event)
        match event:
            case Message(seq=1):
                client.say("an answer")
                raise RuntimeError("a program's own fault")
            case Message(seq=3):
                done.set()
            case _:
                pass

    async with open_door(echoes) as door:
        client = CustomerClient(door.url, "t", options=FAST, on_event=on_event)
        await client.connect(WAIT_S)
        await asyncio.wait_for(done.wait(), WAIT_S)
        await client.close()
    assert seqs(seen) == [1, 2, 3]
    assert isinstance(seen[0], Connected)
    assert "client.on_event_failed" in caplog.text


async def test_closing_ends_the_events_and_gives_up_what_is_under_way() -> None:
    async def waits(visit: Visit) -> None:
        await visit.send(welcome(), snapshot(0))
        await visit.linger()

    async with open_door(waits) as door:
        client = CustomerClient(door.url, "t", options=FAST)
        await client.connect(WAIT_S)
        under_way = client.say("hello")
        await client.close()
        with pytest.raises(CommandTimedOut):
            await under_way
        assert [event async for event in client.events()][-1:] != []
