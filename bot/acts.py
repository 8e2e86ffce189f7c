"""What passes between the conversation, the model and the shell: findings in, acts out."""

from __future__ import annotations

import msgspec

from bot.decisions import Band, Suggestion
from bot.handoff import Reason
from bot.knowledge import Answer


class Ground(msgspec.Struct, frozen=True):
    """What the base says of one retrieved topic: all that a written answer may rest on."""

    topic: str
    question: str
    text: str


class Found(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the model made of one question. Travels between processes."""

    band: Band
    topic: str = ""
    """The best topic, shown or not."""
    question: str = ""
    probability: float | None = None
    answers: tuple[Answer, ...] = ()
    """Of the topic, for customers; only in the answer band."""
    suggestions: tuple[Suggestion, ...] = ()
    related: tuple[Suggestion, ...] = ()
    grounds: tuple[Ground, ...] = ()
    base: str = ""
    version: int = 0


class Reply(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One message to the customer: text, image or card, as `serve.wire.WireBody` has them."""

    kind: str = "text"
    text: str = ""
    title: str = ""
    url: str = ""
    buttons: tuple[str, ...] = ()


class Say(msgspec.Struct, frozen=True):
    """Say this to the customer."""

    reply: Reply


class TakeMessage(msgspec.Struct, frozen=True):
    """Keep what the customer left, for staff to find; `note` tells those in the session. `reason`:
    why nobody could be had."""

    note: str
    text: str
    reason: str


class HandOff(msgspec.Struct, frozen=True):
    """Give the session to a human. `note` is for the agent; `stay`: go on until one accepts."""

    reason: Reason
    note: str
    stay: bool = True


Act = Say | TakeMessage | HandOff
