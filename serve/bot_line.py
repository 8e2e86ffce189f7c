"""The caller's side of the bot's model: a deadline, one retry, and nothing that waits for ever."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
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
        told = await self._twice("answer", encoded(question), Answered)
        self._metrics.add("bot_answer_seconds", self._clock() - begun)
        self._metrics.add("bot_questions_total", 1.0, told.found.band)
        return told

    async def hello(self, asked: HelloAsked) -> HelloTold:
        """Return a bot's ways and hot questions; tries twice.

        Raises:
            ModelLateError: both tries failed.
        """
        return await self._twice("hello", encoded(asked), HelloTold)

    async def typed(self, asked: TypedAsked) -> TypedTold:
        """Return what a text may become.

        Raises:
            ModelLateError: it came to nothing in time; the next letter asks again.
        """
        return await self._once("typed", encoded(asked), TypedTold)

    async def assist(self, asked: AssistAsked) -> AssistTold:
        """Return topics for agents.

        Raises:
            ModelLateError: it came to nothing in time.
        """
        return await self._once("assist", encoded(asked), AssistTold)

    async def _twice(self, method: Method, request: bytes, kind: type[T]) -> T:
        try:
            return await self._once(method, request, kind)
        except ModelLateError:
            return await self._once(method, request, kind)

    async def _once(self, method: Method, request: bytes, kind: type[T]) -> T:
        try:
            async with asyncio.timeout(self._deadline_s):
                answer = await self._door(method, request)
        except TimeoutError:
            self._metrics.add("bot_misses_total", 1.0, "late")
            raise ModelLateError(f"{method}: nothing within {self._deadline_s} s") from None
        except ModelError as error:
            self._metrics.add("bot_misses_total", 1.0, "failed")
            raise ModelLateError(f"{method}: {error}") from error
        return msgspec.msgpack.decode(answer, type=kind)
