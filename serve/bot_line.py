"""The caller's side of the bot's model: a deadline, one retry, and nothing that waits for ever."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

from actors.ports import Metrics
from serve.bot_ports import (
    Answered,
    AssistAsked,
    AssistTold,
    HelloAsked,
    HelloTold,
    Method,
    ModelDoor,
    ModelError,
    Question,
    TypedAsked,
    TypedTold,
    encoded,
)

DEADLINE_S = 0.3
T = TypeVar("T")


class ModelLateError(Exception):
    """The model neither answered in time nor after the retry."""


class BotLine:
    """Asks the model. Every call is over after its deadline, whatever the model does.

    Args:
        deadline_s: of one try at an answer.
    """

    def __init__(
        self,
        door: ModelDoor,
        metrics: Metrics,
        *,
        deadline_s: float = DEADLINE_S,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._door = door
        self._metrics = metrics
        self._deadline_s = deadline_s
        self._clock = clock

    async def answer(self, question: Question) -> Answered:
        """Return what the model makes of a question; tries twice.

        Raises:
            ModelLateError: both tries failed.
        """
        begun = self._clock()
        org = question.org
        told = await self._twice("answer", encoded(question), Answered, org)
        self._metrics.add("bot_answer_seconds", self._clock() - begun, org=org)
        self._metrics.add("bot_questions_total", 1.0, told.found.band, org)
        return told

    async def hello(self, asked: HelloAsked) -> HelloTold:
        """Return a bot's ways and hot questions; tries twice.

        Raises:
            ModelLateError: both tries failed.
        """
        return await self._twice("hello", encoded(asked), HelloTold, asked.org)

    async def typed(self, asked: TypedAsked) -> TypedTold:
        """Return what a text may become.

        Raises:
            ModelLateError: it came to nothing in time.
        """
        return await self._once("typed", encoded(asked), TypedTold, asked.org)

    async def assist(self, asked: AssistAsked) -> AssistTold:
        """Return topics for agents.

        Raises:
            ModelLateError: it came to nothing in time.
        """
        orgs = {org for org, _ in asked.questions}
        return await self._once("assist", encoded(asked), AssistTold, *orgs)

    async def _twice(self, method: Method, request: bytes, kind: type[T], org: str) -> T:
        try:
            return await self._once(method, request, kind, org)
        except ModelLateError:
            return await self._once(method, request, kind, org)

    async def _once(self, method: Method, request: bytes, kind: type[T], *orgs: str) -> T:
        try:
            async with asyncio.timeout(self._deadline_s):
                answer = await self._door(method, request)
            return msgspec.msgpack.decode(answer, type=kind)
        except TimeoutError:
            self._missed("late", orgs)
            raise ModelLateError(f"{method}: nothing within {self._deadline_s} s") from None
        except (ModelError, msgspec.MsgspecError) as error:
            self._missed("failed", orgs)
            raise ModelLateError(f"{method}: {error}") from error

    def _missed(self, why: str, orgs: Sequence[str]) -> None:
        for org in orgs:
            self._metrics.add("bot_misses_total", 1.0, why, org)
