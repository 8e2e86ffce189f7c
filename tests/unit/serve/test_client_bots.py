"""A scripted bot reads sessions and does each thing once, whatever happens to it."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from websockets.asyncio.server import ServerConnection, serve

from actors.frames import (
    Ack,
    AgentFrame,
    Error,
    Event,
    Message,
    SessionFrame,
    Welcome,
    encode_frame,
)
from actors.messages import Body, Person
from bot.scripted import Answer, HandOff
from serve import wire
from serve.bots import BotPlace, Talk, run_bots
from serve.client import Backoff, Options

BOT = Person(id="b1", role="agent", kind="bot")
CUSTOMER = Person(id="c1", role="customer")
HUMAN = Person(id="a1", role="agent")


def says(seq: int, text: str, person: Person = CUSTOMER, client_id: str = "") -> Message:
    body = Body(kind="text", text=text)
    return Message(
        session="1", seq=seq, id=str(seq), from_=person, at=0.0, client_id=client_id, body=body
    )


def event(seq: int, kind: str, agent: str = "", **more: Any) -> Event:
    return Event(session="1", seq=seq, id=str(seq), at=0.0, kind=kind, agent=agent, **more)


def snapshot(seq: int, from_seq: int = 0) -> SessionFrame:
    return SessionFrame(
        session="1",
        state="serving",
        customer=CUSTOMER,
        queue="bot",
        seq=seq,
        from_seq=from_seq,
        you="serving",
    )


def read(talk: Talk, *frames: Message | Event) -> list[str]:
    """Return the ids of what the bot does while it reads."""
    deeds = []
    for frame in frames:
        if isinstance(frame, Message):
            talk.message(frame)
        else:
            talk.event(frame)
        deeds += talk.take_plan(frame.seq)
    return [deed.client_id for deed in deeds]


def test_two_sessions_never_share_the_id_of_a_command() -> None:
    begun = event(1, "assigned", "b1")
    elsewhere = msgspec.structs.replace(begun, session="2")
    assert not set(read(Talk("b1"), begun)) & set(read(Talk("b1"), elsewhere))


def test_what_was_asked_while_waiting_is_answered_after_the_greeting() -> None:
    done = read(Talk("b1"), event(1, "opened"), says(2, "我想退款"), event(3, "assigned", "b1"))
    assert done == ["bot-1-3-0", "bot-1-2-0"]


def test_a_bot_that_reads_again_repeats_only_what_is_missing_and_under_the_same_ids() -> None:
    story: list[Message | Event] = [event(1, "assigned", "b1"), says(2, "退款"), says(3, "发票")]
    first = read(Talk("b1"), *story)
    assert first == ["bot-1-1-0", "bot-1-2-0", "bot-1-3-0"]

    again = Talk("b1")
    again.snapshot(snapshot(5))
    seen_before: list[Message | Event] = [
        says(4, "", BOT, "bot-1-1-0"),
        says(5, "", BOT, "bot-1-2-0"),
    ]
    assert read(again, *story, *seen_before) == ["bot-1-3-0"]


def test_a_bot_does_not_speak_of_the_past_or_into_somebody_elses_session() -> None:
    talk = Talk("b1")
    talk.snapshot(snapshot(6))
    past: list[Message | Event] = [
        event(1, "assigned", "b1"),
        says(2, "转人工"),
        event(3, "transferred", queue="human"),
        event(4, "assigned", "a1"),
        says(5, "退款"),
        says(6, "好的", HUMAN),
    ]
    assert read(talk, *past, says(7, "发票")) == []


def test_a_hand_off_that_nobody_took_is_explained_instead_of_greeted() -> None:
    talk = Talk("b1")
    read(
        talk, event(1, "assigned", "b1"), says(2, "转人工"), event(3, "transferred", queue="human")
    )
    talk.event(event(4, "assigned", "b1"))
    [deed] = talk.take_plan(4)
    assert isinstance(deed.act, Answer)
    assert "暂时无法接入" in deed.act.text


def test_a_hand_off_ends_with_the_transfer() -> None:
    talk = Talk("b1")
    read(talk, event(1, "assigned", "b1"))
    talk.message(says(2, "转人工"))
    deeds = talk.take_plan(2)
    assert [type(deed.act) for deed in deeds] == [Answer, HandOff]


class BotDoor:
    """A server with one session for the bot; its connections are cut when told so."""

    def __init__(self) -> None:
        self.log: list[Message | Event] = [event(1, "assigned", "b1"), says(2, "转人工")]
        self.done: dict[str, str] = {}
        self.transfers: asyncio.Queue[wire.TransferFrame] = asyncio.Queue()
        self.explained = asyncio.Event()
        self.connections = 0

    async def __call__(self, socket: ServerConnection) -> None:
        hello = wire.decode_frame(await socket.recv())
        assert isinstance(hello, wire.Hello)
        self.connections += 1
        after = hello.cursors.get("1", wire.Cursor()).seq
        state = AgentFrame(agent="b1", status="available", since=0.0, sessions=["1"])
        frames: list[Any] = [Welcome(you=BOT, org="o"), state, snapshot(len(self.log), after)]
        for frame in [*frames, *self.log[after:]]:
            await socket.send(encode_frame(frame), text=True)
        async for data in socket:
            await self.answer(socket, wire.decode_frame(data))

    async def answer(self, socket: ServerConnection, frame: wire.ClientFrame) -> None:
        if isinstance(frame, wire.SayFrame):
            if frame.client_id not in self.done:
                self.done[frame.client_id] = frame.body.text
                self.log.append(says(len(self.log) + 1, frame.body.text, BOT, frame.client_id))
                if len(self.done) == 1:
                    socket.transport.abort()  # between the durable write and the ack
                    return
                await socket.send(encode_frame(self.log[-1]), text=True)
                if frame.client_id.endswith("stay-0"):
                    self.explained.set()
            await socket.send(encode_frame(Ack(client_id=frame.client_id, session="1")), text=True)
        elif isinstance(frame, wire.TransferFrame):
            self.transfers.put_nowait(frame)
            full = Error(code="queue_full", detail="Full.", client_id=frame.client_id)
            await socket.send(encode_frame(full), text=True)


async def test_a_bot_survives_a_cut_says_everything_once_and_explains_a_full_queue() -> None:
    door = BotDoor()
    options = Options(backoff=Backoff(0.01, 0.02), ack_timeout_s=1.0)
    async with serve(door, "127.0.0.1", 0, close_timeout=0.1) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        place = BotPlace(f"ws://127.0.0.1:{port}/", "t", "human")
        running = asyncio.create_task(run_bots([place], options))
        async with asyncio.timeout(10):
            transfer = await door.transfers.get()
            await door.explained.wait()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert transfer.queue == "human"
    assert door.connections >= 2
    assert list(door.done) == ["bot-1-1-0", "bot-1-2-0", "bot-1-2-1-stay-0"]
    assert "暂时无法接入" in door.done["bot-1-2-1-stay-0"]
