"""The model's process: versions swapped whole, batches, what travels."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from bot.answering import Understanding
from bot.knowledge import Answer, Base, Topic, Version
from bot.published import BaseSettings, Candidate, Published
from serve.bot_model import BotModel, Served
from serve.bot_ports import (
    Answered,
    AssistAsked,
    AssistTold,
    HelloAsked,
    HelloTold,
    Question,
    TypedAsked,
    TypedTold,
    encoded,
)

REFUND = Topic(
    id="refund",
    question="怎么退款",
    similar=("如何申请退款", "how do I get a refund"),
    answers=(Answer(text="七天内可退"), Answer(text="先核对订单", audience="agent")),
    related=("ship",),
    hot=1,
)
SHIP = Topic(
    id="ship", question="多久发货", similar=("什么时候发货",), answers=(Answer(text="一天内发货"),)
)


def published(*topics: Topic, number: int = 1, generation: int = 1, **more: Any) -> Published:
    base = Base(id="faq", name="faq", org="o", topics=topics)
    version = Version(number=number, base=base, at=0.0)
    return Published(org="o", generation=generation, version=version, **more)


class Learner:
    """Learns in this thread, when let."""

    def __init__(self) -> None:
        self.learned: list[int] = []
        self.may = asyncio.Event()
        self.may.set()

    async def __call__(self, org: str, stored: Version) -> Understanding:
        await self.may.wait()
        self.learned.append(stored.number)
        return Understanding.learn(stored.base, version=stored.number)


async def settled(model: BotModel) -> None:
    while model._swaps:
        await asyncio.gather(*model._swaps)


async def ask(model: BotModel, text: str, session: str = "1", **more: Any) -> Answered:
    question = Question(org="o", bot="b", session=session, text=text, **more)
    return msgspec.msgpack.decode(await model.answer(encoded(question)), type=Answered)


@pytest.fixture
async def model() -> BotModel:
    made = BotModel(Learner())
    made.changed(published(REFUND, SHIP))
    await settled(made)
    return made


async def test_an_answer_brings_its_texts_and_related_questions(model: BotModel) -> None:
    found = (await ask(model, "怎么退款")).found
    assert (found.band, found.topic, found.base, found.version) == ("answer", "refund", "faq", 1)
    assert [answer.text for answer in found.answers] == ["七天内可退"]
    assert [one.topic for one in found.related] == ["ship"]


async def test_an_organisation_without_a_base_gets_a_fallback(model: BotModel) -> None:
    question = Question(org="other", bot="b", session="1", text="怎么退款")
    told = msgspec.msgpack.decode(await model.answer(encoded(question)), type=Answered)
    assert told.found.band == "fallback"


async def test_questions_that_come_together_are_answered_together_each_its_own() -> None:
    learner = Learner()
    model = BotModel(learner)
    model.changed(published(REFUND, SHIP))
    await settled(model)
    texts = ["怎么退款", "多久发货", "", "怎么退款"] * 30
    told = await asyncio.gather(*(ask(model, text) for text in texts))
    assert [one.found.topic for one in told] == ["refund", "ship", "", "refund"] * 30


async def test_the_old_version_answers_until_the_new_one_is_learned_whole() -> None:
    learner = Learner()
    model = BotModel(learner)
    model.changed(published(REFUND))
    await settled(model)
    learner.may.clear()
    changed = msgspec.structs.replace(REFUND, answers=(Answer(text="三十天"),))
    model.changed(published(changed, number=2, generation=2))
    assert (await ask(model, "怎么退款")).found.answers[0].text == "七天内可退"
    learner.may.set()
    await settled(model)
    assert (await ask(model, "怎么退款")).found.answers[0].text == "三十天"


async def test_a_version_overtaken_while_it_was_learned_is_not_served() -> None:
    learner = Learner()
    model = BotModel(learner)
    learner.may.clear()
    model.changed(published(REFUND, number=1, generation=1))
    model.changed(published(SHIP, number=2, generation=2))
    learner.may.set()
    await settled(model)
    assert model.versions("o") == {"faq": 2}


async def test_a_trial_that_cannot_be_learned_holds_no_version_up() -> None:
    class Fails(Learner):
        async def __call__(self, org: str, stored: Version) -> Understanding:
            if stored.number == 3:
                raise MemoryError
            return await super().__call__(org, stored)

    model = BotModel(Fails())
    trial = Candidate(version=published(SHIP, number=3).version, stage="tenth")
    model.changed(published(REFUND, SHIP, number=2, candidate=trial))
    await settled(model)
    assert model.versions("o") == {"faq": 2}
    assert (await ask(model, "怎么退款")).found.topic == "refund"


async def test_new_settings_alone_learn_nothing_again() -> None:
    learner = Learner()
    model = BotModel(learner)
    model.changed(published(REFUND))
    await settled(model)
    model.changed(published(REFUND, generation=2, settings=BaseSettings(handoff={"misses": 5})))
    await settled(model)
    assert learner.learned == [1]
    told = await model.hello(encoded(HelloAsked(org="o", bot="b")))
    assert msgspec.msgpack.decode(told, type=HelloTold).handoff == {"misses": 5}


async def test_a_base_taken_back_answers_no_more(model: BotModel) -> None:
    model.changed(published(number=0, generation=2))
    assert (await ask(model, "怎么退款")).found.band == "fallback"


async def test_a_base_that_cannot_be_learned_leaves_the_old_one() -> None:
    async def learn(org: str, stored: Version) -> Understanding:
        if stored.number == 2:
            raise ValueError("broken")
        return Understanding.learn(stored.base, version=stored.number)

    model = BotModel(learn)
    model.changed(published(REFUND))
    await settled(model)
    model.changed(published(REFUND, number=2, generation=2))
    await settled(model)
    assert model.versions("o") == {"faq": 1}


async def test_a_version_on_trial_answers_unseen_or_every_tenth_session() -> None:
    other = Base(id="faq", name="faq", topics=(msgspec.structs.replace(REFUND, id="new"),))
    trial = Candidate(version=Version(number=2, base=other, at=0.0), stage="shadow")
    model = BotModel(Learner())
    model.changed(published(REFUND, candidate=trial))
    await settled(model)
    told = await ask(model, "怎么退款")
    assert (told.found.topic, told.shadow_topic, told.shadow_probability) == ("refund", "new", 1.0)

    tenth = msgspec.structs.replace(trial, stage="tenth")
    model.changed(published(REFUND, generation=2, candidate=tenth))
    await settled(model)
    topics = [(await ask(model, "怎么退款", str(n))).found.topic for n in range(300)]
    assert 10 <= topics.count("new") <= 60
    assert topics == [(await ask(model, "怎么退款", str(n))).found.topic for n in range(300)]


def test_every_trial_gets_a_tenth_of_the_sessions_and_each_another_one() -> None:
    live = Understanding.learn(Base(id="faq", name="faq", topics=(REFUND,)), version=1)
    sessions = [str(7_000_000 + n) for n in range(5_000)]

    def tenth(base: str, number: int) -> set[str]:
        trial = Understanding(live.catalogue, live.model, live.thresholds, version=number)
        served = Served(base, BaseSettings(), live, trial, "tenth")
        return {session for session in sessions if served.of(session) is trial}

    trials = [tenth("faq", 2), tenth("faq", 3), tenth("other", 2)]
    assert trials[0] == tenth("faq", 2)
    for at, one in enumerate(trials):
        assert 400 <= len(one) <= 600
        for other in trials[at + 1 :]:
            assert len(one & other) <= 90  # chance alone gives 50


async def test_hello_and_typing_ahead(model: BotModel) -> None:
    told = await model.hello(encoded(HelloAsked(org="o", bot="b")))
    assert [one.topic for one in msgspec.msgpack.decode(told, type=HelloTold).hot] == ["refund"]
    typed = await model.typed(encoded(TypedAsked(org="o", text="多久")))
    assert msgspec.msgpack.decode(typed, type=TypedTold).suggestions[0].topic == "ship"
    typed = await model.typed(encoded(TypedAsked(org="none", text="多久")))
    assert msgspec.msgpack.decode(typed, type=TypedTold) == TypedTold(known=False)


async def test_agents_see_what_is_for_them_alone_and_who_has_no_base_is_named(
    model: BotModel,
) -> None:
    asked = AssistAsked(questions=(("o", "怎么退款"), ("none", "怎么退款")))
    told = msgspec.msgpack.decode(await model.assist(encoded(asked)), type=AssistTold)
    first = told.topics[0][0]
    assert (first.topic, first.answer, first.inside) == ("refund", "七天内可退", "先核对订单")
    assert told.topics[1] == ()
    assert told.strangers == ("none",)


async def test_a_language_model_gets_what_the_base_says(model: BotModel) -> None:
    found = (await ask(model, "怎么退款", grounds=True)).found
    assert found.grounds[0].text == "七天内可退"
    assert (await ask(model, "怎么退款")).found.grounds == ()


async def test_a_bot_answers_from_the_base_that_names_it_else_from_everybodys() -> None:
    model = BotModel(Learner())
    model.changed(published(REFUND, settings=BaseSettings(bots=("robo",))))
    everybodys = Base(id="all", name="all", org="o", topics=(SHIP,))
    version = Version(number=1, base=everybodys, at=0.0)
    model.changed(Published(org="o", generation=1, version=version))
    await settled(model)

    async def base(bot: str, text: str) -> tuple[str, str]:
        question = Question(org="o", bot=bot, session="1", text=text)
        told = msgspec.msgpack.decode(await model.answer(encoded(question)), type=Answered)
        return told.found.base, told.found.band

    assert await base("robo", "怎么退款") == ("faq", "answer")
    assert (await base("robo", "多久发货"))[0] == "faq"
    assert await base("other", "多久发货") == ("all", "answer")
