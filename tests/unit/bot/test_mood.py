"""Anger at us and abuse are noticed; bad words about other things are not."""

from __future__ import annotations

import pytest

from bot.mood import mood_of

NEGATIVE = """\
this is ridiculous
You are useless
your service is terrible
this bot is so stupid
I am furious
I'm so angry right now
what a joke
useless!
worst service ever
I'm fed up with this
this is unacceptable
waste of time
sue you
你们太差了
你们的服务真垃圾
气死我了
我很生气
这机器人真没用
我要投诉你们
什么破系统
太失望了？我非常失望
垃圾
😡
受够了
""".splitlines()

ABUSIVE = """\
傻逼
fuck you
you idiot
you are a bunch of morons
shut up
他妈的
你去死
滚
go to hell
你们这群废物
your bot is a piece of shit
""".splitlines()

NEUTRAL = """\
I am not angry
我不生气
the exchange rate is terrible
how do I report a scam?
this is a useful bot
怎么投诉卖家
投诉电话是多少
垃圾分类怎么做
我想扔垃圾袋，怎么退
is the weather awful in London
my card is useless abroad, why?
you are not useless
this is not ridiculous
傻瓜相机怎么退货
骗子公司怎么举报
what is your refund policy
die cut machine price
我没有生气
the movie was terrible, can I get a refund
how to deal with an idiot seller?
damaged goods, the box was crap
失望
这个商品太烂了想退货
this product is terrible, I want to return it
wtf is a CVV
""".splitlines()


@pytest.mark.parametrize("text", NEGATIVE)
def test_anger_at_us_is_noticed(text: str) -> None:
    assert mood_of(text) == "negative"


@pytest.mark.parametrize("text", ABUSIVE)
def test_abuse_is_noticed(text: str) -> None:
    assert mood_of(text) == "abusive"


@pytest.mark.parametrize("text", NEUTRAL)
def test_a_bad_word_about_something_else_is_no_mood(text: str) -> None:
    assert mood_of(text) == "neutral"
