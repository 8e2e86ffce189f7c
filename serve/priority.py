"""Who gives way to whom on a processor: work that nobody waits for yields to people's messages.

Linux shares processors between sessions first (autogroups, `man 7 sched`), and looks at niceness
and at the idle class inside a session only. Work beside people in their own session makes that
session look busy: the store and the kernel's network threads, which are outside of it, then wait
for seconds. So what gives way has a session of its own, and the whole session gives way.
"""

from __future__ import annotations

import os
import shlex
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import psutil

from serve.pacing import pace

NICE = 10
"""Of work that somebody waits for, though not a customer who talks to a person."""
LAST = 19
HURRY_S = 30.0
"""A start beside busy people takes about half of this; Ray waits 60 s for a worker."""
SETTLED_S = 60.0
"""A node that is up for less starts everything for the first time, and people wait for that."""

_WORKER = Path(__file__).with_name("worker_behind_people.py")


def give_way(nice: int = NICE) -> None:
    """Let this process run at that niceness at least, in a session of its own that gives way to
    others. May be repeated; to be called while the process has one thread."""
    if os.getsid(0) != os.getpid():
        if os.getpgrp() == os.getpid():  # Ray's workers lead one
            _lead_no_group()
        os.setsid()
    os.setpriority(os.PRIO_PROCESS, 0, max(nice, os.getpriority(os.PRIO_PROCESS, 0)))
    give_way_as_session(LAST)


def _lead_no_group() -> None:
    """Join the group of a child that lives for just that: who leads a group may not make a session.

    The starter's group would not do: it may be of another session or, in a container, be unknown.
    """
    ending, end = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(end)
        os.read(ending, 1)
        os._exit(0)
    os.setpgid(child, child)
    os.setpgid(0, child)
    os.close(end)
    os.close(ending)
    with suppress(ChildProcessError):  # where children are not waited for
        os.waitpid(child, 0)


def give_way_as_session(nice: int) -> None:
    """Let the whole session of this process, which should be its own, run at that niceness."""
    if os.getsid(0) == os.getpid():
        with suppress(OSError):  # not Linux, or switched off: then priorities are enough
            Path("/proc/self/autogroup").write_text(str(nice))


def run_when_idle() -> None:
    """Let the calling thread, and what it starts, run when the processor would idle (Linux);
    elsewhere the process, at the lowest ordinary priority. It cannot be taken back."""
    os.nice(LAST)
    if sys.platform == "linux":
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def idle_thread(name: str) -> ThreadPoolExecutor:
    """Return a thread that runs when the processor would idle (Linux); elsewhere an ordinary one.

    Linux knows priorities of threads; elsewhere they belong to the whole process.
    """
    start = run_when_idle if sys.platform == "linux" else None
    return ThreadPoolExecutor(1, name, initializer=start)


def stay_on_one_processor() -> None:
    """Let the calling thread, and what it starts, run on one processor only (Linux): idle work that
    wanders is where people's processes wake up half of the time."""
    if sys.platform == "linux":
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


class CalmStart:
    """A start that people do not notice: on one processor (Linux), which starts that happen at once
    share, at the lowest priority of a session, with rests. Under a load that leaves it no time it
    would last for ever: a process older than `HURRY_S` goes on like everyone else's work."""

    def __init__(self) -> None:
        self._calm = ExitStack()
        self._processors: set[int] = set()
        self._begun = False

    def begin(self, after_s: float) -> None:
        """Begin it, while the process has one thread, if its starter is at least that old; else
        start like everyone.

        Where it may run afterwards is where its starter may: it may itself have begun before, as
        another program.
        """
        self._begun = True
        starter = os.getppid()
        left_s = HURRY_S - age_s(os.getpid()) if age_s(starter) >= after_s else 0.0
        if sys.platform == "linux":
            self._processors = os.sched_getaffinity(starter)
        if left_s <= 0.0:
            self._hurry()
            return
        stay_on_one_processor()
        timer = threading.Timer(left_s, self._hurry)
        timer.daemon = True
        timer.start()
        self._calm.callback(timer.cancel)
        self._calm.enter_context(pace())

    def end(self) -> None:
        """Run as what is asked while people talk from now on. Only the first call after a beginning
        does anything."""
        if self._begun:
            self._begun = False
            self._go_on()
            give_way_as_session(NICE)

    def _hurry(self) -> None:
        self._go_on()
        give_way_as_session(0)

    def _go_on(self) -> None:
        """Rest no more, and let all threads run wherever the starter's may."""
        self._calm.close()
        if sys.platform == "linux":
            for thread in Path("/proc/self/task").iterdir():
                with suppress(OSError):  # it has ended meanwhile
                    os.sched_setaffinity(int(thread.name), self._processors)


calm_start = CalmStart()
"""Of this process."""


def start_behind_people(nice: int, calm_after_s: str) -> None:
    """Give way, and begin a `calm_start` as `behind_people` was told; without one stay on one
    processor for good."""
    give_way(nice)
    if calm_after_s:
        calm_start.begin(float(calm_after_s))
    else:
        stay_on_one_processor()


def age_s(pid: int) -> float:
    """Return for how long a process has been running, whatever programs it became."""
    return time.time() - psutil.Process(pid).create_time()


def behind_people(
    *modules: str, nice: int = NICE, calm_after_s: float | None = None
) -> dict[str, Any]:
    """Return the Ray runtime environment of a process that gives way from its first instruction,
    and imports those modules when the processor would idle: imports are seconds of CPU, which a
    restart would take from people.

    Args:
        calm_after_s: for what is restarted while people talk: on a node that is up for so long it
            begins a `calm_start`, which whoever runs in it ends when it is ready. None: it stays
            on one processor for good.

    Every node must have the interpreter and Raydesk at the same path, as nodes of one image do.
    """
    calm = "" if calm_after_s is None else str(calm_after_s)
    command = (sys.executable, str(_WORKER), str(nice), calm, ",".join(modules))
    return {"py_executable": shlex.join(command)}
