"""A small Chinese base, six wordings a topic: found in every spelling, strangers left alone."""

import pytest

from bot.answering import Understanding
from tests.support.chinese_shop import ASKED, STRANGE, learned_shop

NOW = 1_800_000_000.0


@pytest.fixture(scope="module")
def shop() -> Understanding:
    return learned_shop()


def test_nine_of_ten_new_questions_find_their_topic(shop):
    found = shop.answer_many([text for text, _ in ASKED], now=NOW)
    right = [one.topic == topic for one, (_, topic) in zip(found, ASKED, strict=True)]
    assert sum(right) >= 0.9 * len(ASKED)


def test_what_is_answered_at_once_is_right(shop):
    found = shop.answer_many([text for text, _ in ASKED], now=NOW)
    answered = [
        one.topic == topic
        for one, (_, topic) in zip(found, ASKED, strict=True)
        if one.band == "answer"
    ]
    assert len(answered) >= len(ASKED) / 2
    assert sum(answered) >= 0.95 * len(answered)


def test_nine_of_ten_strangers_get_no_answer(shop):
    found = shop.answer_many(STRANGE, now=NOW)
    assert sum(one.band != "answer" for one in found) >= 0.9 * len(STRANGE)
    known = shop.answer_many([text for text, _ in ASKED], now=NOW)
    assert sorted(one.known for one in found)[5] < min(one.known for one in known)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("電子發票哪裡可以下載", "电子发票哪里可以下载"),
        ("优惠券怎么用ＡＰＰ", "优惠券怎么用app"),
        ("退款 多久 能到账！！！", "退款多久能到账"),
        ("😭验证码收不到😭", "验证码收不到"),
    ],
)
def test_spelling_does_not_change_the_decision(shop, one, other):
    first, second = shop.answer(one, now=NOW), shop.answer(other, now=NOW)
    assert (first.band, first.topic) == (second.band, second.topic)


def test_english_questions_to_a_chinese_base_are_strangers(shop):
    assert shop.answer("how do I bake bread", now=NOW).band == "fallback"
