"""A small Chinese shop's knowledge base, and questions that it was not told: our own words."""

from functools import cache

from bot.answering import Understanding
from bot.knowledge import Answer, Base, Topic

WORDINGS: dict[str, tuple[str, ...]] = {
    "refund": (
        "怎么申请退款", "我想退款", "退款多久能到账", "钱什么时候退给我", "退款申请在哪里提交",
        "买错了可以把钱退回来吗",
    ),
    "delivery": (
        "我的快递到哪了", "怎么查物流信息", "包裹什么时候能送到", "发货后几天能收到",
        "快递一直没有更新", "为什么还没收到货",
    ),
    "invoice": (
        "怎么开发票", "可以开增值税专用发票吗", "电子发票在哪里下载", "发票抬头写错了怎么改",
        "能补开发票吗", "开票信息填在哪里",
    ),
    "password": (
        "忘记密码了怎么办", "怎么修改登录密码", "密码重置收不到短信", "账号登录不上去",
        "提示密码错误", "验证码一直收不到",
    ),
    "coupon": (
        "优惠券怎么用", "为什么优惠券不能用了", "在哪里领优惠券", "优惠券过期了还能用吗",
        "下单时没有抵扣优惠券", "满减券怎么领取",
    ),
    "exchange": (
        "尺码不合适可以换吗", "怎么换货", "换货运费谁出", "想换一个颜色", "换货要多长时间",
        "衣服太小了想换大一号",
    ),
    "address": (
        "怎么修改收货地址", "地址填错了怎么办", "下单后还能改地址吗", "如何添加新的收件地址",
        "收件人电话写错了", "能帮我换个收货地方吗",
    ),
    "hours": (
        "你们几点上班", "客服工作时间是什么时候", "周末有人吗", "节假日营业吗", "晚上几点下班",
        "现在门店还开着吗",
    ),
    "member": (
        "怎么成为会员", "会员有什么好处", "会员等级怎么升级", "积分怎么兑换", "会员费多少钱",
        "积分会不会过期",
    ),
    "warranty": (
        "保修期是多久", "坏了可以免费修吗", "怎么申请维修", "屏幕碎了保修吗", "维修要多少钱",
        "过了保修期怎么办",
    ),
}  # fmt: skip

ASKED: tuple[tuple[str, str], ...] = (
    ("請問怎麼申請退款？", "refund"),
    ("我要退款，钱几天能退回来", "refund"),
    ("退款到賬要多久呀", "refund"),
    ("帮我看看快递到哪里了", "delivery"),
    ("物流信息怎麼查", "delivery"),
    ("包裹还没有送到呢", "delivery"),
    ("你好，发票怎么开？", "invoice"),
    ("電子發票哪裡可以下載", "invoice"),
    ("发票抬头改一下", "invoice"),
    ("登录密码忘记了", "password"),
    ("收不到验证码怎么办😭", "password"),
    ("我的賬號登錄不了", "password"),
    ("这个优惠券怎么使用", "coupon"),
    ("優惠券去哪裡領", "coupon"),
    ("尺码大了能换吗", "exchange"),
    ("换货的运费是谁承担", "exchange"),
    ("收货地址写错了，可以修改吗", "address"),
    ("下單以後可以改地址嗎", "address"),
    ("客服几点上班啊", "hours"),
    ("你们周末上班吗", "hours"),
    ("会员怎么升级", "member"),
    ("積分可以兌換什麼", "member"),
    ("手机坏了能免费维修吗", "warranty"),
    ("保修多長時間", "warranty"),
)
STRANGE = (
    "今天天气怎么样", "给我讲个笑话", "特朗普是谁", "红烧肉怎么做", "北京到上海的高铁票",
    "推荐一部好看的电影", "你会写代码吗", "世界杯谁赢了", "附近有什么好吃的", "一加一等于几",
)  # fmt: skip


def chinese_shop() -> Base:
    """Return the shop's base."""
    topics = (
        Topic(id=name, question=texts[0], similar=texts[1:], answers=(Answer(text=name),))
        for name, texts in WORDINGS.items()
    )
    return Base(id="shop", name="shop", topics=tuple(topics))


@cache
def learned_shop() -> Understanding:
    """Return what is learned of it: immutable, so that tests may share it."""
    return Understanding.learn(chinese_shop(), version=3)
