"""A bot reads sessions and does each thing once, whatever happens to it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from actors.frames import Event, Message, Position, SessionFrame
from actors.messages import Body, Person
from bot import conversation
from bot.acts import Found, HandOff, Say, TakeMessage
from bot.conversation import Ways
from bot.decisions import Suggestion
from bot.handoff import Reason
from bot.knowledge import Answer
from serve.bot_talk import Ask, Deed, Hello, Talk

BOT = Person(id="b1", role="agent", kind="bot")
CUSTOMER = Person(id="c1", role="customer")
HUMAN = Person(id="a1", role="agent")
ANSWER = Found(band="answer", topic="t", question="怎么退款", answers=(Answer(text="七天内可退"),))
UNSURE = Found(band="clarify", suggestions=(Suggestion(topic="t", question="怎么退款"),))
Frame = Message | Event | SessionFrame | Position


def says(seq: int, text: str, person: Person = CUSTOMER, client_id: str = "") -> Message:
    body = Body(kind="text", text=text)
    return Message(
        session="1", seq=seq, id=str(seq), from_=person, at=0.0, client_id=client_id, body=body
    )


def event(seq: int, kind: str, agent: str = "", **more: Any) -> Event:
    return Event(session="1", seq=seq, id=str(seq), at=9.0, kind=kind, agent=agent, **more)


def aside(seq: int, kind: str, **more: Any) -> Event:
    return event(seq, kind, by=BOT, aside=True, **more)


def snapshot(seq: int, aside_seq: int = 0) -> SessionFrame:
    return SessionFrame(
        session="1",
        state="serving",
        customer=CUSTOMER,
        queue="bot",
        seq=seq,
        aside_seq=aside_seq,
        you="serving",
    )


def begun() -> Event:
    return event(1, "assigned", "b1")


class Reader:
    """Feeds a talk, answers its questions at once, and keeps what it does."""

    def __init__(self, found: Found | None = ANSWER, hot: tuple[Suggestion, ...] = ()) -> None:
        self.talk = Talk("b1", "1")
        self.found, self.hot = found, hot
        self.deeds: list[Deed] = []
        self.asked: list[Ask] = []

    def read(self, *frames: Frame) -> Reader:
        for frame in frames:
            match frame:
                case SessionFrame():
                    self.talk.snapshot(frame)
                case Message():
                    self.talk.message(frame)
                case Event():
                    self.talk.event(frame)
                case Position():
                    self.talk.place(frame)
            self.go_on()
        return self

    def go_on(self) -> None:
        while (step := self.talk.step()) is not None:
            match step:
                case Hello():
                    assert self.talk.greeted(step, None, self.hot)
                case Ask():
                    self.asked.append(step)
                    assert self.talk.answered(step, self.found)
                case _:
                    self.deeds += step

    @property
    def ids(self) -> list[str]:
        return [deed.client_id for deed in self.deeds]

    @property
    def texts(self) -> list[str]:
        return [deed.act.reply.text for deed in self.deeds if isinstance(deed.act, Say)]

    @property
    def reasons(self) -> list[str]:
        return [deed.act.reason for deed in self.deeds if isinstance(deed.act, HandOff)]

    def journal(self, first_seq: int) -> list[Message]:
        """What it said, as the session would show it."""
        said = [deed for deed in self.deeds if isinstance(deed.act, Say)]
        return [
            msgspec.structs.replace(
                says(first_seq + n, "", BOT, deed.client_id),
                body=Body(
                    kind="card" if deed.act.reply.buttons else "text",
                    text=deed.act.reply.text,
                    buttons=list(deed.act.reply.buttons),
                ),
            )
            for n, deed in enumerate(said)
        ]


def test_two_sessions_never_share_the_id_of_a_command() -> None:
    elsewhere = Talk("b1", "2")
    elsewhere.event(msgspec.structs.replace(begun(), session="2"))
    hello = elsewhere.step()
    assert isinstance(hello, Hello)
    elsewhere.greeted(hello, None, ())
    deeds = elsewhere.step()
    assert isinstance(deeds, list)
    assert not {deed.client_id for deed in deeds} & set(Reader().read(begun()).ids)


def test_what_was_asked_while_waiting_is_answered_after_the_greeting() -> None:
    reader = Reader().read(
        event(1, "opened"), says(2, "how to return?"), event(3, "assigned", "b1")
    )
    assert reader.ids == ["bot-1-3-0", "bot-1-2-0"]
    assert "assistant" in reader.texts[0]


def test_a_bot_that_reads_again_repeats_only_what_is_missing_and_under_the_same_ids() -> None:
    story: list[Frame] = [begun(), says(2, "退款"), says(3, "发票")]
    first = Reader().read(*story)
    assert first.ids == ["bot-1-1-0", "bot-1-2-0", "bot-1-3-0"]

    again = Reader()
    again.read(snapshot(5), *story, *first.journal(4)[:2])
    assert again.ids == ["bot-1-3-0"]
    assert [ask.seq for ask in again.asked] == [3]


def test_the_journal_gives_back_misses_and_the_last_card() -> None:
    live = Reader(Found(band="fallback")).read(begun(), says(2, "弦论"))
    again = Reader(Found(band="fallback"))
    again.read(snapshot(4), begun(), says(2, "弦论"), *live.journal(3))
    assert again.talk.talked.misses == 1
    assert again.read(says(5, "量子")).reasons == ["misses"]

    asked = Reader(UNSURE).read(begun(), says(2, "退"))
    again = Reader().read(snapshot(4), begun(), says(2, "退"), *asked.journal(3), says(5, "1"))
    assert again.asked[-1].text == "怎么退款"


def test_a_hand_off_that_was_announced_and_not_made_is_made_up_for() -> None:
    live = Reader().read(begun(), says(2, "我要人工"))
    assert live.ids[-1] == "bot-1-2-h"
    journal = live.journal(3)
    again = Reader().read(snapshot(4), begun(), says(2, "我要人工"), *journal)
    assert again.ids == ["bot-1-2-h"]
    assert again.reasons == ["asked"]

    asked = aside(1, "transfer_asked", client_id="bot-1-2-h", queue="human")
    done = Reader().read(snapshot(4, 1), begun(), says(2, "我要人工"), *journal, asked)
    assert done.ids == []
    assert done.talk.talked.waiting


def test_a_bot_does_not_speak_of_the_past_or_into_somebody_elses_session() -> None:
    reader = Reader().read(
        snapshot(6),
        begun(),
        says(2, "转人工"),
        event(3, "transferred", queue="human"),
        event(4, "assigned", "a1"),
        says(5, "退款"),
        says(6, "好的", HUMAN),
        says(7, "发票"),
    )
    assert reader.ids == []
    assert reader.talk.human


@pytest.mark.parametrize("reason", ["nobody_on_duty", "queue_timeout"])
def test_a_hand_off_that_comes_to_nothing_is_said_and_a_message_taken(reason: str) -> None:
    reader = Reader(Found(band="fallback")).read(
        begun(),
        says(2, "转人工"),
        aside(1, "transfer_asked", client_id="bot-1-2-h", queue="human"),
        aside(2, "transfer_failed", queue="human", reason=reason),
    )
    assert reader.ids[-1] == "bot-1-a2-0"
    assert "留言" in reader.texts[-1]
    reader.read(says(5, "请回电 138"))
    kept = [deed.act for deed in reader.deeds if isinstance(deed.act, TakeMessage)]
    assert kept == [TakeMessage("客户留言: 请回电 138", "请回电 138", reason)]


def test_a_hand_off_that_nobody_took_is_explained_instead_of_greeted() -> None:
    reader = Reader().read(begun(), says(2, "转人工"), event(3, "transferred", queue="human"))
    n = len(reader.deeds)
    failed = aside(1, "transfer_failed", queue="human", reason="queue_full")
    reader.read(snapshot(4, 1), event(4, "assigned", "b1"), failed)
    [deed] = reader.deeds[n:]
    assert isinstance(deed.act, Say)
    assert "排队已满" in deed.act.reply.text


def test_an_answer_for_an_earlier_time_of_serving_is_dropped() -> None:
    reader = Reader().read(begun())
    reader.talk.message(says(2, "退款"))
    ask = reader.talk.step()
    assert isinstance(ask, Ask)
    reader.talk.event(event(3, "agent_lost", "b1"))
    reader.talk.event(event(4, "assigned", "b1"))
    assert not reader.talk.answered(ask, ANSWER)
    assert not reader.talk.written(ask, "x", ())
    assert not any("七天" in text for text in reader.texts)


def test_one_question_at_a_time_and_all_are_answered_in_order() -> None:
    talk = Reader().read(begun()).talk
    talk.message(says(2, "一"))
    talk.message(says(3, "两"))
    first = talk.step()
    assert isinstance(first, Ask)
    assert talk.step() is None
    talk.answered(first, ANSWER)
    assert [deed.client_id for deed in talk.step() or ()] == ["bot-1-2-0"]
    second = talk.step()
    assert isinstance(second, Ask)
    assert second.seq == 3


def test_a_failed_model_hands_off() -> None:
    assert Reader(None).read(begun(), says(2, "退款")).reasons == ["bot_failed"]


def test_the_place_in_the_line_is_said_once() -> None:
    reader = Reader().read(begun(), says(2, "转人工"))
    line = Position(session="1", queue="human", position=3, eta_s=60.0)
    reader.read(line, msgspec.structs.replace(line, position=2))
    assert [text for text in reader.texts if "前面还有" in text] == [
        "您前面还有 2 位。等待时可以继续问我，人工客服接入后会自动转接。"
    ]


def test_a_low_rating_while_serving_hands_off() -> None:
    reader = Reader().read(begun(), event(2, "rated", score=1))
    assert reader.reasons == ["low_rating"]


def asking(*frames: Frame) -> tuple[Reader, Ask]:
    """A talk whose question about refunds is out, after these frames."""
    reader = Reader(UNSURE).read(begun(), *frames)
    reader.talk.message(says(20, "退款"))
    ask = reader.talk.step()
    assert isinstance(ask, Ask)
    return reader, ask


@pytest.mark.parametrize("text", ["转人工", "我要人工客服", "你们太差了"])
def test_who_calls_for_a_human_does_not_wait_for_the_answer_that_is_looked_for(text: str) -> None:
    reader, ask = asking()
    reader.talk.message(says(21, "发票"))
    assert reader.talk.step() is None
    reader.talk.message(says(22, text))
    reader.go_on()
    assert reader.ids[-1] == "bot-1-22-h"
    assert reader.asked == []
    assert [line for who, line in reader.talk.talked.lines if who == "customer"] == [
        "退款",
        "发票",
        text,
    ]
    assert not reader.talk.answered(ask, ANSWER)
    assert not reader.talk.written(ask, "x", ())


def test_who_is_in_line_already_does_not_lose_an_answer_by_asking_for_a_human() -> None:
    reader, ask = asking(says(2, "转人工"))
    reader.talk.message(says(21, "转人工"))
    assert reader.talk.step() is None
    assert reader.talk.answered(ask, ANSWER)


def test_a_question_before_a_call_for_a_human_is_not_asked_first() -> None:
    reader = Reader().read(
        event(1, "opened"), says(2, "退款"), says(3, "转人工"), event(4, "assigned", "b1")
    )
    assert reader.asked == []
    assert reader.ids == ["bot-1-4-0", "bot-1-3-0", "bot-1-3-h"]

    journal = reader.journal(5)
    asked = aside(1, "transfer_asked", client_id="bot-1-3-h", queue="human")
    past: list[Frame] = [
        event(1, "opened"),
        says(2, "退款"),
        says(3, "转人工"),
        event(4, "assigned", "b1"),
    ]
    again = Reader().read(snapshot(6, 1), *past, *journal, asked)
    assert (again.ids, again.asked) == ([], [])


def test_any_number_of_ratings_is_one_step() -> None:
    reader, ask = asking()
    for seq in range(100, 3_000):
        reader.talk.event(event(seq, "rated", score=5))
    assert len(reader.talk.todo) == 1
    reader.talk.event(event(3_000, "rated", score=2))
    assert reader.talk.answered(ask, ANSWER)
    reader.go_on()
    assert reader.reasons == ["low_rating"]


def test_what_waits_without_acts_is_no_recursion() -> None:
    talk = Reader().read(begun()).talk
    talk.todo.extend((str(seq), event(seq, "rated", score=5)) for seq in range(2, 3_000))
    assert talk.step() is None
    assert not talk.todo


def test_a_rating_after_the_end_calls_nobody() -> None:
    story: list[Frame] = [begun(), says(2, "退款"), says(3, "发票")]
    reader = Reader().read(*story, event(7, "wrap_up"), event(8, "rated", score=1))
    assert reader.reasons == []


def test_only_the_question_that_planned_a_hand_off_led_to_it() -> None:
    reader, ask = asking()
    assert reader.talk.answered(ask, None)
    assert reader.talk.leads_to_human(ask) == "bot_failed"
    reader.go_on()
    reader.talk.message(says(21, "退款"))
    later = reader.talk.step()
    assert isinstance(later, Ask)
    assert reader.talk.answered(later, ANSWER)
    assert reader.talk.leads_to_human(later) == ""


def test_words_are_searched_for_a_call_once_however_many_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    searched: list[str] = []
    reason_in = conversation.reason_in

    def counted(kind: str, text: str, ways: Ways) -> Reason | None:
        searched.append(text)
        return reason_in(kind, text, ways)

    monkeypatch.setattr(conversation, "reason_in", counted)
    reader = Reader(UNSURE).read(begun(), *(says(seq, f"退款 {seq}") for seq in range(2, 102)))
    assert len(reader.asked) == 100
    assert len(searched) <= 2 * 100, "once as it waits, once as it is heard"
    assert not reader.talk.calls
