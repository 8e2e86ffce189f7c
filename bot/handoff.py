"""Decide when the bot steps aside for a human, and with what reason and summary.

The rules are looked at in one order, the plainest wish first: who asks for a person gets one, even
when the bot would have known the answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, get_args

import msgspec

from bot.asking import NOT_PEOPLE, PEOPLE, asks_for_person
from bot.mood import Mood, mood_of

Reason = Literal[
    "asked",
    "button",
    "misses",
    "low_rating",
    "mood",
    "abuse",
    "vip",
    "intent",
    "attachment",
    "bot_failed",
]
"""Stable codes: they stand in transfer notes, metrics and reports."""
REASONS: tuple[Reason, ...] = get_args(Reason)

NOTE_CHARS = 2_000
"""Most characters of a transfer's note (`serve.wire`)."""
LINE_CHARS = 160


class HandoffRules(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One base's rules, all editable. 0 turns a number off."""

    asked: tuple[str, ...] = PEOPLE
    """Words for a person; empty: asking in words is not heard (the button still is)."""
    not_asked: tuple[str, ...] = NOT_PEOPLE
    misses: int = 2
    """Hand off after this many questions in a row without an answer."""
    low_rating: int = 2
    """Hand off on a rating of at most this (1-5)."""
    moods: bool = True
    vip_from: int = 0
    """Customers of this VIP level and above go to a human at once."""
    intents: tuple[str, ...] = ()
    """Topic ids that only a human handles."""
    attachments: bool = True
    keep_helping: bool = True
    """The bot goes on answering, with the place in the queue shown, until somebody accepts."""


def rules_of(changed: Mapping[str, object]) -> HandoffRules:
    """Return the rules with an organisation's changes.

    Raises:
        msgspec.ValidationError: a field has the wrong type.
    """
    return msgspec.convert(dict(changed), HandoffRules)


class Turn(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is known when a customer has said or done something. `misses` counts this one."""

    text: str = ""
    kind: str = "text"
    topic: str = ""
    misses: int = 0
    rating: int = 0
    vip: int = 0


def why_hand_off(turn: Turn, rules: HandoffRules) -> Reason | None:
    """Return the first reason to hand off, None to go on."""
    if turn.text and asks_for_person(turn.text, rules.asked, rules.not_asked):
        return "asked"
    if rules.moods and (mood := _mood(turn.text)) != "neutral":
        return "abuse" if mood == "abusive" else "mood"
    if rules.attachments and turn.kind in ("image", "file"):
        return "attachment"
    if turn.topic and turn.topic in rules.intents:
        return "intent"
    if rules.vip_from and turn.vip >= rules.vip_from:
        return "vip"
    if rules.low_rating and 0 < turn.rating <= rules.low_rating:
        return "low_rating"
    return "misses" if rules.misses and turn.misses >= rules.misses else None


def summarise(
    reason: Reason, why: str, lines: Sequence[tuple[str, str]], about: Sequence[str] = ()
) -> str:
    """Return the note for the human: why, about what, and the last lines that fit.

    `why` says the reason in words; `about` names topics; `lines` are (speaker, text), oldest
    first. At most NOTE_CHARS characters; the transcript itself travels with the session.
    """
    head = [f"[{reason}] {why}"]
    if about:
        head.append(" / ".join(dict.fromkeys(shorten(topic) for topic in about)))
    room = NOTE_CHARS - sum(len(line) + 1 for line in head)
    told: list[str] = []
    for who, text in reversed(lines):
        line = f"{who}: {shorten(text)}"
        if len(line) + 1 > room:
            break
        room -= len(line) + 1
        told.append(line)
    return "\n".join([*head, *reversed(told)])[:NOTE_CHARS]


def shorten(text: str) -> str:
    """Return the text on one line, cut to what a note shows of it."""
    flat = " ".join(text.split())
    return flat if len(flat) <= LINE_CHARS else flat[: LINE_CHARS - 1] + "…"


def _mood(text: str) -> Mood:
    return mood_of(text) if text else "neutral"
