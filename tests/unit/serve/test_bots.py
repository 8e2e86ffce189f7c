"""A bot over a real socket: a server that cuts it, fills its queue, or lets its model hang."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
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
from actors.links import is_safe_url
from actors.messages import Body, Person
from bot import conversation
from bot.acts import Found, Ground, Reply
from bot.conversation import Heard, Talked, Ways
from bot.decisions import Suggestion
from bot.knowledge import Answer
from bot.outcomes import Outcome, QuestionOutcome, SessionOutcome
from bot.texts import TEXTS, Lang
from infra.metrics import PlainMetrics
from serve import wire
from serve.bot_line import BotLine
from serve.bot_ports import Answered, HelloTold, Question, encoded
from serve.bot_writer import Writer, Written
from serve.bots import BotParts, BotPlace, body_of, run_bots
from serve.client import Backoff, Options
from serve.gateway.bodies import check_body

BOT = Person(id="b1", role="agent", kind="bot")
CUSTOMER = Person(id="c1", role="customer")
ANSWER = Found(band="answer", topic="refund", answers=(Answer(text="七天"),), base="faq", version=3)
Model = Callable[[str], Awaitable[Found]]


def says(seq: int, text: str, person: Person = CUSTOMER, client_id: str = "") -> Message:
    body = Body(kind="text", text=text)
    return Message(
        session="1", seq=seq, id=str(seq), from_=person, at=7.0, client_id=client_id, body=body
    )


def event(seq: int, kind: str, agent: str = "", **more: Any) -> Event:
    return Event(session="1", seq=seq, id=str(seq), at=5.0, kind=kind, agent=agent, **more)


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


class ModelOf:
    """A door to a model that is one function."""

    def __init__(self, model: Model) -> None:
        self._model = model

    async def __call__(self, method: str, request: bytes) -> bytes:
        if method == "hello":
            return encoded(HelloTold())
        question = msgspec.msgpack.decode(request, type=Question)
        return encoded(Answered(found=await self._model(question.text)))


class Sink:
    """Keeps outcomes; a full one does not."""

    def __init__(self, *, full: bool = False) -> None:
        self.full = full
        self.outcomes: list[Outcome] = []
        self.ended = asyncio.Event()

    def put(self, outcome: Outcome) -> bool:
        self.outcomes.append(outcome)
        if isinstance(outcome, SessionOutcome):
            self.ended.set()
        return not self.full


class BotDoor:
    """A server with one session for the bot; its first connection is cut between the write and the
    ack. Hand-offs find a full queue."""

    def __init__(self, *more: Message) -> None:
        self.log: list[Message | Event] = [event(1, "assigned", "b1"), *more]
        self.done: dict[str, str] = {}
        self.transfers: asyncio.Queue[wire.TransferFrame] = asyncio.Queue()
        self.asked = asyncio.Event()
        self.connections = 0
        self._news = asyncio.Condition()
        self._socket: ServerConnection | None = None

    async def __call__(self, socket: ServerConnection) -> None:
        hello = wire.decode_frame(await socket.recv())
        assert isinstance(hello, wire.Hello)
        self.connections += 1
        after = hello.cursors.get("1", wire.Cursor()).seq
        state = AgentFrame(agent="b1", status="available", since=0.0, sessions=["1"])
        frames: list[Any] = [Welcome(you=BOT, org="o"), state, snapshot(len(self.log), after)]
        for frame in [*frames, *self.log[after:]]:
            await socket.send(encode_frame(frame), text=True)
        self._socket = socket
        async for data in socket:
            await self.answer(socket, wire.decode_frame(data))

    async def said(self, client_id: str) -> None:
        """Wait until the bot has said that."""
        async with self._news:
            await self._news.wait_for(lambda: client_id in self.done)

    async def close_session(self) -> None:
        """End the session; a bot that is just away reads it when it is back."""
        await self.happens(msgspec.structs.replace(event(len(self.log) + 1, "closed"), at=50.0))

    async def happens(self, frame: Message | Event) -> None:
        """Put it into the session."""
        self.log.append(frame)
        if self._socket is not None:
            await self._socket.send(encode_frame(frame), text=True)

    async def answer(self, socket: ServerConnection, frame: wire.ClientFrame) -> None:
        if isinstance(frame, wire.SayFrame):
            if frame.client_id not in self.done:
                self.done[frame.client_id] = frame.body.text
                self.log.append(says(len(self.log) + 1, frame.body.text, BOT, frame.client_id))
                if len(self.done) == 1:
                    self._socket = None
                    socket.transport.abort()
                    return
                await socket.send(encode_frame(self.log[-1]), text=True)
                async with self._news:
                    self._news.notify_all()
            await socket.send(encode_frame(Ack(client_id=frame.client_id, session="1")), text=True)
        elif isinstance(frame, wire.TransferFrame):
            self.transfers.put_nowait(frame)
            full = Error(code="queue_full", detail="Full.", client_id=frame.client_id)
            await socket.send(encode_frame(full), text=True)


class Writes:
    """Writes one answer, or none, and says what it was given; waits first if told to."""

    def __init__(self, text: str, *, waits: bool = False) -> None:
        self.text = text
        self.waits = waits
        self.asked: list[tuple[str, int]] = []
        self.cancelled = asyncio.Event()

    async def write(
        self,
        org: str,
        question: str,
        grounds: Sequence[Ground],
        lang: Lang,
        show: Callable[[str], None],
    ) -> Written | None:
        self.asked.append((question, len(grounds)))
        show("...")
        if self.waits:
            try:
                await asyncio.Event().wait()
            finally:
                self.cancelled.set()
        source = Suggestion(topic="refund", question="怎么退款")
        return Written(self.text, (source,)) if self.text else None


@asynccontextmanager
async def working(
    door: BotDoor, model: Model, sink: Sink | None = None, writer: Writer | None = None
) -> AsyncIterator[PlainMetrics]:
    """Run one bot against the door."""
    metrics = PlainMetrics()
    parts = BotParts(
        line=BotLine(ModelOf(model), metrics, deadline_s=0.05),
        metrics=metrics,
        outcomes=sink,
        writer=writer,
        options=Options(backoff=Backoff(0.01, 0.02), ack_timeout_s=1.0),
    )
    async with serve(door, "127.0.0.1", 0, close_timeout=0.1) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        place = BotPlace(f"ws://127.0.0.1:{port}/", "t", "human")
        running = asyncio.create_task(run_bots([place], parts))
        try:
            async with asyncio.timeout(10):
                yield metrics
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def knows(text: str) -> Found:
    return ANSWER if text == "退款" else Found(band="fallback")


async def hangs(text: str) -> Found:
    await asyncio.Event().wait()
    return ANSWER


async def test_a_bot_survives_a_cut_says_everything_once_and_explains_a_full_queue() -> None:
    door = BotDoor(says(2, "我要人工"))
    async with working(door, knows):
        transfer = await door.transfers.get()
        await door.said("bot-1-2-hr-0")
    assert (transfer.queue, transfer.stay) == ("human", True)
    assert transfer.note.startswith("[asked] ")
    assert door.connections >= 2
    assert list(door.done) == ["bot-1-1-0", "bot-1-2-0", "bot-1-2-hr-0"]
    assert door.done["bot-1-2-hr-0"] == TEXTS["queue_full"][0]


async def test_an_answer_of_the_model_is_said_and_its_outcome_told() -> None:
    door, sink = BotDoor(says(2, "退款")), Sink()
    async with working(door, knows, sink) as metrics:
        await door.said("bot-1-2-0")
        await door.close_session()
        await sink.ended.wait()
    assert door.done["bot-1-2-0"] == "七天"
    assert metrics.counts["bot_questions_total", "answer", "o"] == 1.0
    question = next(one for one in sink.outcomes if isinstance(one, QuestionOutcome))
    assert (question.id, question.text, question.topic, question.version) == (
        "1:2",
        "退款",
        "refund",
        3,
    )
    ended = [one for one in sink.outcomes if isinstance(one, SessionOutcome)]
    assert [(one.id, one.human, one.ended_at) for one in ended] == [("1", False, 50.0)]


@settings(deadline=None)  # the machine may be busy
@given(
    st.builds(
        Reply,
        kind=st.sampled_from(["text", "image", "card", "file"]),
        text=st.one_of(st.text(max_size=20), st.just("长" * 10_001), st.just(" \n")),
        title=st.one_of(st.text(max_size=5), st.just("t" * 501)),
        url=st.sampled_from(
            ["", "/a", "//evil.example", "https://a.example/b", "javascript:alert(1)", "/" * 2_001]
        ),
        buttons=st.lists(st.text(max_size=5), max_size=10).map(tuple),
    )
)
def test_whatever_a_base_holds_is_said_as_far_as_it_can_be_shown(reply: Reply) -> None:
    body = body_of(reply)
    encoded_body = msgspec.json.encode(body)
    shown = check_body(msgspec.json.decode(encoded_body, type=wire.WireBody))
    assert shown.text or shown.title or shown.url
    assert not shown.url or is_safe_url(shown.url)
    plain = reply.text.replace("\0", "")
    assert plain.strip() == "" or shown.text == plain[:10_000]


async def test_outcomes_that_find_their_queue_full_are_counted() -> None:
    door, sink = BotDoor(says(2, "退款")), Sink(full=True)
    async with working(door, knows, sink) as metrics:
        await door.said("bot-1-2-0")
        await door.close_session()
        await sink.ended.wait()
    assert metrics.counts["outcomes_dropped_total", "", "o"] == len(sink.outcomes) > 1


async def test_a_model_that_hangs_costs_two_deadlines_and_then_a_person_is_called() -> None:
    door = BotDoor(says(2, "退款"))
    async with working(door, hangs) as metrics:
        transfer = await door.transfers.get()
    assert transfer.note.startswith("[bot_failed] ")
    assert metrics.counts["bot_misses_total", "late", "o"] == 2.0
    assert metrics.counts["bot_handoffs_total", "bot_failed", "o"] == 1.0


async def test_an_answer_for_a_session_that_moved_on_is_dropped() -> None:
    door, let, sink = BotDoor(says(2, "退款")), asyncio.Event(), Sink()

    async def slow(text: str) -> Found:
        door.asked.set()
        await let.wait()
        return ANSWER

    async with working(door, slow, sink) as metrics:
        await door.asked.wait()
        await door.close_session()
        await sink.ended.wait()
        let.set()
    assert list(door.done) == ["bot-1-1-0"]
    assert metrics.counts["bot_dropped_total", "", "o"] == 1.0


async def knows_about(text: str) -> Found:
    return Found(band="fallback", grounds=(Ground("refund", "怎么退款", "七天内可退"),))


async def test_where_the_base_has_no_answer_a_language_model_may_write_one() -> None:
    door, writer = BotDoor(says(2, "能退吗")), Writes("七天内可退[1]")
    async with working(door, knows_about, writer=writer):
        await door.said("bot-1-2-0")
    assert door.done["bot-1-2-0"] == "七天内可退[1]\n来源：[1] 怎么退款"
    assert writer.asked == [("能退吗", 1)]


async def test_a_language_model_without_an_answer_leaves_the_bot_to_its_own_words() -> None:
    door = BotDoor(says(2, "能退吗"))
    async with working(door, knows_about, writer=Writes("")):
        await door.said("bot-1-2-0")
    assert door.done["bot-1-2-0"] == TEXTS["fallback"][0]


async def test_what_the_base_answers_is_not_written_by_anybody_else() -> None:
    door, writer = BotDoor(says(2, "退款")), Writes("x")
    async with working(door, knows, writer=writer):
        await door.said("bot-1-2-0")
    assert door.done["bot-1-2-0"] == "七天"
    assert writer.asked == []


async def test_writing_ends_when_the_session_is_no_longer_the_bots() -> None:
    door, writer = BotDoor(says(2, "能退吗")), Writes("x", waits=True)
    async with working(door, knows_about, writer=writer):
        while not writer.asked:  # noqa: ASYNC110  # the double has no event for it
            await asyncio.sleep(0.01)
        await door.close_session()
        await writer.cancelled.wait()
    assert list(door.done) == ["bot-1-1-0"]


async def test_a_call_for_a_human_ends_writing_and_hands_off_at_once() -> None:
    door, writer = BotDoor(says(2, "能退吗")), Writes("x", waits=True)
    async with working(door, knows_about, writer=writer) as metrics:
        while not writer.asked:  # noqa: ASYNC110  # the double has no event for it
            await asyncio.sleep(0.01)
        await door.happens(says(len(door.log) + 1, "转人工"))
        transfer = await door.transfers.get()
        await writer.cancelled.wait()
    assert transfer.note.startswith("[button] ")
    assert metrics.counts["bot_dropped_total", "", "o"] == 1.0
    assert "x" not in door.done.values()


async def breaks(text: str) -> Found:
    raise LookupError(text)


async def test_an_error_that_nobody_expects_is_no_answer_and_not_silence() -> None:
    door = BotDoor(says(2, "退款"))
    async with working(door, breaks):
        transfer = await door.transfers.get()
    assert transfer.note.startswith("[bot_failed] ")


async def test_a_defect_costs_a_session_one_frame_and_the_bot_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    heard = conversation.heard

    def stumbles(talked: Talked, kind: str, text: str, ways: Ways) -> Heard:
        if text == "!":
            raise LookupError(text)
        return heard(talked, kind, text, ways)

    monkeypatch.setattr(conversation, "heard", stumbles)
    door = BotDoor(says(2, "!"), says(3, "退款"))
    async with working(door, knows):
        await door.said("bot-1-3-0")
    assert door.done["bot-1-3-0"] == "七天"
