"""Who gives way to whom on a processor: work that nobody waits for yields to people's messages."""

from __future__ import annotations

import os
import shlex
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

NICE = 10
"""Of work that somebody waits for, though not a customer who talks to a person."""


def run_when_idle() -> None:
    """Let the calling thread, and what it starts, run when the processor would idle (Linux);
    elsewhere the process, at the lowest ordinary priority. It cannot be taken back."""
    os.nice(19)
    if sys.platform == "linux":
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def idle_thread(name: str) -> ThreadPoolExecutor:
    """Return a thread that runs when the processor would idle (Linux); elsewhere an ordinary one.

    Linux knows priorities of threads; elsewhere they belong to the whole process.
    """
    start = run_when_idle if sys.platform == "linux" else None
    return ThreadPoolExecutor(1, name, initializer=start)


def behind_people(nice: int = NICE) -> dict[str, Any]:
    """Return the Ray runtime environment of a process of that niceness from its first instruction:
    its imports are seconds of CPU, which a restart would take from people.

    Every node must have the interpreter at the same path, as nodes of one image do.
    """
    return {"py_executable": f"nice -n {nice} {shlex.quote(sys.executable)}"}
