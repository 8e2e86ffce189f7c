"""Notice that a customer is angry with us or abusive; unsure means neutral.

A short list that an editor can read beats a model nobody can correct. A bad word alone says nothing
("the exchange rate is terrible", "how do I report a scam?"): it counts only when it is aimed at
whoever answers or their company ("your service is terrible", "你们太差了"), says how the customer
feels ("I am furious", "气死我了"), or is all that is said ("垃圾！", "useless"). A negation just
before takes it back ("not angry", "不生气").
"""

from __future__ import annotations

import re
from typing import Literal

Mood = Literal["neutral", "negative", "abusive"]

_US_EN = (
    r"(?:you(?:'re| are| guys| people| all| lot)?|ur|your (?:\w+ )?(?:company|service|support|bot|"
    r"app|site|website|staff|team|bank|shop|store|system|people)|this (?:bot|robot|thing|company|"
    r"service|app|site|website|chat|support|system|place|bank|shop|store)|the (?:bot|service|"
    r"support|staff)|this)"
)
_BAD_EN = (
    r"(?:useless|terrible|awful|horrible|pathetic|disgusting|ridiculous|unacceptable|outrageous|"
    r"incompetent|a joke|a disgrace|the worst|garbage|trash|rubbish|hopeless|crap|stupid|dumb|"
    r"(?:a )?scam(?:mers?)?|liars?|thieves)"
)
_VERY_EN = r"(?:so|really|very|just|absolutely|totally|completely|fucking|bloody|utterly|such)"
_INSULT_EN = (
    r"(?:fuck(?:ing|er|ers|ed)?|motherfuckers?|bastards?|idiots?|morons?|ass?holes?|bitch(?:es)?|"
    r"dickheads?|imbeciles?|scum|cunts?|retards?|wankers?)"
)
_NEGATIVE_EN = (
    rf"\b{_US_EN}(?:\s+(?:is|are|was|were|have been|has been))?(?:\s+{_VERY_EN})*\s+{_BAD_EN}\b"
    r"|\b(?:i'm|im|i am|i feel|we are|getting|makes? me)(?:\s+\w+){0,2}\s+(?:angry|furious|pissed|"
    r"fed up|frustrated|disgusted|outraged|livid|sick of)\b"
    r"|\b(?:what a joke|waste of (?:my )?time|worst (?:\w+ )?(?:service|support|company|bot)|"
    r"i'(?:ll|m going to|m gonna) sue|sue you|i (?:want|wish|would like|need) to "
    r"(?:file a |make a )?complain(?:t)?(?: about (?:you|your))?|fed up with|"
    r"sick of (?:you|this))\b"
    rf"|^(?:{_VERY_EN}\s+)?(?:this is\s+)?(?:{_VERY_EN}\s+)*{_BAD_EN}\W*$"
)
_ABUSIVE_EN = (
    rf"\b(?:you|u|your|ur|these|this|those|bunch of|piece of)\s+(?:\w+\s+){{0,3}}{_INSULT_EN}\b"
    rf"|\b(?:fuck|screw)\s+(?:you|u|off|this|your|that)\b|\bgo to hell\b|\bstfu\b|"
    r"\bwtf\s+is\s+wrong\s+with\s+you\b|\bshut\s+up\b|\bpiece of shit\b|\byou\s+suck\b|"
    r"\bdie\b[\s!]*$"
    rf"|^\W*{_INSULT_EN}(?:\s+\w+)?\W*$"
)
_US_ZH = (
    r"(?:你|您|你们|贵司|贵公司|这(?:个|家|破|什[么幺])?|这(?:机器人|客服|公司|平台|服务|系统|店))"
)
_THING_ZH = r"(?:们|的|这|家|个|机器人|客服|公司|平台|服务|系统|店|态度|东西|软件|银行|银行的|app)*"
_BAD_ZH = (
    r"(?:垃圾|差劲|太差|真差|很差|太烂|真烂|差评|没用|废物|恶心|无语|离谱|坑人|骗人|骗子|黑心|敷衍|"
    r"智障|蠢|笨|傻|答非所问|听不懂人话|什[么幺]破|不负责任|一塌糊涂)"
)
_NEGATIVE_ZH = (
    rf"{_US_ZH}{_THING_ZH}[也是就真太很都怎么幺这样又一直全简直实在非常]{{0,5}}{_BAD_ZH}"
    r"|气死(?:我|人)?了?|(?:我|太|很|真|好|非常|越来越)(?:[很太好真是非常都快要]){0,3}(?:生气|愤怒|恼火|失望|无语|火大)"
    r"|(?:要|想|必须|一定|会|去|准备)(?:去|到)?(?:\w{0,6})投诉(?:你|您|贵|这)|投诉你们?|什[么幺]破(?:\w{0,4})|"
    r"忍无可忍|受够了|欺人太甚|浪费我?的?时间|再也不(?:用|来|买)了"
    rf"|^(?:真|太|好|真是|简直)?(?:是)?{_BAD_ZH}(?:了|啊|吧|死了)?\W*$"
    "|[😠😡🤬👎💢]"
)
_ABUSIVE_ZH = (
    r"傻[逼比bx屄]|沙雕|煞笔|他妈的|[你尼]妈(?:的|逼|死)|操你|草泥马|[日干]你|王八蛋|混蛋|狗东西|"
    rf"{_US_ZH}{_THING_ZH}(?:\w{{0,3}})(?:去死|滚|脑残|白痴|弱智|废物|蠢货|畜生|人渣)|^\W*(?:滚|去死|白痴|脑残|蠢货|妈的)\W*"
    r"(?:吧|开|蛋|啊)?\W*$|滚蛋|去你的|有病吧你|你有病"
)
_ABUSIVE = re.compile(f"{_ABUSIVE_EN}|{_ABUSIVE_ZH}")
_NEGATIVE = re.compile(f"{_NEGATIVE_EN}|{_NEGATIVE_ZH}")
_TAKEN_BACK = re.compile(
    r"(?:\b(?:not|never|no|isn't|aren't|wasn't|don't|hardly)\b|n't|不|没有|没|别|并非)[^.!?。！？]{0,8}$"
)
_NEGATED_INSIDE = re.compile(r"\bnot\b|n't\b|\bnever\b|(?<!是)不是|不算|没有")


def mood_of(text: str) -> Mood:
    """Return the mood of a text, in any case."""
    folded = text[:1_000].casefold().replace("’", "'")
    if _ABUSIVE.search(folded):
        return "abusive"
    for hit in _NEGATIVE.finditer(folded):
        if not _TAKEN_BACK.search(folded[: hit.start()]) and not _NEGATED_INSIDE.search(
            hit.group()
        ):
            return "negative"
    return "neutral"
