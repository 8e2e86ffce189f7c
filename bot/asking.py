"""Tell whether a customer asks for a person: not merely names one, and not the contrary.

A text is read clause by clause. A clause asks if it is nothing but a word for a person with
courtesies around it ("人工！", "human please"), if a verb of asking reaches such a word ("get me a
human", "帮我转一下人工"), if it wants anybody at all ("换个人来") or no bot ("别用机器人敷衍我"). A
refusal just before it takes it back ("我不要转人工"), except in a complaint ("为什么不给我转人工");
so does a past ("我联系过客服了"). Bare words in other company ask for nothing ("how do I hire an
agent?", "are you a real person or an AI", "客服几点上班").
"""

from __future__ import annotations

import re
from functools import lru_cache

from bot.normalise import closed_up, has_chinese, normalise

PEOPLE = (
    "人工", "真人", "活人", "人工客服", "人工服务", "人工坐席", "客服", "客服人员", "客服专员",
    "坐席", "座席", "专员",
    "human", "human being", "human agent", "live agent", "real agent", "agent", "person",
    "real person", "live person", "actual person", "representative", "rep", "operator",
    "advisor", "adviser", "customer service", "customer support", "customer care",
)  # fmt: skip
"""The words for a person that an organisation starts with."""
NOT_PEOPLE = (
    "人工智能", "人工合成", "人工授精", "人工费", "人工湖", "人工岛",
    "human resources", "human rights", "user agent", "travel agent", "estate agent",
    "estate agents", "insurance agent", "shipping agent", "in person", "per person",
)  # fmt: skip
"""Longer words that hold one of them and mean something else."""

_CLAUSES = re.compile(r"[,.!?;:，。！？；：、~～…\n]+|\bbut\b|\binstead\b|但是?|只要|就要")
_COURTESIES_ZH = re.compile(
    r"小姐姐|小哥哥|入口|哪里|哪儿|怎么|如何|联系|处理|解决|回答|回复|答复|看看|看一?下|咨询|帮忙|"
    r"帮助|介入|接入|接待|在线|还是|那就|亲|"
    r"[请吧啊呀呢嘛哦好的了谢谢您你快点马上立刻现在一下啦麻烦帮我给在吗么有没不接转找要叫来个位哪那就服务]"
)
_COURTESIES_EN = re.compile(
    r"\b(?:a|an|the|please|pls|plz|now|asap|hi|hello|hey|ok|okay|yes|real|live|actual|thanks|"
    r"thank you|thx|just|some|any|right|immediately|urgently|service|support|there|is|are)\b|\W"
)
_VERB_ZH = (
    r"(?:转接?|接|找|搵|揾|要|换|叫|请|安排|呼叫|联系|需要|想|来|跟|和|与|有没有|有|给我|帮我|让)"
    r"(?:[一个下位到至成给我们你您的线上在的话通先快点]){0,5}?"
)
_ROOM_ZH = r"(?![智湖岛费草钻皮]|安装|审核|成本|呼吸|降雨|心脏|关节)"
_ANYBODY_ZH = re.compile(
    r"(?:我|你们?|请|快|赶紧|就|能|可以|要|想|给|帮)*(?:换|找|叫|转|派)一?个?(?:真|活)?人"
    r"(?:来|吧|吗|啊|行吗|可以吗|聊|说话|回复|处理|接待|服务|工)*"
    r"|.{0,6}(?:和|跟|与)一?个?(?:真|活)?人(?:聊|说话|谈|沟通|对话|交流)[^的]{0,3}"
    r"|.{0,8}(?:找|叫|喊|让|请)(?:一下)?(?:你们?|您|贵司)?的?(?:经理|主管|领导|负责人|老板|上级|店长)"
    r"(?:出?来|过来|接|跟|和|说|处理|解决|回电|联系|给我).{0,6}"
    r"|.{0,4}(?:找|叫|喊)(?:一下)?(?:你们?|您|贵司)?的?(?:经理|主管|领导|负责人|老板|上级|店长)"
)
"""Anybody at all, or whoever is above: the whole clause."""
_NO_BOT_ZH = re.compile(
    r"(?:不要|不想|不愿意?|不跟|不和|别|拒绝|讨厌)(?:再|用|让|要|跟|和|与|拿|派|你们?的?|这个|破){0,4}机器人"
    r"(?:客服|服务|回复|回答|说话?|聊天?|沟通|对话|敷衍|糊弄|我|了){0,3}$"
)
_NO_BOT_EN = re.compile(
    r"(?:\b(?:no|stop|don't want|do not want|don't need|hate)(?:\s+(?:to|a|an|the|with|this|"
    r"your|another|any|more|talk|talking|speak|speaking|chat|chatting|stupid)){0,6}\s+"
    r"(?:ro)?bots?(?:\s+(?:please|anymore|any more|again))*)$"
)
_HAPPENED_ZH = re.compile(r"(?:已经?|刚才?|刚刚|昨天|前天|上次|之前|早上|前几天|曾经?)[^说叫让]*$")
_HAPPENED_AFTER_ZH = re.compile(r"^\w{0,2}过|^[说讲谈约]好|^了(?:没|还|也|但|他|她|半天|好|几|都)")
_TO_DO = r"(?:(?:want|need|like|wish|have|try|trying|prefer|love)\s+to\s+)?"
_VERB_EN = (
    r"(?:talk|speak|chat|connect|transfer|switch|escalate|hand|put|patch|pass|get|give|need|want|"
    r"prefer|bring|contact|reach|find|send)"
)
_WORDS_EN = (
    r"(?:\s+(?:me|us|you|to|with|through|over|on|in|touch|a|an|the|some|any|another|hold|of|"
    r"real|live|actual|rather|line|back|off)){0,6}\s+"
)
_AFTER_EN = (
    r"(?=\s*$|\s+(?:please|pls|plz|now|asap|right|to|who|that|which|instead|rather|on|for|because|"
    r"about|immediately|today|here|thanks|thank|not|and|or|from|in|with|at|regarding|then|this|"
    r"if|as|already|soon|service|support|team|of)\b)"
)
_SOMEONE = r"(?:someone|somebody|people|a person|your (?:team|staff|manager|supervisor)|a manager)"
_REFUSED_ZH = re.compile(
    r"(?:不|别|甭|勿|没|没有|无需|无须|毋需|不用|不必|没必要|没想|不是|拒绝|取消|先不)"
    r"(?:想|要|再|给我|帮我|给|用|需要|必|急着|打算|会|去|来|把我|是|让我|又|要求|一直|老){0,4}$"
)
_REFUSED_AFTER_ZH = re.compile(r"^[^，。]{0,3}(?:就算了|算了|就不用|不用了|不必|不需要|免了|就不)")
_COMPLAINT_ZH = re.compile(
    r"(?:为什[么幺]|为啥|为何|怎[么幺]|咋|干嘛|凭什么|难道|还|都)(?:还|也|就|总是|一直|老是|你|你们|都)*$"
)
_EITHER_ZH = re.compile(r"(能|可以|可|会|是|要|有|在)[不没唔]\1")
_REFUSED_EN = re.compile(
    r"\b(?:not|no|never|don't|dont|doesn't|didn't|won't|without|stop|avoid|wouldn't|needn't|"
    r"rather than|instead of|no need)(?:\s+(?:you|me|i|we|really|think|to|want|wanna|need|have|"
    r"like|wish|even|any|a|an|the|please|just|ever|asking|ask|be|being|talk|speak|necessary|"
    r"required|that|dare|yet)){0,5}\s*$"
)
_COMPLAINT_EN = re.compile(r"\b(?:why|how come)\b[^.]*$|\b(?:can|could|will|would)(?:n't| not)\s*$")
_HAPPENED_EN = re.compile(
    r"\b(?:already|did|previously|yesterday|earlier|last time|the)\s+(?:\w+\s+)?$"
)


def asks_for_person(
    text: str, people: tuple[str, ...] = PEOPLE, not_people: tuple[str, ...] = NOT_PEOPLE
) -> bool:
    """Tell whether the customer asks for one of `people` now. Any text, any width or script."""
    if not people:
        return False
    plain = closed_up(normalise(text))
    rest = _any_of(not_people).sub(" \u241f ", plain) if not_people else plain
    return any(_clause_asks(clause.strip(), people) for clause in _CLAUSES.split(rest) if clause)


def _clause_asks(clause: str, people: tuple[str, ...]) -> bool:
    if not clause:
        return False
    if has_chinese(clause):
        return _asks_zh(clause, people)
    return _asks_en(clause, people)


def _asks_zh(clause: str, people: tuple[str, ...]) -> bool:
    plain = _EITHER_ZH.sub(r"\1", clause)
    words = _any_of(people)
    hits = list(_asking_zh(people).finditer(plain))
    if hits:
        return any(not _is_refused_zh(plain, hit.start(), hit.end()) for hit in hits)
    if _NO_BOT_ZH.search(plain):
        return True
    if _ANYBODY_ZH.fullmatch(plain):
        return re.search("[不别没]", plain) is None
    bare = words.search(plain)
    if bare is None or _is_refused_zh(plain, bare.start(), bare.end()):
        return False
    left = _COURTESIES_ZH.sub("", words.sub("", plain))
    return not re.sub(r"\W", "", left)


def _is_refused_zh(clause: str, start: int, end: int) -> bool:
    before = clause[:start]
    if _HAPPENED_ZH.search(before) or _HAPPENED_AFTER_ZH.search(clause[end:]):
        return True
    refused = _REFUSED_ZH.search(before)
    if refused is not None:
        return _COMPLAINT_ZH.search(before[: refused.start()]) is None
    return _REFUSED_AFTER_ZH.search(clause[end:]) is not None


def _asks_en(clause: str, people: tuple[str, ...]) -> bool:
    words = _any_of(people)
    hits = list(_asking_en(people).finditer(clause))
    if hits:
        return any(not _is_refused_en(clause[: hit.start()]) for hit in hits)
    if _NO_BOT_EN.search(clause):
        return True
    bare = words.search(clause)
    if bare is None or _REFUSED_EN.search(clause[: bare.start()]):
        return False
    if re.match(r"(?:is|are)\b", clause) and not re.match(r"(?:is|are) there\b", clause):
        return False
    return not _COURTESIES_EN.sub("", words.sub("", clause))


def _is_refused_en(before: str) -> bool:
    if _HAPPENED_EN.search(before):
        return True
    return bool(_REFUSED_EN.search(before)) and not _COMPLAINT_EN.search(before)


@lru_cache(maxsize=1_000)
def _any_of(phrases: tuple[str, ...]) -> re.Pattern[str]:
    """Latin phrases as whole words, Chinese ones anywhere; longest first."""
    return re.compile("|".join(_parts(phrases)) or r"(?!)")


def _parts(phrases: tuple[str, ...]) -> list[str]:
    plain = sorted({normalise(phrase) for phrase in phrases} - {""}, key=len, reverse=True)
    return [rf"\b{re.escape(p)}s?\b" if p.isascii() else re.escape(p) for p in plain]


@lru_cache(maxsize=1_000)
def _asking_zh(people: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(f"{_VERB_ZH}(?:{'|'.join(_parts(people))}){_ROOM_ZH}")


@lru_cache(maxsize=1_000)
def _asking_en(people: tuple[str, ...]) -> re.Pattern[str]:
    noun = "|".join(_parts(people))
    someone = rf"(?:talk|speak|chat)(?:\s+(?:to|with))\s+{_SOMEONE}\b"
    return re.compile(rf"\b{_TO_DO}(?:{_VERB_EN}{_WORDS_EN}(?:{noun}){_AFTER_EN}|{someone})")
