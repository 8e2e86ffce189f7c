"""A large knowledge base of made-up wordings, and questions to it with slips of the pen."""

from __future__ import annotations

import random

import msgspec

from bot.knowledge import Answer, Base, Topic

BASE = "large"
PER_TOPIC = 10


def _words(text: str) -> list[str]:
    return text.split()


_THINGS = _words(
    "card account parcel refund invoice password coupon address order payment transfer limit fee "
    "statement loan rate delivery ticket hotel flight seat luggage meal insurance subscription "
    "device battery screen warranty repair size colour gift point member store"
)
_ACTS = _words(
    "cancel change find track open close block renew return exchange verify update delete pay book "
    "split share print download upgrade pause"
)
_WAYS = ("how do I {} my {}", "I want to {} the {}", "can you {} a {}", "{} {} not working")
_ZH = ("怎么{1}我的{0}", "我想{1}{0}", "{0}可以{1}吗", "{0}{1}不了怎么办")
_ZH_THINGS = _words(
    "银行卡 账户 快递 退款 发票 密码 优惠券 地址 订单 付款 转账 额度 费用 机票 酒"
    "店 行李 保险 会员 积分 门店"
)
_ZH_ACTS = _words("取消 修改 查询 开通 关闭 冻结 补办 退回 更换 验证 删除 支付 预订 打印 下载 升级")


def large_base(wordings: int, org: str) -> Base:
    """Return a base of about that many wordings, half of them Chinese, ten a topic."""
    dice, topics = random.Random(7), []
    for number in range(max(1, wordings // PER_TOPIC)):
        chinese = number % 2 == 0
        things, acts, ways = (_ZH_THINGS, _ZH_ACTS, _ZH) if chinese else (_THINGS, _ACTS, _WAYS)
        tail = f" {number}" if not chinese else f"{number}号"
        phrases: dict[str, None] = {}
        while len(phrases) < PER_TOPIC:
            way, act, thing = dice.choice(ways), dice.choice(acts), dice.choice(things)
            text = way.format(thing, act) if chinese else way.format(act, thing)
            phrases[f"{text} {dice.choice(things)}{tail}"] = None
        first, *similar = phrases
        topics.append(
            Topic(
                id=f"t{number}",
                question=first,
                similar=tuple(similar),
                answers=(Answer(text=f"answer {number}"),),
                hot=1 if number < 6 else 0,
            )
        )
    return Base(id=BASE, name=BASE, org=org, topics=tuple(topics))


def one_more(base: Base, wording: str) -> Base:
    """Return the base with one more wording in its first topic."""
    first, *others = base.topics
    more = msgspec.structs.replace(first, similar=(*first.similar, wording))
    return msgspec.structs.replace(base, topics=(more, *others))


def misspelt(base: Base, number: int, dice: random.Random) -> list[str]:
    """Return wordings of the base, each with one character left out."""
    texts = [text for topic in base.topics for text in topic.phrasings()]
    found = []
    for _ in range(number):
        text = dice.choice(texts)
        at = dice.randrange(len(text))
        found.append(text[:at] + text[at + 1 :])
    return found
