"""Sentences are cut from a stream as they are complete, and judged by the passages they name."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.acts import Ground
from bot.llm_check import judge, split
from bot.llm_guard import Breaker
from bot.llm_prompt import masked
from bot.quantities import quantities

GROUNDS = (
    Ground("r", "怎么申请退款？", "签收后 7 天内，点“申请退货”即可。定制商品不退。"),
    Ground(
        "e", "How do I get a refund?", "Within 7 days of delivery. Custom goods cannot go back."
    ),
)


@pytest.mark.parametrize(
    ("sentence", "carried"),
    [
        ("签收后 7 天内可以申请退货[1]。", True),
        ("签收后 7 天内不可以申请退货[1]。", False),
        ("签收后 30 天内可以申请退货[1]。", False),
        ("定制商品不能退[1]。", True),
        ("定制商品可以退[1]。", False),
        ("签收后 7 天内可以申请退货[2]。", False),
        ("签收后 7 天内可以申请退货。", False),
        ("签收后 7 天内可以申请退货[1][9]。", False),
        ("Within 7 days of delivery you get a refund [2].", True),
        ("Custom goods can go back [2].", False),
        ("[1]", False),
    ],
)
def test_only_what_the_named_passage_carries_passes(sentence: str, carried: bool) -> None:
    assert bool(judge(sentence, GROUNDS).cited) == carried


PAID = Ground(
    "p",
    "How do I get a refund?",
    "Within 7 days of delivery, choose Return under My orders. Refunds take 3-5 working days. "
    "Shipping costs $5 and is free above $50.",
)
SAME = """\
Within 7 days of delivery, choose Return under My orders [1].
Within seven days of delivery choose Return under My orders [1].
Shipping costs 5 dollars [1].
Shipping is free above $50 [1].
Refunds take 3 to 5 working days [1].
A refund takes three to five business days [1].
""".splitlines()
OTHER = """\
Within thirty days of delivery choose Return under My orders [1].
Within 7 weeks of delivery choose Return under My orders [1].
Within a year of delivery choose Return under My orders [1].
Refunds take 3-5 days [1].
Before delivery, choose Return under My orders within 7 days [1].
All refunds are free within 7 days of delivery [1].
Shipping costs €5 [1].
Shipping costs 5% [1].
Choose Return under My orders at evil.example [1].
Choose Return under My orders at http://evil.example [1].
Choose Return under My orders ![x](//evil.example/p.png) [1].
Choose Return under My orders <img src=x onerror=alert(1)> [1].
Choose Return under [My orders](javascript:alert(1)) [1].
Choose Return under My orders or call 555-0100 [1].
Within 7\u202e days of delivery, choose Return under My orders [1].
""".splitlines()
OTHER_ZH = """\
签收后三十天内可以申请退货[1]。
签收后七十天内申请退货[1]。
签收后半年内可以申请退货[1]。
签收后一个月内申请退货[1]。
签收后 7 小时内申请退货[1]。
签收后 7 个月内可以申请退货[1]。
签收前 7 天内申请退货[1]。
签收后７０天内申请退货[1]。
签收后 7 天内申请退货，运费全免[1]。
签收后 7 天内申请退货并赔偿[1]。
所有商品签收后 7 天内申请退货[1]。
""".splitlines()


@pytest.mark.parametrize("sentence", SAME)
def test_the_same_in_other_words_passes(sentence: str) -> None:
    assert judge(sentence, [PAID]).cited == (1,)


@pytest.mark.parametrize("sentence", OTHER)
def test_other_quantities_promises_links_and_markup_do_not(sentence: str) -> None:
    assert judge(sentence, [PAID]).cited == ()


@pytest.mark.parametrize("sentence", OTHER_ZH)
def test_the_same_lies_in_chinese_do_not(sentence: str) -> None:
    assert judge(sentence, GROUNDS).cited == ()


PRICES = Ground(
    "g",
    "What do the cards cost? 会员卡多少钱？",
    "The gold card costs 20 dollars a year, the silver card costs 10 dollars. "
    "Cancel within 14 days.\n"
    "金卡每年 200 元，银卡每年 100 元；退卡须在 14 天内。",
)
OWN_PRICES = """\
The gold card costs 20 dollars a year [1].
The silver card costs ten dollars [1].
Gold costs 20 dollars and silver costs 10 dollars [1].
You can cancel within 14 days [1].
金卡每年 200 元[1]。
银卡每年一百元，金卡每年 200 元[1]。
退卡须在十四天内[1]。
""".splitlines()
SWAPPED = """\
The gold card costs 10 dollars a year [1].
The silver card costs 20 dollars [1].
Gold costs 10 dollars and silver costs 20 dollars [1].
The gold and the silver card cost 10 and 20 dollars [1].
The gold card costs 14 dollars a year [1].
金卡每年 100 元[1]。
银卡每年 200 元，金卡每年 100 元[1]。
银卡每年 200 元[1]。
""".splitlines()


@pytest.mark.parametrize("sentence", OWN_PRICES)
def test_each_quantity_passes_beside_what_it_is_about(sentence: str) -> None:
    assert judge(sentence, [PRICES]).cited == (1,)


@pytest.mark.parametrize("sentence", SWAPPED)
def test_quantities_of_the_passage_beside_something_else_do_not(sentence: str) -> None:
    assert judge(sentence, [PRICES]).cited == ()


@pytest.mark.parametrize(
    ("passage", "true", "lie"),
    [
        (
            "Standard delivery takes 5 days, express 2 days.",
            "Express delivery takes 2 days.",
            "Express delivery takes 5 days.",
        ),
        ("普通快递需要5天，加急2天。", "加急需要2天。", "加急快递需要5天。"),
        (
            "The monthly plan costs 10 dollars per user, the yearly one 100 dollars.",
            "The yearly plan costs 100 dollars.",
            "The yearly plan costs 10 dollars per user.",
        ),
        (
            "Gold members pay 10 dollars, silver members 20.",
            "Silver members pay 20.",
            "Silver members pay 10 dollars.",
        ),
        (
            "You have 30 days to return clothing. Shoes have 14 days.",
            "Shoes have 14 days.",
            "You can return shoes within 30 days.",
        ),
        (
            "The gold plan costs 10 dollars or the silver plan costs 20 dollars.",
            "The gold plan costs 10 dollars or the silver plan costs 20 dollars.",
            "The gold plan costs 20 dollars.",
        ),
        ("退款需要3天换货需要7天", "退款需要3天换货需要7天。", "换货需要3天。"),
        ("买3件打9折，买5件打8折。", "买3件打9折。", "买3件打8折。"),
        ("满100元减10元，满200元减30元", "满200元减30元。", "满200元减10元。"),
        (
            "Send 5 photos within 10 days to get 20 dollars.",
            "Send 5 photos within 10 days.",
            "Send 10 photos within 5 days.",
        ),
        (
            "The fee rises from 10 to 20 dollars.",
            "The fee rises from 10 to 20 dollars.",
            "The fee rises from 20 to 10 dollars.",
        ),
        (
            "Gold plan: 10 dollars. Silver plan: 20 dollars.",
            "The gold plan is 10 dollars.",
            "The gold plan is 20 dollars.",
        ),
        ("客服工作时间为9:00-18:00。", "客服工作时间为9:00-18:00。", "客服工作时间为18:00-9:00。"),
        (
            "Our shop is open from 9:00 to 17:00.",
            "The shop is open from 9:00 to 17:00.",
            "The shop is open from 8:00 to 17:00.",
        ),
    ],
)
def test_quantities_are_not_exchanged(passage: str, true: str, lie: str) -> None:
    grounds = [Ground("x", "?", passage)]
    assert judge(f"{true}[1]", grounds).cited == (1,)
    assert judge(f"{lie}[1]", grounds).cited == ()


def test_seven_days_are_7_days_in_chinese_too() -> None:
    assert judge("签收后七天内点申请退货[1]。", GROUNDS).cited == (1,)


def test_a_sentence_too_long_to_be_checked_is_not_shown() -> None:
    true = "Within 7 days of delivery, choose Return under My orders, "
    assert judge(f"{true * 5}[1]", [PAID]).cited == (1,)
    assert judge(f"{true * 20}and get 9000 dollars [1]", [PAID]).cited == ()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("within thirty days", {("30", "day")}),
        ("7-14天", {("7", "day"), ("14", "day")}),
        ("七至十四天", {("7", "day"), ("14", "day")}),
        ("three to five days", {("3", "day"), ("5", "day")}),
        ("满99包邮", {("99", "")}),
        ("三个工作日", {("3", "workday")}),
        ("一百二十元", {("120", "yuan")}),
        ("$1,000.50 and 5%", {("1000.5", "dollar"), ("5", "percent")}),
        ("twenty-four hours", {("24", "hour")}),
        ("two hundred dollars", {("200", "dollar")}),
        ("half an hour", {("0.5", "hour")}),
        ("半年", {("0.5", "year")}),
        ("9:00-18:00", {("9:00", ""), ("18:00", "")}),
        ("11月11日", {("11", "month"), ("11", "day")}),
        ("一般 one of them", set()),
    ],
)
def test_quantities_are_read_in_digits_and_words(text: str, found: set[tuple[str, str]]) -> None:
    assert set(quantities(text)) == found


@settings(deadline=None)  # the machine may be busy
@given(st.text(alphabet="ab. 。[1]2!？\n", max_size=60), st.integers(1, 9))
def test_cutting_a_stream_loses_and_changes_nothing(text: str, size: int) -> None:
    found, rest = [], ""
    for at in range(0, len(text), size):
        done, rest = split(rest + text[at : at + size])
        found += done
    assert "".join("".join(found).split()) + "".join(rest.split()) == "".join(text.split())


@settings(deadline=None)  # the machine may be busy
@given(st.text(max_size=200))
def test_any_text_is_judged(text: str) -> None:
    assert set(judge(text, GROUNDS).cited) <= {1, 2}


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("call +86 138 0013 8000 now", "8000"),
        ("卡号 6222 0202 0011 2233 445", "6222"),
        ("身份证 11010519491231002X", "110105"),
        ("mail a.b-c@d.example.com", "a.b-c"),
        ("我叫王小明，想退款", "王小明"),
        ("order 20240101123", "20240101123"),
        ("My phone is 13812345678.", "13812345678"),
        ("tel.13812345678", "13812345678"),
        ("电话:13812345678.谢谢", "13812345678"),
        ("Card 4111 1111 1111 1111.", "1111"),
        ("x＠y.com", "y.com"),
        ("see https://x.example/?token=abc", "token"),
    ],
)
def test_personal_data_is_masked(text: str, hidden: str) -> None:
    assert hidden not in masked(text)
    assert "<" in masked(text)


def test_masking_leaves_the_question() -> None:
    assert masked("7 天内怎么退 2 件商品，99.5 元") == "7 天内怎么退 2 件商品，99.5 元"


def test_after_an_outage_one_caller_tries() -> None:
    breaker = Breaker(failures_n=1, open_s=10)
    breaker.failed(0.0)
    assert not breaker.allows(9.0)
    assert breaker.allows(10.0)
    assert not breaker.allows(10.0)
    breaker.succeeded()
    assert breaker.allows(10.0)
