"""People who talk all the time, and how late their messages are in windows of that time: what they
notice of something that happens in one window and not in the other."""

from __future__ import annotations

import argparse
import asyncio
import random
import time
from collections.abc import Awaitable, Sequence
from typing import Any

import msgspec

from benchmarks import report
from benchmarks.histogram import Histogram
from benchmarks.organisation import agent_id
from benchmarks.people import People, Talk
from benchmarks.system import System

CAPACITY = 5
_COUNTS = ("sent", "acked", "lost", "duplicated", "out_of_order", "double_assigned")


def parser(doc: str) -> argparse.ArgumentParser:
    """Return the command line of a program that watches people in windows."""
    options = report.parser(doc)
    options.add_argument("--sessions", type=int, default=40)
    options.add_argument("--say-every", type=float, default=0.4, help="seconds, per session")
    options.add_argument("--window", type=float, default=15.0, help="seconds of one window")
    options.add_argument("--rounds", type=int, default=3, help="windows of each kind")
    return options


class ChatWindows:
    """The people of one trial.

    Args:
        given: the options of `parser`.
        org: an organisation of its own, which is enrolled here.
        people: whom to use; plain ones unless given.
    """

    def __init__(
        self, given: argparse.Namespace, system: System, org: str, people: People | None = None
    ) -> None:
        self.org = org
        self.people = people or People(system.url, CAPACITY)
        agents = max(2, -(-given.sessions // CAPACITY))
        self._customers, self._staff = system.enrol(org, given.sessions, agents, CAPACITY)
        self._every_s, self._window_s = given.say_every, given.window
        self._dice = random.Random(1)
        self._over = asyncio.Event()
        self._jobs: list[asyncio.Task[None]] = []

    async def begin(self, texts: Sequence[str]) -> None:
        """Let everybody arrive, and talk about these things until `end`."""
        people = self.people
        await people.hire({agent_id(self.org, n): t for n, t in enumerate(self._staff)})
        talks = [await people.arrive(token) for token in self._customers]
        while not all(talk.assigned_at for talk in talks):  # noqa: ASYNC110  # ends with the assignments
            await asyncio.sleep(0.05)
        self._jobs = [asyncio.create_task(self._keep_talking(talk, texts)) for talk in talks]
        await asyncio.sleep(self._window_s / 2)

    async def window(self, beside: Awaitable[object] | None = None) -> Histogram:
        """Return how late people's messages were in one window, with `beside` happening in it."""
        self.people.checker.deliver = Histogram()
        happening = None if beside is None else asyncio.ensure_future(beside)
        await asyncio.sleep(self._window_s)
        if happening is not None:
            await happening
        return self.people.checker.deliver

    async def end(self) -> dict[str, Any]:
        """Let everybody finish and leave; return what the checker counted."""
        people = self.people
        self._over.set()
        await asyncio.gather(*self._jobs)
        deadline = time.perf_counter() + 30.0
        while (people.under_way or people.checker.owed()) and time.perf_counter() < deadline:  # noqa: ASYNC110  # a look now and then says as much
            await asyncio.sleep(0.1)
        verdict = msgspec.to_builtins(people.checker.report())
        await people.leave()
        return {name: verdict[name] for name in _COUNTS}

    async def _keep_talking(self, talk: Talk, texts: Sequence[str]) -> None:
        # No two people keep step: after a pause they would all speak at once, for ever.
        await asyncio.sleep(self._dice.random() * self._every_s)
        while not self._over.is_set():
            self.people.say(talk, texts[talk.turn % len(texts)])
            await asyncio.sleep(self._dice.uniform(0.5, 1.5) * self._every_s)
