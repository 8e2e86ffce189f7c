"""Who asks for a person, who refuses one, and who only speaks of one."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.asking import asks_for_person

ASKS = """\
转人工
转人工！
轉人工
人工
人工客服
我要人工客服！
找真人
转接人工服务
帮我转一下人工
你们有没有人工客服
能不能转人工
可以转人工吗
为什么不给我转人工
你怎么还不转人工
我想找客服人员
不要机器人，转人工
我不想跟机器人说话要人工
怎么转人工
叫个活人来
麻烦给我接人工坐席谢谢
有人工吗
ＲＥＡＬ person
human please
human
HUMAN!!
Get me an AGENT
real person
Let me talk to a HUMAN
I want to speak to a representative
can I speak with someone please
I don't want a bot, give me a human
why can't I talk to a human
why don't you connect me to an agent
I need a human now
please transfer me to a live agent
how do I talk to a real person
agent
I can't reach a human
connect me with customer service
can you get me an operator on the line
is there a human
I do not want to talk to a bot. human!
I'd like to talk to someone about my refund
""".splitlines()

DOES_NOT = """\
我不要转人工
别转人工
不用人工
不需要人工客服
转人工就不用了
人工就算了
先别给我转人工
不是要转人工
我没有要转人工
人工智能是什么
这是人工合成的吗
怎么转接电话
你是真人吗
你是人工还是机器人
no, not a human
no human
not an agent
i don't want to talk to a human
do not transfer me to an agent
please don't connect me with a representative
no need to talk to a person
how do i hire an agent?
are you a real person or an ai
are you human
is this a human
does it work with a humane society card
my reagent is inhuman
where can I find human resources
I booked with a travel agent
the agent told me to wait
I already spoke to an agent
what does an agent earn
how many people work here
per person price
I need an agent code
人工费怎么算
客服几点上班
你们客服态度真好
上次人工客服说三天到账
什么是人工服务费
如何成为客服
""".splitlines()


@pytest.mark.parametrize("text", ASKS)
def test_who_asks_for_a_person_is_heard(text: str) -> None:
    assert asks_for_person(text)


@pytest.mark.parametrize("text", DOES_NOT)
def test_a_refusal_or_a_mention_is_no_wish(text: str) -> None:
    assert not asks_for_person(text)


def test_an_edited_list_replaces_ours() -> None:
    people = ("小姐姐", "boss")
    assert asks_for_person("叫小姐姐来", people)
    assert asks_for_person("get me the boss please", people)
    assert not asks_for_person("别叫小姐姐", people)
    assert not asks_for_person("human", people)
    assert not asks_for_person("human", ())


def test_words_that_only_hold_a_person_can_be_edited() -> None:
    assert not asks_for_person("我想转人工湖")
    assert asks_for_person("我想转人工台", not_people=())
    assert not asks_for_person("我想转人工台", not_people=("人工台",))


@settings(deadline=None)  # the machine may be busy
@given(st.text(max_size=300))
def test_any_text_is_judged_and_always_alike(text: str) -> None:
    assert asks_for_person(text) == asks_for_person(text)


@settings(deadline=None)  # the machine may be busy
@given(st.sampled_from(["转人工", "human please", "我要人工客服"]), st.text("。！ ~", max_size=9))
def test_signs_around_a_wish_change_nothing(wish: str, signs: str) -> None:
    assert asks_for_person(signs + wish + signs)
