"""The bot is killed, hangs and is upgraded while people chat: people notice nothing."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import msgspec
import pytest

from actors.frames import Message
from benchmarks import faults
from infra.directory.audit import COMMAND_LINE
from infra.knowledge.rows import KnowledgeReader
from infra.knowledge.writer import KnowledgeWriter
from serve.demo import BASE
from serve.knowledge.store import read_base
from tests.support.real import Desk, Real

pytest_plugins = ["tests.support.real"]
pytestmark = [pytest.mark.ray, pytest.mark.timeout(300)]

MODEL = "ray::ServeReplica:bot_model"
BOTS = "ray::ServeReplica:bots"
ZERO = (
    "lost",
    "duplicated",
    "out_of_order",
    "missing_in_history",
    "double_assigned",
    "over_capacity",
    "never_recovered",
    "unread_histories",
    "unanswered",
)
LOAD = ["--kill=queue", "--sessions=10", "--before=2", "--after=8", "--say-every=0.3"]


async def people_notice(real: Real, strike: Callable[[str], Any]) -> dict[str, int]:
    """Let people chat, strike in the middle, and return every count that must be 0."""
    # It publishes its organisation with an event loop of its own.
    trial = await asyncio.to_thread(
        faults.Trial, faults.options(LOAD), "bot", real.as_benchmarked(), strike
    )
    result = await trial.run()
    assert result["acked"] > 0
    return {name: result[name] for name in ZERO}


def signalled(real: Real, title: str, number: signal.Signals) -> list[int]:
    found = real.pids(title)
    assert found, f"no {title}"
    for pid in found:
        os.kill(pid, number)
    return found


@pytest.mark.parametrize("title", [MODEL, BOTS])
async def test_a_killed_bot_costs_people_nothing_and_answers_again(
    real: Real, desk: Desk, title: str
) -> None:
    async def strike(_: str) -> None:
        signalled(real, title, signal.SIGKILL)

    assert await people_notice(real, strike) == dict.fromkeys(ZERO, 0)
    await bot_answers(desk, "7 天内")


async def test_a_bot_that_hangs_costs_people_nothing_and_its_customers_get_a_person(
    real: Real, desk: Desk
) -> None:
    await desk.agent("bob", "break")
    customer, saw = await desk.customer()
    await customer.start()
    await saw.first(Message, lambda m: m.from_.kind == "bot")
    stopped: list[int] = []

    async def strike(_: str) -> None:
        stopped.extend(signalled(real, MODEL, signal.SIGSTOP))
        asked = await customer.say("怎么退款")
        await saw.first(Message, lambda m: m.seq > asked.seq and "暂时无法回答" in m.body.text)

    try:
        assert await people_notice(real, strike) == dict.fromkeys(ZERO, 0)
    finally:
        for pid in stopped:
            with suppress(ProcessLookupError):  # Serve may have replaced it
                os.kill(pid, signal.SIGCONT)
    await customer.end()


async def test_a_new_version_costs_people_nothing_and_answers_without_a_restart(
    real: Real, desk: Desk
) -> None:
    before = real.pids(MODEL)

    async def strike(_: str) -> None:
        await publish(real, "7 天内", "三十天内")

    try:
        assert await people_notice(real, strike) == dict.fromkeys(ZERO, 0)
        await bot_answers(desk, "三十天内")
        assert real.pids(MODEL) == before
    finally:
        await publish(real, "三十天内", "7 天内")


def answers(seq: int) -> Callable[[Message], bool]:
    """Fit messages of a bot after that."""
    return lambda m: m.seq > seq and m.from_.kind == "bot"


async def bot_answers(desk: Desk, piece: str) -> None:
    """Ask until the answer holds the piece: a bot that was replaced is back in a while."""
    async with asyncio.timeout(90):
        while True:
            customer, saw = await desk.customer()
            await customer.start()
            hello = await saw.first(Message, answers(0))
            await customer.say("怎么申请退款？")
            told = await saw.first(Message, answers(hello.seq))
            await customer.end()
            if piece in told.body.text:
                return
            await asyncio.sleep(1.0)  # nothing tells when a replica is back


async def publish(real: Real, old: str, new: str) -> None:
    """Publish the demo base with one wording changed."""
    directory = real.directory()
    try:
        reader = KnowledgeReader(directory.engine)
        row = await reader.base("demo", BASE)
        stored = await reader.version("demo", BASE, row.live)
        body = msgspec.json.encode(read_base(stored.body)).decode().replace(old, new)
        async with directory.writing("demo", COMMAND_LINE) as writer:
            knowledge = KnowledgeWriter(writer)
            mine = await knowledge.base(BASE)
            version = await knowledge.publish(mine, body.encode(), topics_n=stored.topics_n)
            knowledge.set_live(mine, version.number)
    finally:
        await directory.close()
