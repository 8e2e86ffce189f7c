from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.scripted import FAQ, Answer, BotAct, BotState, HandOff, greet, reply, stay


def talk(*texts: str) -> list[BotAct]:
    """Return what the bot does after the last of the texts."""
    state, acts = greet()
    for text in texts:
        state, acts = reply(state, text)
    return acts


def test_the_greeting_speaks_the_language_it_is_asked_for() -> None:
    assert "机器人" in str(greet("zh")[1])
    assert "robot" in str(greet("en")[1])


@pytest.mark.parametrize(
    ("question", "piece"),
    [
        ("你们几点上班？", "9:00"),
        ("我想退款", "7 天"),
        ("快递到哪了", "物流进度"),
        ("怎么开发票", "电子发票"),
        ("登不上了，密码忘了", "忘记密码"),
        ("What are your opening hours?", "9:00 to 21:00"),
        ("I want a REFUND", "7 days"),
        ("Where is my parcel?", "My orders"),
        ("Can I have an invoice", "invoice"),
        ("I cannot log in", "Forgot password"),
    ],
)
def test_a_question_it_knows_is_answered_in_its_language(question: str, piece: str) -> None:
    [answer] = talk(question)
    assert isinstance(answer, Answer)
    assert piece in answer.text


@pytest.mark.parametrize(
    "text", ["转人工", "我要人工客服！", "找真人", "human please", "Get me an AGENT", "real person"]
)
def test_who_asks_for_a_person_is_handed_off_at_once(text: str) -> None:
    said, hand_off = talk(text)
    assert isinstance(said, Answer)
    assert isinstance(hand_off, HandOff)
    assert hand_off.reason == "asked"
    assert text in hand_off.note


def test_an_english_word_inside_another_is_not_that_word() -> None:
    [answer] = talk("my reagent is inhuman")
    assert isinstance(answer, Answer)


def test_two_misses_in_a_row_hand_off_and_an_answer_between_them_does_not() -> None:
    first = talk("量子力学")
    assert [type(act) for act in first] == [Answer]
    second = talk("量子力学", "弦论")
    assert [type(act) for act in second] == [Answer, HandOff]
    between = talk("量子力学", "退款", "弦论")
    assert [type(act) for act in between] == [Answer]


def test_after_the_hand_off_the_bot_is_silent_until_it_is_refused() -> None:
    state, _ = reply(BotState(), "转人工")
    assert reply(state, "退款")[1] == []
    state, acts = stay(state)
    assert [type(act) for act in acts] == [Answer]
    assert reply(state, "退款")[1] != []


@given(st.text(max_size=60), st.sampled_from(["zh", "en"]), st.integers(0, 1))
def test_any_text_gets_an_answer_and_always_the_same(text: str, lang: str, misses: int) -> None:
    state = BotState(lang="zh" if lang == "zh" else "en", misses=misses)
    once, twice = reply(state, text), reply(state, text)
    assert once == twice
    assert once[1]
    assert isinstance(once[1][0], Answer)


def test_every_entry_has_both_languages_and_words_of_both() -> None:
    for entry in FAQ:
        assert entry.zh
        assert entry.en
        assert any(word.isascii() for word in entry.words)
        assert any(not word.isascii() for word in entry.words)
