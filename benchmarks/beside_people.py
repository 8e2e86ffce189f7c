"""What people notice of twelve thousand wordings that are learned beside them, by how the learner
gives way: in the idle class and a session of its own it may run anywhere, or on one processor only.

    python -m benchmarks.beside_people --json FILE

People talk all the time. Windows without a learner take turns with windows of each kind, in which
a learner is at it from beginning to end; `learner_cpu` is the share of one processor that it got.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import psutil

from benchmarks import chat_windows, report
from benchmarks.bot_questions import large_base
from benchmarks.chat_windows import ChatWindows
from benchmarks.histogram import Histogram
from benchmarks.system import running_system
from bot.answering import Understanding
from serve.priority import LAST, give_way, run_when_idle, stay_on_one_processor

KINDS = ("wandering", "one processor")
TEXTS = ("How do I return this?", "我想退货，怎么办？", "It does not fit.", "谢谢您")
BUSY_S = 60.0
READY = b"learning\n"


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the command line, checked."""
    parser = chat_windows.parser(__doc__ or "")
    parser.add_argument("--wordings", type=int, default=12_000, help="that are learned")
    parser.add_argument("--learn", choices=KINDS, help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def learn_for_ever(given: argparse.Namespace) -> None:
    """Be the learner of that kind, until somebody ends this process."""
    give_way(LAST)
    run_when_idle()
    if given.learn == "one processor":
        stay_on_one_processor()
    base = large_base(given.wordings, "o")
    sys.stdout.buffer.write(READY)
    sys.stdout.buffer.flush()
    while True:
        Understanding.learn(base)


@asynccontextmanager
async def learner(kind: str, wordings: int) -> AsyncIterator[psutil.Process]:
    """Have a learner at work."""
    command = [sys.executable, "-m", "benchmarks.beside_people", f"--wordings={wordings}"]
    process = await asyncio.create_subprocess_exec(
        *command, f"--learn={kind}", stdout=subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(BUSY_S):
            await process.stdout.readuntil(READY)
        yield psutil.Process(process.pid)
    finally:
        process.kill()
        await process.wait()


async def trial(given: argparse.Namespace, chats: ChatWindows) -> dict[str, Any]:
    """Return people's delays without and with each kind of learner."""
    await chats.begin(TEXTS)
    delays = {name: Histogram() for name in ("alone", *KINDS)}
    shares: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for _ in range(given.rounds):
        for kind in KINDS:
            delays["alone"].merge(await chats.window())
            async with learner(kind, given.wordings) as process:
                before = cpu_s(process)
                delays[kind].merge(await chats.window())
                shares[kind].append(round((cpu_s(process) - before) / given.window, 3))
    verdict = await chats.end()
    alone = delays["alone"].percentile(99)
    return {
        "human_ms": {name: found.summary_ms() for name, found in delays.items()},
        "human_p99_ratio": {kind: round(delays[kind].percentile(99) / alone, 3) for kind in KINDS},
        "learner_cpu": shares,
        **verdict,
    }


def cpu_s(process: psutil.Process) -> float:
    """Return the seconds that a process has worked."""
    times = process.cpu_times()
    return float(times.user + times.system)


def main() -> None:
    """Run, and report; or be the learner."""
    given = options()
    if given.learn:
        learn_for_ever(given)
    facts = report.machine_facts()
    with running_system(given.url) as system:
        # It enrols its organisation with an event loop of its own.
        chats = ChatWindows(given, system, f"beside{time.time_ns()}")
        result = asyncio.run(trial(given, chats))
    shown = [{"learner": name, **times} for name, times in result["human_ms"].items()]
    report.say(report.table(shown))
    report.write({"benchmark": "beside_people", **result, "machine": facts}, given.json)


if __name__ == "__main__":
    main()
