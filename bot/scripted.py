"""A small scripted bot: greets, answers a few questions in Chinese and English, hands off.

Pure and deterministic: the same state and text give the same acts, so that a bot that was started
again repeats itself instead of contradicting itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal

Lang = Literal["zh", "en"]
MISSES_BEFORE_HAND_OFF = 2


@dataclass(frozen=True, slots=True)
class BotState:
    """What the bot remembers of a session."""

    lang: Lang = "zh"
    misses: int = 0
    """Questions in a row that it did not understand."""
    handed_off: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """Say this to the customer."""

    text: str


@dataclass(frozen=True, slots=True)
class HandOff:
    """Give the session to a human. `reason`: asked or missed; `note` is for the agent."""

    reason: Literal["asked", "missed"]
    note: str


BotAct = Answer | HandOff


@dataclass(frozen=True, slots=True)
class Entry:
    """One answer. A text is about it if it holds one of the words: Chinese ones anywhere, English
    ones as whole words, in any case."""

    words: tuple[str, ...]
    zh: str
    en: str

    def hits(self, text: str) -> int:
        """Return how many of the words the text holds."""
        return sum(_holds(text, word) for word in self.words)


FAQ: tuple[Entry, ...] = (
    Entry(
        ("营业时间", "几点", "上班", "hours", "open", "opening", "close"),
        "人工客服时间为每天 9:00–21:00，机器人全天在线。",
        "Our agents are here from 9:00 to 21:00 every day; I am here around the clock.",
    ),
    Entry(
        ("退款", "退货", "退钱", "refund", "return", "money back"),
        "签收后 7 天内可在“我的订单”申请退货，退款 1–3 个工作日到账。",
        "You can return an order within 7 days under “My orders”; refunds take 1–3 working days.",
    ),
    Entry(
        ("快递", "物流", "发货", "配送", "delivery", "shipping", "shipped", "parcel", "track"),
        "付款后 24 小时内发货，物流进度可在“我的订单”里查看。",
        "Orders ship within 24 hours of payment; “My orders” shows where your parcel is.",
    ),
    Entry(
        ("发票", "开票", "invoice", "receipt"),
        "订单完成后可在“我的订单”里申请电子发票，会发送到您的邮箱。",
        "Once an order is complete you can ask for an invoice under “My orders”.",
    ),
    Entry(
        ("密码", "登录", "登不上", "password", "sign in", "log in", "login"),
        "请在登录页点“忘记密码”，按短信提示重设即可。",
        "Choose “Forgot password” on the sign-in page and follow the message we send you.",
    ),
)

_HUMAN_ZH = ("转人工", "人工", "真人", "转接客服")
_HUMAN_EN = ("human", "agent", "representative", "operator", "real person")
_GREETINGS = ("你好", "您好", "在吗", "hello", "hi", "hey")

_TEXTS: dict[str, dict[Lang, str]] = {
    "greeting": {
        "zh": "您好，我是机器人助手。可以问我营业时间、退款、物流、发票或登录问题；"
        "需要人工请回复“转人工”。",
        "en": "Hello, I am the robot assistant. Ask me about opening hours, refunds, delivery, "
        "invoices or signing in; write “human” to talk to a person.",
    },
    "not_understood": {
        "zh": "抱歉，我没有听懂。请换个说法，或回复“转人工”。",
        "en": "Sorry, I did not understand. Please put it differently, or write “human”.",
    },
    "handing_off": {
        "zh": "好的，正在为您转接人工客服，请稍候。",
        "en": "Of course. I am handing you over to a person, one moment please.",
    },
    "asked": {"zh": "客户要求人工", "en": "Asked for a person"},
    "missed": {"zh": "机器人未能回答", "en": "The bot had no answer"},
    "nobody": {
        "zh": "抱歉，人工客服暂时无法接入，请稍后再试；我会继续为您服务。",
        "en": "Sorry, no person can take over right now. Please try again later; I am still here.",
    },
}


def greet(lang: Lang = "zh") -> tuple[BotState, list[BotAct]]:
    """Return the state at the start of a session, and the greeting."""
    return BotState(lang=lang), [Answer(_TEXTS["greeting"][lang])]


def reply(state: BotState, text: str) -> tuple[BotState, list[BotAct]]:
    """Return the state after a customer's text, and what to do, in order.

    Hands off when asked for a person, and after two misses in a row. After a hand-off it is silent.
    """
    if state.handed_off:
        return state, []
    text = text.strip()
    state = replace(state, lang=language_of(text, state.lang))
    if _asks_for_human(text):
        return _hand_off(state, "asked", text)
    best = max(FAQ, key=lambda entry: entry.hits(text))
    if best.hits(text):
        answer = best.zh if state.lang == "zh" else best.en
        return replace(state, misses=0), [Answer(answer)]
    if any(_holds(text, word) for word in _GREETINGS):
        return replace(state, misses=0), [Answer(_TEXTS["greeting"][state.lang])]
    if state.misses + 1 >= MISSES_BEFORE_HAND_OFF:
        return _hand_off(state, "missed", text)
    return replace(state, misses=state.misses + 1), [Answer(_TEXTS["not_understood"][state.lang])]


def stay(state: BotState) -> tuple[BotState, list[BotAct]]:
    """Return what to do when a hand-off was refused: say so and go on serving."""
    return replace(state, handed_off=False, misses=0), [Answer(_TEXTS["nobody"][state.lang])]


def language_of(text: str, otherwise: Lang) -> Lang:
    """Return the language a text is written in: Chinese if it has a Chinese character, English if
    it has a Latin letter."""
    if re.search(r"[\u3400-\u9fff]", text):
        return "zh"
    return "en" if re.search(r"[A-Za-z]", text) else otherwise


def _hand_off(
    state: BotState, reason: Literal["asked", "missed"], text: str
) -> tuple[BotState, list[BotAct]]:
    note = f"{_TEXTS[reason][state.lang]}: {text[:200]}"
    said = Answer(_TEXTS["handing_off"][state.lang])
    return replace(state, handed_off=True, misses=0), [said, HandOff(reason, note)]


def _asks_for_human(text: str) -> bool:
    return any(_holds(text, word) for word in _HUMAN_ZH + _HUMAN_EN)


def _holds(text: str, word: str) -> bool:
    if word.isascii():
        return re.search(rf"\b{re.escape(word)}\b", text, re.IGNORECASE) is not None
    return word in text
