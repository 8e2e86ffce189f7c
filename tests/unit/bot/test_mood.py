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
你们客服态度太差了
你们态度真差
什么破客服
什么垃圾服务
你怎么这么笨
你真笨
笨死了
你是猪吗
能不能说人话
听不懂人话吗
答非所问
你到底会不会
废话真多
别敷衍我
烦死了
烦死我了
真烦人
太气人了
气死人了
氣死我了
太離譜了
太离谱了
離譜
你們太差了
你們的服務真爛
爛透了
烂透了
垃圾平台
垃圾公司
骗子
骗子公司
骗子平台
你们就是骗子
你们这是欺诈
欺骗消费者
欺骗消费者，我要投诉
我要投诉
我要去12315投诉
我要打12315
我要举报你们
我要曝光你们
找媒体曝光你们
无语了
无语
真无语
我很不满意
非常不满意
很不满
我对你们很失望
失望透顶
忍无可忍
等了三天了还不发货，你们什么意思
你什么意思
你们在搞什么
搞什么鬼
什么玩意
什么玩意儿
啥玩意
没见过这么差的服务
差评！
给你差评
坑爹
太坑了
你们太坑人了
再也不来了
耍我呢
你在耍我吗
我要起诉你们
法院见
火大
你个智障
智障机器人
人工智障
弱智
你们太过分了
太过分了
你们的态度太恶劣了
态度恶劣
这机器人太蠢了
你这机器人真垃圾
气炸了
我快气死了
浪费时间
一点用都没有
一点用都没有，垃圾
你们平台太不负责任了
再这样我就投诉了
不解决我就投诉
我要投诉到消协
我要投訴你們
服務態度太差
爛公司
什麼爛服務
退个款这么难，什么垃圾平台
恶心死了
无耻
太让人失望了
你们让我很失望
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
傻B
傻逼客服
煞笔
sb
SB
nmsl
cnm
mmp
妈的
他妈的什么破玩意
TMD
tmd
滾
滾蛋
去死吧
你妈死了
尼玛
你大爷的
神经病
你有病吧
有病
脑子有病
狗屎
畜生
王八蛋
混蛋
垃圾人
贱人
滚犊子
死全家
去死
ＳＢ
傻 逼
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
我要投诉卖家
怎么投诉商家
投诉电话
投诉怎么处理
举报电话
不满意可以退吗
不满意怎么退货
质量太差想退货
衣服质量很差
快递太慢了
物流太慢怎么办
屏幕烂了
苹果烂了能退吗
水果烂了怎么赔
手机垃圾清理
垃圾桶怎么退
傻瓜式操作
草莓烂了
操作失败
滚筒洗衣机怎么用
妈妈装有吗
干你们这行
你们的草坪
白痴天才
神经病学书籍
差价怎么退
笨重的家具怎么寄
骗子太多怎么防诈骗
没用过的可以退吗
优惠券没用上
你好，请问什么时候发货
生气的小鸟
不生气
你真棒
你太好了
我不是投诉
日本代购
日期怎么改
今日你们上班吗
生日你们有优惠吗
多少钱一斤啊
有病历本吗
你妈妈收货
给你妈买的
我想投诉一个商品
投诉建议在哪里
被投诉了怎么办
太过分甜了吗
非常满意
不太满意这个颜色，能换吗
我去实体店可以退吗
我去哪里领
我草莓坏了
操作不了
草稿在哪
这家公司怎么样
垃圾短信怎么退订
破损了怎么赔
屏幕破了
系统破解
骗子冒充你们客服打电话怎么办
有骗子说是你们客服
你妈妈的生日礼物推荐
送你妈的礼物
日用品
日你好
病假
脑子训练书
废物利用
笨笨狗
别敷衍了事的包装
烦请帮我查一下
气人球
坑位
神经病医院怎么走
sb-123型号
sb接口
耍猴视频
告你一声
说人话的书
什么意思
这个是什么意思
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
