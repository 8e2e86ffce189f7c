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
转人工服务
请转人工
請轉人工
轉真人客服
轉接專員
找專員
转客服
找客服
客服
客服！！
我要找客服
我要投诉，找你们经理
找你们经理
叫你们领导来
叫你们主管过来
让你们负责人接电话
我要和人聊
我要跟人说话
我想和真人聊
有真人吗
有没有真人
有没有活人啊
转人工转人工转人工
转人工！！！！
人工人工人工
转人
转接人工
帮我接一下人工
给我接人工
给我人工
你给我转人工
快转人工
我说了转人工
我都说了多少遍了转人工
别废话转人工
少废话，人工
机器人听不懂，换人工
机器人走开，换人
换个人来
换人
能换人吗
能找个人吗
找个人来
我想找人工咨询一下退款
我要人工处理退款
人工处理
人工帮我看看
需要人工帮助
需要人工
要人工
想要人工
人工在吗
人工在线吗
人工在不在
人工客服在吗
人工客服怎么联系
怎么联系人工
怎么联系人工客服
怎么联系客服
如何联系客服
联系客服
联系人工
怎么找人工
人工客服在哪
人工客服在哪里
人工入口在哪
怎样才能转人工
可不可以转人工
可唔可以轉人工
我想搵真人
麻煩轉接真人客服
請幫我轉接客服人員
客服小姐姐在吗
亲，转人工
亲亲转人工
转 人 工
转-人工
转人工。谢谢
好的，转人工吧
那就转人工吧
还是转人工吧
算了转人工
算了，还是人工吧
不行，转人工
不对，转人工
不是这个，转人工
没用，转人工
解决不了就转人工
你解决不了，转人工吧
不懂就转人工
人工服务在吗
请接通人工客服
接通客服
呼叫人工
呼叫客服
申请人工
切换人工
切换到人工客服
跳转人工
直接转人工
立即转人工
马上给我转人工
我要真人
我要活人
我要和你们客服说话
我不要和机器人聊天
不要机器人
我不想和机器人说话
不要机器人回复
别用机器人敷衍我
１转人工
帮我找一个真人客服吧
你好我要人工
你好，请帮我转人工，谢谢
转人工客服处理一下
我需要真人帮我处理
能给我转个人工吗
还要多久才能转人工
怎么才能联系到真人
別跟我廢話，轉人工
機器人滾，我要真人
麻煩幫我轉人工客服，感謝
我不想再跟机器人说了
讓你們經理跟我說
能让负责人联系我吗
我要找你们老板
客服在不在？
客服呢
客服呢？？
人工呢
还是给我转人工吧
都不对，找人工
不要自动回复，我要人工
机器人没用，快转人工
换真人
请人工客服联系我
安排人工
安排人工客服
人工座席
转人工座席
接入人工
接入客服
我要跟客服講
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
我不想转人工
先不转人工
暂时不用人工
暂时不需要转人工
不需要转人工谢谢
不用转人工了
不用了，谢谢
取消转人工
取消人工
能不转人工吗
人工审核要多久
人工审核通过了吗
人工智能课程怎么退
客服态度真差怎么投诉
客服说明天发货
客服说可以退
客服让我来这里申请
刚才客服说三天到账
昨天和客服说过了
我已经联系过客服了
我联系客服了没人理
客服电话打不通
你们客服工作时间
客服几点下班
客服周末上班吗
人工服务时间
人工客服几点上班
人工客服工作时间
你是机器人吗
你是不是真人
是真人吗
有人收到货了吗
收货人怎么改
收件人写错了
联系人怎么修改
换人收货可以吗
怎么换收货人
经理推荐的套餐
代理人怎么加
本人不在可以代收吗
人工费多少
人工安装收费吗
人工钻石和天然的区别
人工草坪多少钱
手工还是人工做的
人工呼吸
客服什么时候上班
客服在几楼
人工什么时候上班
人工复核需要几天
需要人工安装吗
人工客服收费吗
有专人配送吗
需要本人签收吗
能不能找别人代收
找人代付怎么操作
换人代收可以吗
和人拼单怎么弄
经理什么时候上班
店长推荐有哪些
找领导签字要盖章吗
机器人多少钱
扫地机器人不要了能退吗
不要扫地机器人
我想买机器人
这个机器人怎么用
你是机器人还是人工
怎么成为客服
客服招聘
我跟客服说好了的
客服之前答应我退款
客服不回我消息
联系不上卖家
不用联系我
不用找客服，我自己弄
已经转过人工了
人工已经处理了
人工电话
客服电话
客服电话是多少
人工客服电话多少
有人吗
有没有人
i am not a bot, are you
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


def test_a_thousand_characters_of_asking_are_judged_at_once() -> None:
    for part in ("给我", "能", "帮我找", "我要", "不要", "talk to ", "no bots "):
        assert asks_for_person(part * 500) in (True, False)  # were it exponential, it would hang


@settings(deadline=None)  # the machine may be busy
@given(st.sampled_from(["转人工", "human please", "我要人工客服"]), st.text("。！ ~", max_size=9))
def test_signs_around_a_wish_change_nothing(wish: str, signs: str) -> None:
    assert asks_for_person(signs + wish + signs)
