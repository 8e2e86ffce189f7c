"""A small Chinese base, six wordings a topic: found in every spelling, strangers left alone."""

import pytest

from bot.answering import Understanding
from bot.evaluating import examine
from bot.knowledge import Base, Topic
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


TAIWAN = Base(
    id="tw",
    name="臺灣",
    topics=(
        Topic(id="refund", question="要怎麼申請退款？", similar=("我想退錢", "退費要多久")),
        Topic(id="software", question="軟體安裝不了怎麼辦", similar=("程式打不開", "Ａｐｐ閃退")),
    ),
)


@pytest.mark.parametrize(
    ("asked", "topic"),
    [
        ("要怎么申请退款", "refund"),
        ("妳好，我想退钱！", "refund"),
        ("软件安装不了怎么办", "software"),
        ("軟件安裝不了怎麼辦？", "software"),
        ("ａＰＰ 闪退", "software"),
    ],
)
def test_a_base_in_traditional_characters_is_found_from_either_side_of_the_strait(asked, topic):
    bot = Understanding.learn(TAIWAN)
    assert bot.answer(asked, now=NOW, audience=None).topic == topic


@pytest.mark.parametrize("typed", ["怎麼申請退", "怎么申请退", "怎 么申请退"])
def test_what_is_being_typed_is_completed_in_either_script(shop, typed):
    assert shop.suggest(typed, now=NOW)[0].topic == "refund"


def test_the_examiner_finds_the_shop_good_enough_to_use(shop):
    marks = examine(shop, [*ASKED, *((text, "") for text in STRANGE)], NOW)
    assert marks.accuracy >= 0.95
    assert marks.hit_5 == 1
    assert marks.answer_precision_all >= 0.95
    assert marks.answered >= 0.75
    assert marks.stranger_recall["0.915"] >= 0.9
