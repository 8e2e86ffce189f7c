"""Who gives way to whom on a processor: work that nobody waits for yields to people's messages."""

from __future__ import annotations

import os
import shlex
import sys
from typing import Any

NICE = 10
"""Of work that somebody waits for, though not a customer who talks to a person."""


def run_when_idle() -> None:
    """Let this process run when the processor would idle (Linux); elsewhere at the lowest ordinary
    priority. It cannot be taken back."""
    os.nice(19)
    if sys.platform == "linux":
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def behind_people(nice: int = NICE) -> dict[str, Any]:
    """Return the Ray runtime environment of a process of that niceness from its first instruction:
    its imports are seconds of CPU, which a restart would take from people.

    Every node must have the interpreter at the same path, as nodes of one image do.
    """
    return {"py_executable": f"nice -n {nice} {shlex.quote(sys.executable)}"}
