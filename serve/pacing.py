"""Lets a process work a share of the time, so that the processor under it looks free to people.

The busier a machine is, the less Linux searches for an idle processor for who wakes up (SIS_UTIL,
since 5.19), and above two thirds not at all: people's processes then queue where they are, however
low the priority is of the work on the next processor. With rests in between they do not. Measured:
`docs/decisions/0121-learned-once-and-behind-people.md`.
"""

from __future__ import annotations

import ctypes
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

RUN_S, REST_S = 0.0025, 0.0075
LOOK_S = 0.25
SWITCH_S = sys.getswitchinterval()
ROOM = 0.6
"""Share of the machine that may be busy before who wakes up stays where it is."""


class Pace:
    """Stops all Python of this process for `REST_S` after every `RUN_S`, on a crowded machine, for
    as long as anybody is inside (`with pace():`)."""

    def __init__(self) -> None:
        self._inside_n = 0
        self._lock = threading.Lock()
        self._over = threading.Event()

    @contextmanager
    def __call__(self) -> Iterator[None]:
        """Be inside."""
        with self._lock:
            self._inside_n += 1
            if self._inside_n == 1:
                self._over = threading.Event()
                threading.Thread(
                    target=_rest_now_and_then, args=(self._over,), name="pace", daemon=True
                ).start()
        try:
            yield
        finally:
            with self._lock:
                self._inside_n -= 1
                if self._inside_n == 0:
                    self._over.set()


pace = Pace()
"""Of this process."""


def _rest_now_and_then(over: threading.Event) -> None:
    # Through PyDLL a call keeps the interpreter's lock: no other thread runs Python meanwhile.
    rest, look = ctypes.PyDLL(None).usleep, _Look()
    sys.setswitchinterval(RUN_S / 8)
    while not over.wait(RUN_S):
        if look.crowded():
            rest(int(REST_S * 1e6))
    sys.setswitchinterval(SWITCH_S)


class _Look:
    """Looks now and then whether a processor's work beside that of others is too much; until it
    knows, it is."""

    def __init__(self) -> None:
        self._at = 0.0
        self._busy_s, self._all_s, self._own_s = 0.0, 0.0, 0.0
        self._crowded = True

    def crowded(self) -> bool:
        """Tell whether one busy processor more would leave no `ROOM`."""
        now = time.monotonic()
        if now - self._at >= LOOK_S:
            self._at = now
            self._take()
        return self._crowded

    def _take(self) -> None:
        busy_s, all_s = _machine_s()
        own_s = time.process_time()
        passed_s = all_s - self._all_s
        others_s = busy_s - self._busy_s - (own_s - self._own_s)
        known = self._all_s > 0.0 and passed_s > 0.0
        most = ROOM - 1 / (os.cpu_count() or 1)
        self._crowded = others_s > most * passed_s if known else True
        self._busy_s, self._all_s, self._own_s = busy_s, all_s, own_s


def _machine_s() -> tuple[float, float]:
    """Return the seconds that all processors have worked, and existed, since the machine started;
    zeros where it does not say (proc_stat(5))."""
    try:
        first = Path("/proc/stat").read_text().partition("\n")[0]
    except OSError:
        return 0.0, 0.0
    ticks = [int(word) for word in first.split()[1:9]]
    second = os.sysconf("SC_CLK_TCK")
    idle = ticks[3] + ticks[4]  # idle, and idle while a disk works
    return (sum(ticks) - idle) / second, sum(ticks) / second
