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
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

NICE = 10
"""Of work that somebody waits for, though not a customer who talks to a person."""
LAST = 19
LULL_S = 2.0
"""Who died together is started together: Ray's own part in it, at people's priority, lasts about
this long."""
HURRY_S = 20.0
"""A start on a quiet node takes half of this."""

_WORKER = Path(__file__).with_name("worker_behind_people.py")


def give_way(nice: int = NICE) -> None:
    """Let this process run at that niceness, in a session of its own that gives way to others."""
    with suppress(OSError):  # it leads a session, or its starter is of another one
        if (
            os.getpgrp() == os.getpid()
        ):  # who leads a group (Ray's workers do) may not, until it joins another
            os.setpgid(0, os.getpgid(os.getppid()))
        os.setsid()
    os.nice(nice)
    give_way_as_session(LAST)


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


class CalmStart:
    """A start that people do not notice: on one processor (Linux), which starts that happen at once
    share, at the lowest priority of a session. Under a load that leaves it no time it would last
    for ever: after `HURRY_S` it goes on like everyone else's work."""

    def __init__(self) -> None:
        self._processors: set[int] = set()
        self._timer: threading.Timer | None = None

    def begin(self) -> None:
        """Begin it, while the process has one thread."""
        if sys.platform == "linux":
            self._processors = os.sched_getaffinity(0)
            os.sched_setaffinity(0, {max(self._processors)})
        self._timer = threading.Timer(HURRY_S, self._hurry)
        self._timer.daemon = True
        self._timer.start()

    def end(self) -> None:
        """Run as what is asked while people talk from now on. Only the first call does anything."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._spread()
            give_way_as_session(NICE)

    def _hurry(self) -> None:
        self._spread()
        give_way_as_session(0)

    def _spread(self) -> None:
        """Let all threads run wherever they might before."""
        if sys.platform == "linux":
            for thread in Path("/proc/self/task").iterdir():
                with suppress(OSError):  # it has ended meanwhile
                    os.sched_setaffinity(int(thread.name), self._processors)


calm_start = CalmStart()
"""Of this process."""


def behind_people(*modules: str, nice: int = NICE, calm: bool = False) -> dict[str, Any]:
    """Return the Ray runtime environment of a process that gives way from its first instruction,
    and imports those modules when the processor would idle: imports are seconds of CPU, which a
    restart would take from people.

    Args:
        calm: for what is restarted while people talk: it rests for `LULL_S` and begins a
            `calm_start`, which whoever runs in it ends when it is ready.

    Every node must have the interpreter and Raydesk at the same path, as nodes of one image do.
    """
    way = "calm" if calm else "now"
    command = (sys.executable, str(_WORKER), str(nice), way, ",".join(modules))
    return {"py_executable": shlex.join(command)}
