"""The assignment models on a real Serve: absent, promoted, swapped without a restart, killed."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

PROGRAM = """
import asyncio, os, signal, sys
from functools import partial
from pathlib import Path

from ray import serve

from actors.on_ray import start_ray, stop_ray
from actors.scoring import ModelUnavailableError, Question, ScoreRequest
from actors.scoring_on_ray import APP, ServeScores
from infra.objects import LocalObjects
from policies.learned.registry import Folder, Registry
from policies.learned.training import train
from serve.assignment_on_serve import assignment_app
from serve.on_serve import stop_gateways
from tests.unit.policies_learned.learned_support import CHANCES, agent, contact, samples

NOW = 1_800_000_000.0
folder = Path(sys.argv[1])


def store():
    return LocalObjects(folder)


def promote(seed):
    model = train(samples(300, seed), created_at=NOW)
    registry = Registry(Folder(folder))
    registry.save(model)
    registry.promote("assignment", model.card.version, NOW)
    return model.version


async def scored(source, wanted=None, within_s=60.0):
    questions = [Question(contact(at=NOW - 5), [agent(name) for name in CHANCES])]
    request = ScoreRequest(id="1", org="acme", now=NOW, questions=questions)
    deadline = asyncio.get_running_loop().time() + within_s
    while True:
        try:
            async with asyncio.timeout(1.0):
                found = (await source.score(request)).scores["c1"].model
            if wanted in (None, found):
                return found
        except (ModelUnavailableError, TimeoutError) as error:
            found = type(error).__name__
            if wanted == found:
                return found
        if asyncio.get_running_loop().time() > deadline:
            raise AssertionError(f"{found}, not {wanted}")
        await asyncio.sleep(0.05)


async def pid(handle):
    return await handle.pid.remote()


async def main():
    source = ServeScores()
    print("absent:", await scored(source, "ModelUnavailableError"))
    handle = serve.run(assignment_app(store), name=APP, route_prefix=None)
    print("empty:", await scored(source, "ModelUnavailableError"))
    first = promote(1)
    print("first:", await scored(source, first) == first)
    before = await pid(handle)
    second = promote(2)
    print("second:", await scored(source, second) == second)
    print("same process:", await pid(handle) == before)
    os.kill(before, signal.SIGKILL)
    print("back:", await scored(source, second) == second)
    print("new process:", await pid(handle) != before)


start_ray()
try:
    serve.start(proxy_location="Disabled")
    asyncio.run(main())
finally:
    stop_gateways()
    stop_ray()
"""


@pytest.mark.slow
def test_models_are_swapped_in_place_and_come_back_when_killed(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(PROGRAM), str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
        env={**os.environ, "PYTHONPATH": "."},
    )

    assert done.returncode == 0, done.stderr[-3000:]
    told = [line for line in done.stdout.splitlines() if "(raylet)" not in line]
    assert told == [
        "absent: ModelUnavailableError",
        "empty: ModelUnavailableError",
        "first: True",
        "second: True",
        "same process: True",
        "back: True",
        "new process: True",
    ]
