"""The bot's side of a conversation, in both languages."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot import conversation as c
from bot.acts import Act, Found, HandOff, Reply, Say, TakeMessage
from bot.conversation import Talked, Ways
from bot.decisions import Suggestion
from bot.handoff import REASONS, HandoffRules
from bot.knowledge import Answer
from bot.texts import TEXTS, Texts

WAYS = Ways(HandoffRules(vip_from=3, intents=("fraud",)), Texts())
HOT = (
    Suggestion(topic="refund", question="怎么退款"),
    Suggestion(topic="ship", question="多久发货"),
)
NOTHING = Found(band="fallback")
REFUND = Found(
    band="answer",
    topic="refund",
    question="怎么退款",
    answers=(Answer(text="7 天内可退。"), Answer(kind="image", url="/a.png", text="图")),
    related=(Suggestion(topic="ship", question="多久发货"),),
)
UNSURE = Found(
    band="clarify",
    suggestions=tuple(Suggestion(topic=f"t{n}", question=f"问题{n}") for n in range(7)),
)


@dataclass
class Bot:
    """Drives the machine as its shell does, with a model that knows `knows`."""

    knows: dict[str, Found] = field(default_factory=dict)
    talked: Talked = field(default_factory=Talked)
    asked: list[str] = field(default_factory=list)

    def does(self, kind: str, text: str) -> list[Act]:
        told = c.heard(self.talked, kind, text, WAYS)
        self.talked, acts = told.talked, list(told.acts)
        if told.question:
            self.asked.append(told.question)
            found = self.knows.get(told.question, NOTHING)
            self.talked, more = c.understood(self.talked, found, WAYS)
            acts += more
        return acts

    def hears(self, text: str) -> list[Act]:
        return self.does("text", text)

    def then(self, step: c.Next) -> list[Act]:
        self.talked, acts = step
        return list(acts)


def texts(acts: list[Act]) -> list[str]:
    return [act.reply.text for act in acts if isinstance(act, Say)]


def buttons(acts: list[Act]) -> list[str]:
    return [b for act in acts if isinstance(act, Say) for b in act.reply.buttons]


def reasons(acts: list[Act]) -> list[str]:
    return [act.reason for act in acts if isinstance(act, HandOff)]


def test_hello_shows_hot_questions_and_always_a_button_for_a_person() -> None:
    bot = Bot()
    acts = bot.then(c.begin(bot.talked, HOT, WAYS))
    assert buttons(acts) == ["怎么退款", "多久发货", "转人工"]
    assert [one.topic for one in bot.talked.offered] == ["refund", "ship"]


def test_an_answer_comes_with_all_its_parts_and_related_questions() -> None:
    acts = Bot({"退钱": REFUND}).hears("退钱")
    assert [act.reply.kind for act in acts if isinstance(act, Say)] == ["text", "image", "card"]
    assert texts(acts)[0] == "7 天内可退。"
    assert buttons(acts) == ["多久发货", "转人工"]


@pytest.mark.parametrize(
    "said", ["2", "２", "第2个", "二", "第二个", "2.", "选2", "the second one", "no. 2", "问题1"]
)
def test_a_suggestion_is_picked_by_number_or_text_or_button(said: str) -> None:
    bot = Bot({"?": UNSURE, "问题1": REFUND})
    card = bot.hears("?")
    assert buttons(card) == ["问题0", "问题1", "问题2", "问题3", "问题4", "都不是", "转人工"]
    assert texts(bot.hears(said))[0] == "7 天内可退。"
    assert bot.asked == ["?", "问题1"]


def test_a_number_nobody_offered_is_a_question() -> None:
    bot = Bot({"?": UNSURE})
    bot.hears("9")
    bot.hears("?")
    bot.hears("8")
    assert bot.asked == ["9", "?", "8"]


def test_a_click_names_the_topic_it_took() -> None:
    bot = Bot({"?": UNSURE})
    bot.hears("?")
    assert c.heard(bot.talked, "text", "3", WAYS).clicked == "t2"


def test_nothing_found_says_so_and_the_second_miss_in_a_row_hands_off() -> None:
    bot = Bot({"退钱": REFUND})
    first = bot.hears("量子力学")
    assert buttons(first) == ["转人工"]
    assert reasons(first) == []
    bot.hears("退钱")
    assert reasons(bot.hears("弦论")) == []
    assert reasons(bot.hears("string theory")) == ["misses"]


def test_none_of_these_is_a_miss() -> None:
    bot = Bot({"?": UNSURE})
    bot.hears("?")
    assert reasons(bot.hears("都不是")) == []
    assert reasons(bot.hears("量子力学")) == ["misses"]


def test_asking_twice_in_a_row_which_one_is_meant_is_a_miss() -> None:
    bot = Bot({"?": UNSURE, "??": UNSURE, "???": UNSURE})
    assert reasons(bot.hears("?")) == []
    assert reasons(bot.hears("??")) == []
    assert reasons(bot.hears("???")) == ["misses"]


@pytest.mark.parametrize(
    ("text", "piece"),
    [("你好", "智能助手"), ("hello!", "assistant"), ("谢谢你", "不客气"), ("bye", "goodbye")],
)
def test_a_courtesy_is_answered_and_is_no_miss(text: str, piece: str) -> None:
    bot = Bot()
    for _ in range(3):
        assert piece in texts(bot.hears(text))[0]
    assert bot.talked.misses == 0


@pytest.mark.parametrize(
    ("kind", "text", "reason"),
    [
        ("text", "我要人工", "asked"),
        ("text", "转人工", "button"),
        ("text", "Talk to a person", "button"),
        ("text", "你们太差了", "mood"),
        ("text", "fuck you", "abuse"),
        ("image", "", "attachment"),
        ("file", "", "attachment"),
    ],
)
def test_a_hand_off_says_so_and_gives_its_reason_and_the_transcript(
    kind: str, text: str, reason: str
) -> None:
    bot = Bot()
    bot.hears("量子力学")
    acts = bot.does(kind, text)
    assert len(texts(acts)) == 1
    assert reasons(acts) == [reason]
    [note] = [act.note for act in acts if isinstance(act, HandOff)]
    assert note.startswith(f"[{reason}] ")
    assert "量子力学" in note


def test_a_vip_goes_to_a_human_at_hello() -> None:
    assert reasons(list(c.begin(Talked(vip=3), HOT, WAYS)[1])) == ["vip"]
    assert reasons(list(c.begin(Talked(vip=2), HOT, WAYS)[1])) == []


def test_a_chosen_topic_goes_to_a_human_instead_of_an_answer() -> None:
    fraud = msgspec.structs.replace(REFUND, topic="fraud")
    acts = Bot({"盗刷": fraud}).hears("盗刷")
    assert reasons(acts) == ["intent"]
    assert "7 天内可退。" not in texts(acts)


@pytest.mark.parametrize("text", ["ok", "好的", "thanks"])
def test_a_courtesy_is_not_the_message_that_is_left(text: str) -> None:
    bot = Bot()
    bot.hears("转人工")
    bot.then(c.refused(bot.talked, "nobody_on_duty", WAYS))
    assert not any(isinstance(act, TakeMessage) for act in bot.hears(text))
    assert bot.talked.leaving
    assert isinstance(bot.hears("请回电 138")[0], TakeMessage)


def test_a_topic_for_people_without_an_answer_is_never_met_with_silence() -> None:
    fraud = Found(band="answer", topic="fraud", question="盗刷")
    bot = Bot({"我被盗刷了": fraud})
    bot.hears("转人工")
    assert texts(bot.hears("我被盗刷了")) == [TEXTS["fallback"][0]]
    bot.then(c.refused(bot.talked, "nobody_on_duty", WAYS))
    kept, *_ = bot.hears("我被盗刷了")
    assert isinstance(kept, TakeMessage)
    assert kept.text == "我被盗刷了"


def test_a_low_rating_hands_off_and_a_good_one_does_not() -> None:
    assert reasons(list(c.rated(Talked(), 2, WAYS)[1])) == ["low_rating"]
    assert c.rated(Talked(), 3, WAYS)[1] == ()


def test_while_in_line_the_bot_goes_on_helping_and_does_not_hand_off_again() -> None:
    bot = Bot({"退钱": REFUND})
    bot.hears("转人工")
    assert bot.talked.waiting
    assert "前面还有 4 位" in texts(bot.then(c.placed(bot.talked, 5, WAYS)))[0]
    assert bot.then(c.placed(bot.talked, 3, WAYS)) == []
    assert texts(bot.hears("退钱"))[0] == "7 天内可退。"
    for text in ("量子力学", "弦论", "M 理论", "转人工", "你们太差了"):
        assert reasons(bot.hears(text)) == []


def test_an_editors_wording_may_hold_braces_of_any_kind() -> None:
    ways = Ways(HandoffRules(), Texts({"in_line.zh": "还有 {n} 位 {名字} {0} {"}))
    waiting = Talked(lang="zh", waiting=True)
    [said] = c.placed(waiting, 3, ways)[1]
    assert isinstance(said, Say)
    assert said.reply.text == "还有 2 位 {名字} {0} {"


@pytest.mark.parametrize(
    ("reason", "name"),
    [
        ("nobody_on_duty", "nobody_on_duty"),
        ("closed", "nobody_on_duty"),
        ("leave_message", "nobody_on_duty"),
        ("queue_full", "queue_full"),
        ("blacklisted", "blacklisted"),
        ("queue_timeout", "refused"),
    ],
)
def test_a_refused_hand_off_is_said_and_a_message_is_taken(reason: str, name: str) -> None:
    bot = Bot({"退钱": REFUND})
    bot.hears("转人工")
    said = texts(bot.then(c.refused(bot.talked, reason, WAYS)))
    assert said == [TEXTS[name][0]]
    assert texts(bot.hears("退钱"))[0] == "7 天内可退。"
    kept, thanks = bot.hears("我的订单 12345 没到，电话 138")
    assert isinstance(kept, TakeMessage)
    assert (kept.text, kept.reason) == ("我的订单 12345 没到，电话 138", reason)
    assert kept.note == f"客户留言: {kept.text}"
    assert texts([thanks]) == [TEXTS["message_taken"][0]]
    assert not bot.talked.leaving


def test_why_nobody_could_be_had_is_read_back_from_what_was_said() -> None:
    said = Reply(text=TEXTS["queue_full"][0])
    assert c.recall(Talked(), said, WAYS).refusal == "queue_full"
    assert c.recall(Talked(refusal="closed"), said, WAYS).refusal == "queue_full"
    nobody = Reply(text=TEXTS["nobody_on_duty"][0])
    assert c.recall(Talked(refusal="closed"), nobody, WAYS).refusal == "closed"


def test_who_asks_again_after_a_refusal_is_tried_again() -> None:
    bot = Bot()
    bot.hears("转人工")
    bot.then(c.refused(bot.talked, "nobody_on_duty", WAYS))
    assert reasons(bot.hears("转人工")) == ["button"]


def test_a_failed_model_hands_off_but_not_a_thank_you() -> None:
    bot = Bot()
    assert reasons(list(c.failed(c.heard(bot.talked, "text", "退款", WAYS).talked, WAYS)[1])) == [
        "bot_failed"
    ]
    assert reasons(list(c.failed(c.heard(bot.talked, "text", "谢谢", WAYS).talked, WAYS)[1])) == []


def test_a_written_answer_names_its_sources_and_ends_a_row_of_misses() -> None:
    talked, acts = c.written(Talked(lang="en", misses=1), "Seven days.", HOT[:1], WAYS)
    assert texts(list(acts)) == ["Seven days.\nSources: [1] 怎么退款"]
    assert talked.misses == 0


def test_a_base_may_use_its_own_wording() -> None:
    own = Ways(HandoffRules(), Texts({"greeting.zh": "您好呀", "human.zh": "叫小光"}))
    [act] = c.begin(Talked(), HOT, own)[1]
    assert isinstance(act, Say)
    assert act.reply.text.startswith("您好呀")
    assert reasons(list(c.heard(Talked(), "text", "叫小光", own).acts)) == ["button"]


@settings(deadline=None)  # the machine may be busy
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("text"), st.text(max_size=30)),
            st.tuples(
                st.sampled_from(["text", "image", "file", "card"]),
                st.sampled_from(
                    ["转人工", "退钱", "?", "2", "都不是", "hi", "你们太差了", "refund", ""]
                ),
            ),
            st.tuples(st.sampled_from(["refused", "placed", "failed", "rated"]), st.just("x")),
        ),
        max_size=20,
    )
)
def test_whatever_happens_each_word_is_answered_and_a_hand_off_is_never_doubled(
    happens: list[tuple[str, str]],
) -> None:
    bot = Bot({"退钱": REFUND, "?": UNSURE})
    waiting = False
    for kind, text in happens:
        match kind:
            case "refused" if waiting:
                acts = bot.then(c.refused(bot.talked, "nobody_on_duty", WAYS))
                waiting = False
            case "refused":
                continue
            case "placed":
                acts = bot.then(c.placed(bot.talked, 2, WAYS))
            case "failed":
                acts = bot.then(c.failed(bot.talked, WAYS))
            case "rated":
                acts = bot.then(c.rated(bot.talked, 1, WAYS))
            case _:
                acts = bot.does(kind, text)
                assert any(isinstance(act, Say) for act in acts)
        assert len(reasons(acts)) <= (0 if waiting else 1)
        waiting = waiting or bool(reasons(acts))
        assert bot.talked.waiting == waiting
        assert set(reasons(acts)) <= set(REASONS)
        for act in acts:
            if isinstance(act, Say):
                assert len(act.reply.buttons) <= c.BUTTONS_N
                assert act.reply.text or act.reply.title or act.reply.url


@settings(deadline=None)  # the machine may be busy
@given(st.lists(st.sampled_from(["退钱", "?", "量子", "2", "hi", "weird thing"]), max_size=8))
def test_what_a_bot_reads_back_is_what_it_knew(said: list[str]) -> None:
    """After a restart the journal gives back misses, the last card and the language."""
    bot = Bot({"退钱": REFUND, "?": UNSURE})
    journal: list[tuple[str, Reply]] = []
    for text in said:
        journal.append((text, Reply()))
        acts = bot.hears(text)
        journal += [("", act.reply) for act in acts if isinstance(act, Say)]
        if bot.talked.waiting:
            return
    again = Talked()
    for text, reply in journal:
        again = c.heard(again, "text", text, WAYS).talked if text else c.recall(again, reply, WAYS)
    assert [one.question for one in again.offered] == [o.question for o in bot.talked.offered]
    assert (again.misses, again.clarified, again.lang) == (
        bot.talked.misses,
        bot.talked.clarified,
        bot.talked.lang,
    )
