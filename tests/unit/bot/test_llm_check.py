"""Sentences are cut from a stream as they are complete, and judged by the passages they name."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.acts import Ground
from bot.llm_check import judge, split
from bot.llm_guard import Breaker
from bot.llm_prompt import masked

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
