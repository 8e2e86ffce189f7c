"""Callers of the bot's model never wait longer than their deadline."""

from __future__ import annotations

import asyncio

import pytest
from ray import serve

from bot.acts import Found
from infra.metrics import PlainMetrics
from serve.bot_door import ServeDoor
from serve.bot_line import BotLine, ModelLateError
from serve.bot_ports import Answered, ModelError, Question, TypedAsked, encoded

QUESTION = Question(org="o", bot="b", session="1", text="hello")
FINE = encoded(Answered(found=Found(band="fallback")))


class Door:
    """Behaves as told, call by call: an answer, an error, or nothing for ever."""

    def __init__(self, *behaves: bytes | Exception | None) -> None:
        self.behaves = list(behaves)
        self.calls = 0

    async def __call__(self, method: str, request: bytes) -> bytes:
        self.calls += 1
        one = self.behaves.pop(0)
        if one is None:
            await asyncio.Event().wait()
        if isinstance(one, Exception):
            raise one
        assert one is not None
        return one


def absent(*_: object, **options: object) -> None:
    assert options == {"_check_exists": False}
    raise KeyError("bot_model")


def line(door: Door, metrics: PlainMetrics) -> BotLine:
    return BotLine(door, metrics, deadline_s=0.02)


@pytest.mark.parametrize("first", [None, ModelError("down")])
async def test_a_late_or_failed_try_is_repeated_once(first: Exception | None) -> None:
    metrics, door = PlainMetrics(), Door(first, FINE)
    assert (await line(door, metrics).answer(QUESTION)).found.band == "fallback"
    assert door.calls == 2
    assert metrics.counts["bot_misses_total", "failed" if first else "late", "o"] == 1.0
    assert metrics.counts["bot_questions_total", "fallback", "o"] == 1.0


async def test_two_tries_in_vain_are_an_error_and_there_is_no_third() -> None:
    door = Door(None, ModelError("down"), FINE)
    with pytest.raises(ModelLateError):
        await line(door, PlainMetrics()).answer(QUESTION)
    assert door.calls == 2


async def test_typing_ahead_is_not_tried_twice() -> None:
    door = Door(None, FINE)
    with pytest.raises(ModelLateError):
        await line(door, PlainMetrics()).typed(TypedAsked(org="o", text="ref"))
    assert door.calls == 1


async def test_an_answer_that_cannot_be_read_is_none() -> None:
    metrics = PlainMetrics()
    with pytest.raises(ModelLateError):
        await line(Door(b"\xc1", b""), metrics).answer(QUESTION)
    assert metrics.counts["bot_misses_total", "failed", "o"] == 2.0


async def test_a_model_that_is_not_there_is_an_error_of_the_model(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(serve, "get_deployment_handle", absent)
    with pytest.raises(ModelError, match="KeyError"):
        await ServeDoor()("answer", b"")
