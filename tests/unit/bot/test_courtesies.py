"""Greetings, thanks and goodbyes in both languages; what only begins like one is a question."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.normalise import normalise
from bot.texts import TEXTS, Texts, courtesy_of

SAID = {
    "greeting": (
        "你好 您好！ 妳好 請問在嗎 在么 在？ 在不在 有人在吗 早 早安 下午好 嗨～ 哈囉 喂 亲在吗 "
        "你好，在吗 你好你好 hi你好 hello Hi! hey good\u00a0morning ＨＥＬＬＯ"
    ),
    "thanks": (
        "谢谢 謝謝您 好的谢谢 好的，谢谢！ 非常感谢 太感谢了 嗯嗯 好哒 收到 知道了谢谢 明白了 "
        "辛苦了 3Q thanks thx okay ok,thanks"
    ),
    "bye": (
        "再见 再會 拜拜 掰掰 88 没有了 没事了谢谢 不用了谢谢 没有其他问题了 就这样吧 晚安 bye "
        "goodbye 谢谢，再见"
    ),
}
QUESTIONS = (
    "你好退款", "在哪里", "早餐券怎么用", "谢谢你帮我退款", "好的我要退款", "好评返现",
    "可以退吗", "没有收到货", "没有发票", "88元的套餐", "晚安枕头", "再见面膜", "hello kitty",
    "okay but where is it", "", "!!!", "？", "😀",
)  # fmt: skip


@pytest.mark.parametrize(
    ("name", "text"), [(name, text) for name, some in SAID.items() for text in some.split(" ")]
)
def test_a_courtesy_is_known_in_every_script_and_width(name: str, text: str) -> None:
    assert courtesy_of(normalise(text)) == name


@pytest.mark.parametrize("text", QUESTIONS)
def test_what_only_begins_like_a_courtesy_is_none(text: str) -> None:
    assert courtesy_of(normalise(text)) == ""


@settings(deadline=None)  # the machine may be busy
@given(st.text("你好在吗早嗯谢没有了bye8 ,，", max_size=300))
def test_long_rows_of_courtesies_cost_nothing(text: str) -> None:
    assert courtesy_of(normalise(text)) in ("", *SAID)


@pytest.mark.parametrize(
    ("text", "declines"),
    [
        ("都不是", True),
        ("都不是。", True),
        ("都不對", True),
        ("没有我要问的", True),
        ("None of these!", True),
        ("neither", True),
        ("不是", False),
        ("这些都不是退款的步骤", False),
        ("", False),
    ],
)
def test_none_of_these_may_be_said_in_other_words(text: str, *, declines: bool) -> None:
    assert Texts().is_none_of_these(text) == declines
    own = Texts({"none_of_these.zh": "都不沾边"})
    assert own.is_none_of_these("都不沾边！")


def test_every_text_is_there_in_both_languages_with_the_same_places() -> None:
    for name, (chinese, english) in TEXTS.items():
        assert any("\u4e00" <= c <= "\u9fff" for c in chinese), name
        assert english.isprintable(), name
        assert not any("\u4e00" <= c <= "\u9fff" for c in english), name
        assert ("{n}" in chinese) == ("{n}" in english), name
