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

_WORKER = Path(__file__).with_name("worker_behind_people.py")
_processors: set[int] = set()
"""Those that this process had before `on_one_processor`."""


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


def on_one_processor() -> None:
    """Keep this process, which has one thread yet, on one processor until `on_all_processors`
    (Linux): starts that happen at once share it, and people have the others to themselves."""
    if sys.platform == "linux":
        _processors.update(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {max(_processors)})


def on_all_processors() -> None:
    """Let all threads of this process run wherever they might before `on_one_processor`."""
    if sys.platform == "linux" and _processors:
        for thread in Path("/proc/self/task").iterdir():
            with suppress(OSError):  # it has ended meanwhile
                os.sched_setaffinity(int(thread.name), _processors)
        _processors.clear()


def behind_people(*modules: str, nice: int = NICE, calm: bool = False) -> dict[str, Any]:
    """Return the Ray runtime environment of a process that gives way from its first instruction,
    and imports those modules when the processor would idle: imports are seconds of CPU, which a
    restart would take from people.

    Args:
        calm: for what is restarted while people talk: it rests for `LULL_S` first, and starts on
            one processor; whoever runs in it calls `on_all_processors` when it is ready.

    Every node must have the interpreter and Raydesk at the same path, as nodes of one image do.
    """
    way = "calm" if calm else "now"
    command = (sys.executable, str(_WORKER), str(nice), way, ",".join(modules))
    return {"py_executable": shlex.join(command)}
