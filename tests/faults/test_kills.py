"""kill -9 (and worse) of every part of the real system under load: M1 to M5, M7, M8, R1."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import psutil
import pytest

from benchmarks import faults
from tests.support.real import Real

pytest_plugins = ["tests.support.real"]
pytestmark = [pytest.mark.ray, pytest.mark.timeout(300)]

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


def kill_all(pids: Callable[[], list[int]]) -> Callable[[str], Any]:
    async def strike(_: str) -> None:
        found = pids()
        assert found, "nothing to kill"
        for pid in found:
            os.kill(pid, signal.SIGKILL)

    return strike


async def under_load(real: Real, part: str, strike: Callable[[str], Any]) -> dict[str, Any]:
    """Sessions talk and contacts arrive; `strike` hits in the middle; everything is counted."""
    given = faults.options(
        [
            "--kill",
            "queue",
            "--sessions",
            "10",
            "--before",
            "2",
            "--after",
            "12",
            "--say-every",
            "0.5",
        ]
    )
    # It publishes its organisation with an event loop of its own.
    trial = await asyncio.to_thread(faults.Trial, given, part, real.as_benchmarked(), strike)
    return await trial.run()


@pytest.mark.parametrize(
    "part", ["SessionHost", "AgentHost", "QueueHost", "DispatchHost", "KeeperActor"]
)
async def test_a_killed_actor_process_costs_nobody_anything(real: Real, part: str) -> None:
    result = await under_load(real, part, kill_all(lambda: real.pids(f"ray::{part}")))
    assert {name: result[name] for name in ZERO} == dict.fromkeys(ZERO, 0)
    assert result["acked"] > 0


async def test_a_killed_gateway_costs_nobody_anything(real: Real) -> None:
    helpers: list[psutil.Process] = []

    async def strike(_: str) -> None:
        gateways = [psutil.Process(pid) for pid in real.gateways()]
        async with asyncio.timeout(60):  # the one that records has a helper, from its first file on
            while not any(one.children() for one in gateways):  # noqa: ASYNC110  # a look says as much
                await asyncio.sleep(0.1)
        first = max(gateways, key=lambda one: len(one.children()))
        helpers.extend(first.children(recursive=True))
        first.kill()

    result = await under_load(real, "gateway", strike)
    assert {name: result[name] for name in ZERO} == dict.fromkeys(ZERO, 0)
    _, left_behind = await asyncio.to_thread(psutil.wait_procs, helpers, 60)
    assert helpers
    assert left_behind == []


async def test_a_killed_store_costs_nobody_anything(real: Real) -> None:
    result = await under_load(
        real, "redis", kill_all(lambda: real.pids("valkey-server") or _valkey(real))
    )
    assert {name: result[name] for name in ZERO} == dict.fromkeys(ZERO, 0)


async def test_a_host_that_dies_while_the_store_is_away_is_replaced_once_it_is_back(
    real: Real,
) -> None:
    """The keeper cannot replace a host without the store; it must not give up, nor its callers."""

    async def strike(_: str) -> None:
        stores = real.pids("valkey-server") or _valkey(real)
        for pid in stores:
            os.kill(pid, signal.SIGSTOP)
        for pid in real.pids("ray::SessionHost"):
            os.kill(pid, signal.SIGKILL)

        async def fail() -> None:
            await asyncio.sleep(6.0)  # longer than a command waits for its answer
            for pid in stores:
                os.kill(pid, signal.SIGKILL)

        failing.append(asyncio.create_task(fail()))

    failing: list[asyncio.Task[None]] = []
    result = await under_load(real, "store and session shard", strike)
    await asyncio.gather(*failing)
    assert {name: result[name] for name in ZERO} == dict.fromkeys(ZERO, 0)


def _valkey(real: Real) -> list[int]:
    below = psutil.Process(real.pid).children(recursive=True)
    return [p.pid for p in below if "valkey" in p.name()]


async def test_a_shard_that_stood_still_and_goes_on_is_refused(real: Real) -> None:
    """M7: a host that does not answer is replaced; when it wakes, nothing it does counts."""
    stopped: list[int] = []

    async def strike(_: str) -> None:
        stopped.extend(real.pids("ray::SessionHost"))
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)

        async def wake() -> None:
            await asyncio.sleep(6.0)  # the replacement serves by then; if not, so much the worse
            for pid in stopped:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

        waking.append(asyncio.create_task(wake()))

    waking: list[asyncio.Task[None]] = []
    result = await under_load(real, "stopped session shard", strike)
    await asyncio.gather(*waking)
    assert stopped
    assert {name: result[name] for name in ZERO} == dict.fromkeys(ZERO, 0)
