"""People who talk all the time, and how late their messages are in windows of that time: what they
notice of something that happens in one window and not in the other."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Sequence
from typing import Any

import msgspec

from benchmarks.histogram import Histogram
from benchmarks.organisation import agent_id
from benchmarks.people import People, Talk
from benchmarks.system import System

CAPACITY = 5
_COUNTS = ("sent", "acked", "lost", "duplicated", "out_of_order", "double_assigned")


class ChatWindows:
    """The people of one trial.

    Args:
        org: an organisation of its own, which is enrolled here.
        sessions: how many customers talk at once.
        say_every_s: the mean time between two messages of a session.
        window_s: the length of one window.
        people: whom to use; plain ones unless given.
    """

    def __init__(  # noqa: PLR0917
        self,
        system: System,
        org: str,
        sessions: int,
        say_every_s: float,
        window_s: float,
        people: People | None = None,
    ) -> None:
        self.org = org
        self.people = people or People(system.url, CAPACITY)
        agents = max(2, -(-sessions // CAPACITY))
        self._customers, self._staff = system.enrol(org, sessions, agents, CAPACITY)
        self._every_s, self._window_s = say_every_s, window_s
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
