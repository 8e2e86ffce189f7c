"""What passes between the bots, the gateways and the bot's model, which runs by itself.

Requests and answers are MessagePack: one kind of request is one method of the model's deployment.
"""

from __future__ import annotations

from typing import Literal, Protocol

import msgspec

from actors.frames import AssistTopic
from bot.acts import Found
from bot.decisions import Suggestion

Method = Literal["answer", "hello", "typed", "assist"]


class Question(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A customer's question to a bot. `session` decides who gets a version on trial; `grounds`:
    bring what the base says of the suggested topics, for a language model."""

    org: str
    bot: str
    session: str
    text: str
    grounds: bool = False


class Answered(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was found; `shadow_*` is what a version on trial would have said, unseen."""

    found: Found
    shadow_topic: str = ""
    shadow_probability: float | None = None


class HelloAsked(msgspec.Struct, frozen=True, kw_only=True):
    """How does this bot behave, and what do people often ask?"""

    org: str
    bot: str


class HelloTold(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`handoff`: changes to `bot.handoff.HandoffRules`; `texts`: to `bot.texts`."""

    hot: tuple[Suggestion, ...] = ()
    handoff: dict[str, object] = {}
    texts: dict[str, str] = {}


class TypedAsked(msgspec.Struct, frozen=True, kw_only=True):
    """What might this become, which a customer is typing?"""

    org: str
    text: str
    limit: int = 5


class TypedTold(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`known`: the organisation has a base at all."""

    suggestions: tuple[Suggestion, ...] = ()
    known: bool = True


class AssistAsked(msgspec.Struct, frozen=True, kw_only=True):
    """What might an agent answer to each of these customers' messages? (organisation, text)"""

    questions: tuple[tuple[str, str], ...]


class AssistTold(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Topics per question, best first; `strangers`: organisations without any base."""

    topics: tuple[tuple[AssistTopic, ...], ...] = ()
    strangers: tuple[str, ...] = ()


class ModelError(Exception):
    """The model cannot be reached, or failed."""


class ModelDoor(Protocol):
    """The way to the model's process."""

    async def __call__(self, method: Method, request: bytes) -> bytes:
        """Return the answer.

        Raises:
            ModelError: see there. It may also never answer: every caller has a deadline.
        """
        ...


def encoded(value: msgspec.Struct) -> bytes:
    """Return the value as MessagePack."""
    return msgspec.msgpack.encode(value)
