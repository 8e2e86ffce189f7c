"""Passwords are hashed by a process beside the gateway, which may be slow, and may die."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator

import psutil
import pytest

from serve.password_hashes import HashesBeside

RIGHT = '密码 "quoted"\n\x00 pass'


@pytest.fixture
def hashes() -> Iterator[HashesBeside]:
    made = HashesBeside(patience_s=60.0)
    yield made
    made.close()


def workers() -> list[psutil.Process]:
    below = psutil.Process().children()
    return [one for one in below if any("hash_worker" in word for word in one.cmdline())]


async def test_a_password_is_hashed_and_known_again(hashes: HashesBeside) -> None:
    stored = await hashes.hash(RIGHT)
    assert stored.startswith("$argon2id$")
    told = await asyncio.gather(
        *(hashes.matches(stored, one) for one in (RIGHT, "wrong", "", RIGHT + " "))
    )
    assert told == [True, False, False, False]
    assert not await hashes.matches("no hash at all", RIGHT)
    assert not await hashes.matches("", RIGHT)


@pytest.mark.skipif(sys.platform != "linux", reason="Linux's idle class")
async def test_the_worker_yields_to_everybody(hashes: HashesBeside) -> None:
    await hashes.hash(RIGHT)
    [worker] = workers()
    assert os.sched_getscheduler(worker.pid) == os.SCHED_IDLE


async def test_a_worker_that_died_is_replaced(hashes: HashesBeside) -> None:
    stored = await hashes.hash(RIGHT)
    [worker] = workers()
    worker.kill()
    assert await hashes.matches(stored, RIGHT)
    assert await hashes.matches(stored, RIGHT)
    assert [one.pid for one in workers() if one != worker]


async def test_what_takes_too_long_is_hashed_here_and_a_late_answer_is_nobodys() -> None:
    hashes = HashesBeside(patience_s=0.0)
    stored = await hashes.hash(RIGHT)
    told = [await hashes.matches(stored, one) for one in ("wrong", RIGHT, "wrong")]
    hashes._patience_s = 60.0
    assert told == [False, True, False]
    assert await hashes.matches(stored, RIGHT)
    hashes.close()


def test_closing_ends_the_worker(hashes: HashesBeside) -> None:
    asyncio.run(hashes.hash(RIGHT))
    assert workers()
    hashes.close()
    assert not workers()
