"""What people notice of the bot: their delays while it is killed, hangs and is upgraded, beside the
same load with the bot left alone; and how fast the bot answers through Serve.

    python -m benchmarks.bot_isolation --json FILE

People talk all the time. Windows in which the bot is left alone take turns with windows in which it
is harmed, so that whatever else the machine does meets both alike. The next begins when the bot is
whole again; `whole_again_s` says when that was, and is never less than a window.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import signal
import time
import zlib
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import msgspec
import psutil
from ray import serve
from ray.serve.schema import ApplicationStatus

from actors.frames import Assist, Message
from benchmarks import chat_windows, report
from benchmarks.bot_questions import BASE, large_base, misspelt, one_more
from benchmarks.chat_windows import CAPACITY, ChatWindows
from benchmarks.histogram import Histogram
from benchmarks.people import People
from benchmarks.system import System, running_system
from bot.knowledge import Base
from infra.knowledge.feed import Live, LiveVersion, RedisKnowledge
from infra.metrics import PlainMetrics
from infra.redis_client import connect
from serve.bot_door import BOT_APP, ServeDoor
from serve.bot_line import BotLine, ModelLateError
from serve.bot_ports import Question
from serve.client import ClientEvent

HARMS = ("killed", "hung", "upgraded")
REPLICAS = ("ServeReplica:bot_model", "ServeReplica:bots")
WHOLE_S = 120.0


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the command line, checked."""
    parser = chat_windows.parser(__doc__ or "")
    parser.add_argument("--questions", type=int, default=12_000, help="wordings in the base")
    parser.add_argument("--rate", type=float, default=100.0, help="questions a second")
    parser.add_argument("--seconds", type=float, default=20.0, help="of questions")
    return parser.parse_args(arguments)


class Watched(People):
    """People whose agents also note how late suggestions come, from when the customer spoke."""

    def __init__(self, url: str, capacity: int) -> None:
        super().__init__(url, capacity)
        self.assist = Histogram()
        self._spoken: dict[tuple[str, int], float] = {}

    def _agent_saw(self, agent: str, event: ClientEvent) -> None:
        super()._agent_saw(agent, event)
        if isinstance(event, Message) and event.client_id in self._said_at:
            self._spoken[event.session, event.seq] = self._said_at[event.client_id][2]
        elif isinstance(event, Assist):
            spoken = self._spoken.get((event.session, event.seq))
            if spoken is not None:
                self.assist.add(time.perf_counter() - spoken)


class Trial:
    """One system, its people, and its bot."""

    def __init__(self, given: argparse.Namespace, system: System) -> None:
        self._given = given
        self._org = f"calm{time.time_ns()}"
        self._people = Watched(system.url, CAPACITY)
        self._chats = ChatWindows(given, system, self._org, self._people)
        self._texts: list[str] = []
        self._dice = random.Random(1)
        self._version = 0
        self._whole_s: dict[str, list[float]] = {harm: [] for harm in HARMS}
        self._quiet_assist = Histogram()
        self._redis = connect(system.redis_url)
        self._line = BotLine(ServeDoor(), PlainMetrics(), deadline_s=5.0)

    async def run(self) -> dict[str, Any]:
        """Answer questions first, then chat through every kind of harm."""
        base = large_base(self._given.questions, self._org)
        await self._publish(await self._next(base))
        await self._whole()
        self._texts = misspelt(base, 1_000, self._dice)
        answers = await self._ask(base)
        report.say(report.table([{"what": "questions through Serve", **answers}]))
        delays, verdict = await self._chat(base)
        await self._redis.aclose()
        quiet = delays["left alone"].percentile(99)
        windows = {name: found.summary_ms() for name, found in delays.items()}
        ratios = {
            name: round(delays[name].percentile(99) / quiet, 3) if quiet else None for name in HARMS
        }
        return {
            "serve": answers,
            "human_ms": windows,
            "human_p99_ratio": ratios,
            "whole_again_s": self._whole_s,
            "assist_ms": self._quiet_assist.summary_ms(),
            "assists": self._quiet_assist.n,
            **verdict,
        }

    # --- questions -------------------------------------------------------------------------

    async def _next(self, base: Base) -> Live:
        """Return a next version of the base, with one more wording: it will be learned."""
        self._version += 1
        base = one_more(base, f"{base.topics[0].question} ({self._version})")
        body = await asyncio.to_thread(lambda: zlib.compress(msgspec.json.encode(base)))
        stored = LiveVersion(
            number=self._version, at=time.time(), by="", note="", restored=0, body=body
        )
        return Live(
            org=self._org,
            base=BASE,
            generation=self._version,
            settings=b"{}",
            version=stored,
        )

    async def _publish(self, version: Live) -> None:
        await RedisKnowledge(self._redis).publish(version)

    async def _whole(self) -> None:
        """Wait until the bots run, and the newest version of the base answers."""
        asked = Question(org=self._org, bot="bot", session="1", text="?")
        async with asyncio.timeout(WHOLE_S):
            while True:
                with suppress(ModelLateError):
                    told = await self._line.answer(asked)
                    if told.found.version == self._version and await asyncio.to_thread(bots_run):
                        return
                await asyncio.sleep(0.5)

    async def _ask(self, base: Base) -> dict[str, Any]:
        """Ask at a fixed rate, whatever the answers do."""
        given, delays, late = self._given, Histogram(), 0
        texts = misspelt(base, int(given.rate * given.seconds), self._dice)
        begun, tasks = time.perf_counter() + 0.5, list[asyncio.Task[float | None]]()
        for number, text in enumerate(texts):
            await asyncio.sleep(max(0.0, begun + number / given.rate - time.perf_counter()))
            tasks.append(asyncio.create_task(self._answer(text, begun + number / given.rate)))
        for took in await asyncio.gather(*tasks):
            late += took is None
            if took is not None:
                delays.add(took)
        return {"rate": given.rate, "asked": len(tasks), "failed": late, **delays.summary_ms()}

    async def _answer(self, text: str, due: float) -> float | None:
        question = Question(org=self._org, bot="bot", session="1", text=text)
        try:
            await self._line.answer(question)
        except ModelLateError:
            return None
        return time.perf_counter() - due

    # --- people ----------------------------------------------------------------------------

    async def _chat(self, base: Base) -> tuple[dict[str, Histogram], dict[str, Any]]:
        chats = self._chats
        await chats.begin(self._texts)
        delays = {name: Histogram() for name in ("left alone", *HARMS)}
        for _ in range(self._given.rounds):
            for harm in HARMS:
                # Made in a window's stead: in the load's own process it would be people's delay.
                version = await self._next(base) if harm == "upgraded" else None
                self._people.assist = Histogram()
                delays["left alone"].merge(await chats.window())
                self._quiet_assist.merge(self._people.assist)
                begun = time.perf_counter()
                delays[harm].merge(await chats.window(self._harm(harm, version)))
                await self._whole()
                self._whole_s[harm].append(round(time.perf_counter() - begun, 1))
        return delays, await chats.end()

    async def _harm(self, harm: str, version: Live | None) -> None:
        pids = bot_processes()
        if harm == "killed":
            for pid in pids:
                os.kill(pid, signal.SIGKILL)
        elif harm == "hung":
            for pid in pids:
                os.kill(pid, signal.SIGSTOP)
            await asyncio.sleep(self._given.window * 0.9)
            for pid in pids:
                with suppress(ProcessLookupError):  # Serve may have replaced it
                    os.kill(pid, signal.SIGCONT)
        elif version is not None:
            await self._publish(version)


def bots_run() -> bool:
    """Return whether the application of the bots is running (a call to Serve's controller)."""
    return serve.status().applications[BOT_APP].status == ApplicationStatus.RUNNING


def bot_processes() -> list[int]:
    """Return the processes of both applications of the bot, below this one."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            command = " ".join(process.cmdline())
            if any(title in command for title in REPLICAS):
                found.append(process.pid)
    return found


def main() -> None:
    """Run, and report."""
    given = options()
    facts = report.machine_facts()
    with running_system(given.url, bots=True) as system:
        result = asyncio.run(Trial(given, system).run())
    shown = [{"bot": name, **times} for name, times in result["human_ms"].items()]
    report.say(report.table(shown))
    report.write({"benchmark": "bot_isolation", **result, "machine": facts}, given.json)


if __name__ == "__main__":
    main()
