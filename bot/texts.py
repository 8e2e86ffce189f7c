"""Everything that the bot says of its own accord, in Chinese and English; each base may put its own
wording in place of ours (`BaseSettings.texts`, key `<name>.<zh|en>`)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

from bot.normalise import match_key, normalise

Lang = Literal["zh", "en"]

TEXTS: dict[str, tuple[str, str]] = {
    "greeting": (
        "您好，我是智能助手，请直接输入您的问题；需要人工请点“转人工”。",
        "Hello, I am the assistant. Just type your question; press “Talk to a person” for a human.",
    ),
    "hot": ("大家常问：", "People often ask:"),
    "related": ("您可能还想了解：", "You may also want to know:"),
    "clarify": (
        "您想问的是下面哪一个？请点选、回复序号，或换个说法。",
        "Which of these do you mean? Choose one, send its number, or put it differently.",
    ),
    "fallback": (
        "抱歉，这个问题我还不会回答。您可以换个说法，或转人工。",
        "Sorry, I do not know the answer to that. Please put it differently, or talk to a person.",
    ),
    "none_of_these": ("都不是", "None of these"),
    "human": ("转人工", "Talk to a person"),
    "handing_off": (
        "好的，正在为您转接人工客服，请稍候。",
        "Of course. I am handing you over to a person, one moment please.",
    ),
    "bot_failed": (
        "抱歉，我暂时无法回答，正在为您转接人工客服。",
        "Sorry, I cannot answer right now. I am handing you over to a person.",
    ),
    "sorry": (
        "非常抱歉给您带来不好的体验，正在为您转接人工客服。",
        "I am sorry about this experience. I am handing you over to a person.",
    ),
    "seen": (
        "已收到您的文件，我看不懂图片和文件，正在为您转接人工客服。",
        "I got your file but cannot read pictures or files. I am handing you over to a person.",
    ),
    "in_line": (
        "您前面还有 {n} 位。等待时可以继续问我，人工客服接入后会自动转接。",
        "There are {n} before you. You can go on asking me; a person will take over by themselves.",
    ),
    "next_in_line": (
        "您是下一位。等待时可以继续问我。",
        "You are next. You can go on asking me meanwhile.",
    ),
    "nobody_on_duty": (
        "抱歉，现在没有人工客服在线。请留言：写下您的问题和联系方式，我们上班后会尽快回复。",
        "Sorry, nobody is on duty now. Please leave a message: your question and how to reach you.",
    ),
    "queue_full": (
        "抱歉，人工客服排队已满。请留言：写下您的问题和联系方式，我们会尽快回复。",
        "Sorry, the queue is full. Please leave a message: your question and how to reach you.",
    ),
    "blacklisted": (
        "抱歉，目前无法为您转接人工客服。您可以继续问我，或写下留言。",
        "Sorry, I cannot hand you over to a person. You can go on asking me, or leave a message.",
    ),
    "refused": (
        "抱歉，暂时无法接通人工客服。请写下留言和联系方式，或继续问我。",
        "Sorry, no person can take over right now. Please leave a message, or go on asking me.",
    ),
    "message_taken": (
        "您的留言已记录，我们会尽快联系您。还有其他问题可以继续问我。",
        "Your message is recorded; we will get back to you. You can go on asking me.",
    ),
    "thanks": ("不客气，还有其他问题吗？", "You are welcome. Anything else?"),
    "bye": ("感谢您的咨询，再见！", "Thank you for coming, goodbye!"),
    "why.asked": ("客户要求人工", "Asked for a person"),
    "why.button": ("客户点了转人工", "Pressed the button for a person"),
    "why.misses": ("机器人连续未能回答", "The bot had no answer several times"),
    "why.low_rating": ("客户评价低", "Low rating"),
    "why.mood": ("客户情绪不满", "The customer is unhappy"),
    "why.abuse": ("客户言辞激烈", "The customer is abusive"),
    "why.vip": ("VIP 客户", "VIP customer"),
    "why.intent": ("该问题由人工处理", "A question for people only"),
    "why.attachment": ("客户发送了图片或文件", "Sent a picture or file"),
    "why.bot_failed": ("机器人超时或出错", "The bot was late or failed"),
    "message": ("客户留言", "Message left by the customer"),
    "customer": ("客户", "Customer"),
    "bot": ("机器人", "Bot"),
    "sources": ("来源：", "Sources: "),
}

COURTESIES: dict[str, re.Pattern[str]] = {
    "greeting": re.compile(
        r"(?:(?:请问)?(?:你好|您好|在不在|在[吗么嘛不]?(?=\W|$)|有人在?[吗么嘛]|哈[喽啰罗]|嗨喽?|喂|亲|"
        r"早(?:上好|安)?(?=\W|$)|[上中下]午好|晚上好|hello|hi|hey|hiya|"
        r"good (?:morning|afternoon|evening)|there)[\W啊呀哦]*)+"
    ),
    "thanks": re.compile(
        r"(?:(?:好[的哒滴]?|行|嗯|可以|知道[了啦]|明白了?|了解了?|收到了?|懂了|ok|okay|got it|"
        r"great)\W*)*(?:(?:(?:非常|太|十分|很)?(?:谢谢|多谢|感谢|谢啦|谢了|辛苦|麻烦)|thank you|"
        r"thanks?|thx|ty|3q|cheers)(?:[您你了啦啊]|\s*(?:a lot|so much|very much|you))*)?\W*"
    ),
    "bye": re.compile(
        r"(?:(?:再[见会]|拜拜?|掰掰|886?|晚安|下次再聊|(?:暂时)?没有?(?:其他|别的)?(?:问题|事)?了?|"
        r"没问题了|不用了|那?(?:先|就)这样吧?|bye(?: bye)?|goodbye|that's all|no thanks|谢谢)\W*)+"
    ),
}
"""What is said out of politeness: the whole text, normalised."""
COURTESY_CHARS = 40


class Texts:
    """The wordings of one base."""

    def __init__(self, changed: Mapping[str, str] | None = None) -> None:
        self._changed = dict(changed or {})

    def get(self, name: str, lang: Lang) -> str:
        """Return the text of a name in `TEXTS`."""
        own = self._changed.get(f"{name}.{lang}", "")
        return own or TEXTS[name][0 if lang == "zh" else 1]

    def is_human_button(self, text: str) -> bool:
        """Tell whether the text is exactly the label of the button for a person."""
        return text.strip() in {self.get("human", "zh"), self.get("human", "en")}

    def is_none_of_these(self, text: str) -> bool:
        """Tell whether the text is the label of the button that declines suggestions, or says so in
        other words."""
        labels = (*_NONE, self.get("none_of_these", "zh"), self.get("none_of_these", "en"))
        return _key(text) in {_key(label) for label in labels}


def courtesy_of(normalised: str) -> str:
    """Return the courtesy that the text is, whole; '' for anything else."""
    if len(normalised) > COURTESY_CHARS or re.search(r"\w", normalised) is None:
        return ""
    return next((name for name, p in COURTESIES.items() if p.fullmatch(normalised)), "")


_NONE = (
    "都不对",
    "都不是我想问的",
    "没有我要问的",
    "没有我想问的",
    "none",
    "none of them",
    "neither",
)


def _key(text: str) -> str:
    return match_key(normalise(text))


def language_of(text: str, otherwise: Lang) -> Lang:
    """Return the language a text is written in: Chinese if it has a Chinese character, English if
    it has a Latin letter."""
    if re.search(r"[\u3400-\u9fff]", text):
        return "zh"
    return "en" if re.search(r"[A-Za-z]", text) else otherwise
