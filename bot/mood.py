"""Notice that a customer is angry with us or abusive; unsure means neutral.

A short list that an editor can read beats a model nobody can correct. A bad word alone says nothing
("the exchange rate is terrible", "how do I report a scam?"): it counts only when it is aimed at
whoever answers or their company ("your service is terrible", "你们太差了"), says how the customer
feels ("I am furious", "气死我了"), or is all that is said ("垃圾！", "useless"). A negation just
before takes it back ("not angry", "不生气").
"""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

from bot.normalise import closed_up, simplify

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
    r"智障|蠢|笨|傻|答非所问|听不懂人话|什[么幺]破|不负责任|无耻|一塌糊涂)"
)
_NEGATIVE_ZH = (
    rf"{_US_ZH}{_THING_ZH}[也是就真太很都怎么幺这样又一直全简直实在非常]{{0,5}}{_BAD_ZH}"
    r"|气死(?:我|人)?了?|(?:我|太|很|真|好|非常|越来越)(?:[很太好真是非常都快要]){0,3}(?:生气|愤怒|恼火|失望|无语|火大)"
    r"|(?:要|想|必须|一定|会|去|准备)(?:去|到)?(?:\w{0,6})投诉(?:你|您|贵|这)|投诉你们?|什[么幺]破(?:\w{0,4})|"
    r"忍无可忍|受够了|欺人太甚|浪费我?的?时间|再也不(?:用|来|买)了"
    r"|(?:烦|气|笨|蠢)死(?:我|人|了)|(?:太|真)(?:烦|气)人|失望(?:透顶|至极|极了|透了)|[太真]坑(?:人|了|爹)|坑爹|"
    r"(?:很|非常|十分|太|极其|相当|特别)不满意?(?=$|[，。！,.!\s])|没见过(?:这么|这样|如此)(?:差|烂|垃圾)|"
    r"什[么幺](?:垃圾|烂)(?:服务|客服|平台|公司|态度|系统|机器人|东西)|(?:啥|什[么幺])玩意|搞什[么幺]鬼|"
    r"你们?(?:到底)?(?:什[么幺]意思|在搞什[么幺])|耍(?:我|人)(?=$|呢|吗|玩|[，。！,.!\s])|(?:能不能|会不会|能|请)?说人话(?=$|吗|吧|行吗|好吗|[，。！,.!])|听(?:不|得)懂人话|"
    r"你到底会不会|你会不会说话|废话(?:真多|连篇)|别(?:再)?(?:敷衍|糊弄|忽悠)(?=我|人|$|[，。！,.!])|你是猪|欺[骗诈]消费者|"
    r"你们?.{0,4}(?:欺诈|欺骗|诈骗)|法院见|太过分了?(?=$|[，。！,.!\s])|态度(?:太|真|很|这么|非常|极其|极)?(?:差|烂|恶劣)(?!评)|气炸了?|"
    r"一点儿?用(?:处)?都?没|(?:让|令)(?:我|人)(?:很|太|非常|真|特别)?失望|(?:不|再).{0,8}就(?:要|去)?投诉|投诉到(?:12315|消协)|"
    r"(?:我|我们)?(?:要|想|必须|一定|会|去|准备){1,4}(?:去|到|打|找)?(?:12315|消协|媒体|工商局?)|"
    r"(?:要|会|必须|一定|准备)(?:去)?(?:举报|曝光|起诉|告)你|(?:举报|曝光|起诉)你们|"
    r"(?:^|[，。！,.!\s])(?:我|我们)?(?:要|想|必须|一定要|会|去){1,4}投诉(?:了|啊|吧|到底)?(?=$|[，。！,.!\s])"
    r"|(?:^|[，。！,.!\s])(?:你们)?(?:这个?|真是个?|就是个?)?(?:垃圾|骗子|黑心|无良|烂|破|智障|弱智|脑残)"
    r"(?:平台|公司|客服|店铺?|商家|系统|服务|软件|app|机器人)(?:了|啊)?(?=$|[，。！,.!\s])|人工智障"
    rf"|^(?:真|太|好|真是|简直)?(?:是)?(?:{_BAD_ZH}|烂透|火大|弱智)(?:了|啊|吧|死了|至极)?\W*$"
    r"|^\W*(?:我?[操草靠艹]|卧槽|我去|日了?狗)\W*$"
    "|[😠😡🤬👎💢]"
)
_ABUSIVE_ZH = (
    r"傻[逼比bx屄]|沙雕|煞笔|他妈的|尼玛|(?<![给送为替让帮和跟是])[你尼]妈(?:的|逼|死)|(?<![体早])操你|草泥马|"
    r"(?<![今生假节])[日干艹]你(?:妈|娘|大爷|老母|全家|祖宗)|^\W*[日干艹]你\W*$|王八蛋|混蛋|狗东西|你大爷的|贱人|畜生|人渣|死全家|"
    r"滚犊子|你(?:他妈)?(?:个|这个?)?(?:sb|狗屎|神经病)|(?:你|你们)?(?:脑子|脑袋|脑壳)(?:是不是)?(?:有病|进水|坏了吧)|"
    r"^\W*(?:sb|nmsl|cnm|mmp|tmd|wdnmd|有病|神经病|狗屎|垃圾人)\W*$|sb(?:客服|机器人|公司|平台)|"
    rf"{_US_ZH}{_THING_ZH}(?:\w{{0,3}})(?:去死|滚|脑残|白痴|弱智|废物|蠢货|畜生|人渣)|^\W*(?:滚|去死|白痴|脑残|蠢货|妈的)\W*"
    r"(?:吧|开|蛋|啊)?\W*$|滚蛋|去你的|有病吧你|你有病"
)
_ABUSIVE = re.compile(f"{_ABUSIVE_EN}|{_ABUSIVE_ZH}")
_NEGATIVE = re.compile(f"{_NEGATIVE_EN}|{_NEGATIVE_ZH}")
_TAKEN_BACK = re.compile(
    r"(?:\b(?:not|never|no|isn't|aren't|wasn't|don't|hardly)\b|n't|不|没有|没|别|并非)[^.!?。！？,，;；]{0,8}$"
)
_NEGATED_INSIDE = re.compile(r"\bnot\b|n't\b|\bnever\b|(?<!是)不是|不算|没有")


def mood_of(text: str) -> Mood:
    """Return the mood of a text, in any case, width and script."""
    plain = simplify(unicodedata.normalize("NFKC", text[:1_000]).casefold())
    folded = closed_up(plain.replace("’", "'"))
    if _ABUSIVE.search(folded):
        return "abusive"
    for hit in _NEGATIVE.finditer(folded):
        if not _TAKEN_BACK.search(folded[: hit.start()]) and not _NEGATED_INSIDE.search(
            hit.group()
        ):
            return "negative"
    return "neutral"
