"""Questions that are alike come together; the result depends on nothing but the texts."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.clustering import MAX_TEXTS, cluster

LOST = ["我的银行卡丢了怎么办", "银行卡丢了怎么办啊", "卡丢了，怎么办？", "我的银行卡丢了！"]
REFUND = [
    "how do I get a refund",
    "how can I get a refund?",
    "get a refund",
    "HOW DO I GET A REFUND",
]
OTHER = ["tell me a joke", "今天天气好吗"]


def groups(texts, **more):
    return [{texts[m] for m in one.members} for one in cluster(texts, **more)]


def test_what_is_alike_comes_together_in_both_languages():
    texts = [*LOST, *OTHER, *REFUND]
    random.Random(1).shuffle(texts)
    found = groups(texts)
    assert {frozenset(LOST), frozenset(REFUND)} == {frozenset(one) for one in found[:2]}
    assert sorted(map(len, found[2:])) == [1, 1]


def test_spellings_of_one_question_are_one_whatever_the_threshold():
    texts = ["ＲＥＦＵＮＤ", "refund!", "退款", "refund", "退款？"]
    assert groups(texts, alike=1.1) == [{"ＲＥＦＵＮＤ", "refund!", "refund"}, {"退款", "退款？"}]


def test_the_most_central_question_names_the_cluster():
    texts = ["refund for my order number five", "refund for my order", "my order refund"]
    assert texts[cluster(texts, alike=0.3)[0].members[0]] == "refund for my order"


@settings(max_examples=12, deadline=None, derandomize=True)
@given(st.lists(st.text(max_size=10), max_size=12))
def test_every_text_is_in_exactly_one_cluster(texts):
    found = cluster(texts)
    assert sorted(m for one in found for m in one.members) == list(range(len(texts)))
    sizes = [len(one.members) for one in found]
    assert sizes == sorted(sizes, reverse=True)


def test_more_than_it_can_hold_is_refused():
    with pytest.raises(ValueError, match="at most"):
        cluster(["x"] * (MAX_TEXTS + 1))
