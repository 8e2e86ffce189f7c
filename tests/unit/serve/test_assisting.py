"""Suggestions come beside the conversation: the newest question only, and never late."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from actors.frames import Assist, AssistTopic, Message, Suggested, encode_frame
from actors.messages import Body, Person
from bot.decisions import Suggestion
from bot.outcomes import QuestionOutcome
from infra.metrics import PlainMetrics
from serve.bot_line import BotLine
from serve.bot_ports import AssistAsked, AssistTold, ModelError, TypedAsked, TypedTold, encoded
from serve.gateway.assisting import AWAY_S, LATE_S, Assisting

TOPIC = AssistTopic(topic="refund", question="退款？", answer="七天")
ANN = Person(id="ann", role="agent")
TOM = Person(id="tom", role="customer")


class Socket:
    """As much of a connection as suggestions need."""

    def __init__(self, org: str = "o", sessions: tuple[str, ...] = ("7",)) -> None:
        self.number = id(self)
        self.identity = type("I", (), {"org": org})
        self.person = ANN
        self.wanted = frozenset(sessions)
        self.attached = dict.fromkeys(sessions, False)
        self.is_open = True
        self.got: list[Assist | Suggested] = []

    def push(self, data: bytes) -> bool:
        self.got.append(msgspec.json.decode(data, type=Assist | Suggested))
        return True


class House:
    """The model, a clock, and what comes of it."""

    def __init__(self) -> None:
        self.asked: list[tuple[tuple[str, str], ...]] = []
        self.typed: list[str] = []
        self.may = asyncio.Event()
        self.may.set()
        self.now = 100.0
        self.fails = False
        self.metrics = PlainMetrics()
        self.outcomes: list[Any] = []
        self.full = False
        line = BotLine(self, self.metrics, deadline_s=5.0)
        self.assisting = Assisting(line, self.metrics, self, clock=lambda: self.now)

    async def __call__(self, method: str, request: bytes) -> bytes:
        await self.may.wait()
        if self.fails:
            raise ModelError("down")
        if method == "typed":
            asked = msgspec.msgpack.decode(request, type=TypedAsked)
            self.typed.append(asked.text)
            known = asked.org == "o"
            suggestion = Suggestion(topic="refund", question="退款？")
            return encoded(TypedTold(suggestions=(suggestion,), known=known))
        questions = msgspec.msgpack.decode(request, type=AssistAsked).questions
        self.asked.append(questions)
        strangers = tuple(org for org, _ in questions if org != "o")
        topics = tuple((TOPIC,) if org == "o" else () for org, _ in questions)
        return encoded(AssistTold(topics=topics, strangers=strangers))

    def put(self, outcome: Any) -> bool:
        self.outcomes.append(outcome)
        return not self.full

    def counted(self, what: str, org: str = "o") -> float:
        return self.metrics.counts.get(("assist_total", what, org), 0.0)


@pytest.fixture
async def house() -> AsyncIterator[House]:
    made = House()
    running = asyncio.create_task(made.assisting.run())
    yield made
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def message(seq: int, text: str, person: Person = TOM, session: str = "7") -> bytes:
    body = Body(kind="text", text=text)
    return encode_frame(
        Message(session=session, seq=seq, id=str(seq), from_=person, at=0.0, body=body)
    )


async def settle() -> None:
    """Let the task run to where it waits."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_a_customers_message_brings_suggestions_to_the_agent_who_serves(house: House) -> None:
    ann: Any = Socket()
    house.assisting.saw(ann, "7", message(3, "我想退款"))
    await settle()
    assert ann.got == [Assist(session="7", seq=3, topics=[TOPIC])]
    assert house.counted("shown") == 1.0


async def test_only_the_newest_message_of_a_session_is_asked_about(house: House) -> None:
    ann: Any = Socket()
    for seq, text in enumerate(["a", "b", "c"], start=1):
        house.assisting.saw(ann, "7", message(seq, text))
    await settle()
    assert house.asked == [(("o", "c"),)]
    assert [frame.seq for frame in ann.got] == [3]


async def test_an_agents_own_words_need_no_suggestion_and_take_back_a_wanted_one(
    house: House,
) -> None:
    ann: Any = Socket()
    house.assisting.saw(ann, "7", message(1, "我想退款"))
    house.assisting.saw(ann, "7", message(2, "好的", ANN))
    await settle()
    assert (house.asked, ann.got) == ([], [])


async def test_whoever_only_watches_gets_none(house: House) -> None:
    lea: Any = Socket(sessions=())
    house.assisting.saw(lea, "7", message(1, "我想退款"))
    await settle()
    assert house.asked == []


@pytest.mark.parametrize("how", ["late", "left", "overtaken"])
async def test_what_comes_too_late_is_dropped(house: House, how: str) -> None:
    ann: Any = Socket()
    house.may.clear()
    house.assisting.saw(ann, "7", message(1, "我想退款"))
    await settle()
    match how:
        case "late":
            house.now += LATE_S + 0.1
        case "left":
            ann.attached.clear()
        case _:
            house.assisting.saw(ann, "7", message(2, "好的", ANN))
    house.may.set()
    await settle()
    assert ann.got == []
    assert house.counted("late") == 1.0


async def test_a_model_that_fails_costs_suggestions_and_is_left_alone_for_a_while(
    house: House,
) -> None:
    ann: Any = Socket()
    house.fails = True
    house.assisting.saw(ann, "7", message(1, "退款"))
    await settle()
    house.fails = False
    house.assisting.saw(ann, "7", message(2, "退款"))
    await settle()
    assert ann.got == []
    house.now += AWAY_S + 0.01
    house.assisting.saw(ann, "7", message(3, "退款"))
    await settle()
    assert [frame.seq for frame in ann.got] == [3]


async def test_an_organisation_without_a_base_is_left_in_peace_for_a_while(house: House) -> None:
    other: Any = Socket("none")
    house.assisting.saw(other, "7", message(1, "退款"))
    await settle()
    house.assisting.saw(other, "7", message(2, "退款"))
    house.assisting.typed(other, "退")
    await settle()
    assert len(house.asked) == 1
    assert house.typed == []
    house.now += 60
    house.assisting.saw(other, "7", message(3, "退款"))
    await settle()
    assert len(house.asked) == 2


async def test_a_customer_who_types_gets_questions_for_the_newest_text(house: House) -> None:
    tom: Any = Socket()
    house.assisting.typed(tom, "re")
    house.assisting.typed(tom, "refu")
    await settle()
    assert house.typed == ["refu"]
    [frame] = tom.got
    assert (frame.text, [one.topic for one in frame.topics]) == ("refu", ["refund"])


async def test_what_an_agent_used_is_told_to_the_learning_loop(house: House) -> None:
    house.assisting.used(Socket(), "7", 3, "refund")  # type: ignore[arg-type]
    assert house.outcomes == [QuestionOutcome(org="o", id="7:3", used="refund")]
    assert ("outcomes_dropped_total", "", "o") not in house.metrics.counts
    house.full = True
    house.assisting.used(Socket(), "7", 4, "refund")  # type: ignore[arg-type]
    assert house.metrics.counts["outcomes_dropped_total", "", "o"] == 1


async def test_who_is_not_in_a_session_teaches_nothing_about_it(house: House) -> None:
    house.assisting.used(Socket(), "8", 3, "refund")  # type: ignore[arg-type]
    assert house.outcomes == []
    assert house.counted("used") == 0.0
