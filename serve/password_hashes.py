"""The doors' side of `serve/hash_worker.py`: passwords are hashed beside the process that serves.

A thread of the gateway would do, were it not for the interpreter's lock: a thread of low priority
that holds it while others have the processor holds up every chat.
"""

from __future__ import annotations

import asyncio
import json
import os
import select
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

import structlog
from argon2 import PasswordHasher

from serve.hash_worker import answer

_ROOT = Path(__file__).resolve().parent.parent
PATIENCE_S = 5.0
"""On a machine without an idle moment the worker gets nowhere; then one hash is computed here every
so often, that people may still come in."""
NICENESS = 10

log = structlog.get_logger()


class Hashes(Protocol):
    """Hashes passwords and compares them, one after the other."""

    async def hash(self, password: str) -> str:
        """Return the hash of a new password."""
        ...

    async def matches(self, stored: str, password: str) -> bool:
        """Tell whether the hash is the password's."""
        ...

    def close(self) -> None:
        """End what was started."""
        ...


class HashesBeside:
    """Hashes in a process of the lowest priority, started by the first password, and again when it
    is gone. What it has not answered after `patience_s` is hashed here after all, in a thread."""

    def __init__(self, patience_s: float = PATIENCE_S) -> None:
        self._patience_s = patience_s
        self._waiter = ThreadPoolExecutor(1, "hashes", initializer=_yield_to_chats)
        self._worker: subprocess.Popen[bytes] | None = None
        self._here = PasswordHasher()

    async def hash(self, password: str) -> str:
        """Return the hash of a new password."""
        return str(await self._asked("", password))

    async def matches(self, stored: str, password: str) -> bool:
        """Tell whether the hash is the password's."""
        # An empty one would ask for a new hash.
        return bool(stored) and await self._asked(stored, password) is True

    def close(self) -> None:
        """End the worker; what still waits is cancelled."""
        self._waiter.shutdown(wait=False, cancel_futures=True)
        self._end_worker()

    async def _asked(self, stored: str, password: str) -> str | bool:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._waiter, self._ask, stored, password)

    def _ask(self, stored: str, password: str) -> str | bool:
        """Ask and wait, in the waiter's thread."""
        try:
            return self._from_worker(stored, password)
        except (OSError, TimeoutError) as error:
            # Its late answer would be taken for the next one.
            self._end_worker()
            log.warning("hashes.here", reason=str(error))
            return answer(self._here, stored, password)

    def _from_worker(self, stored: str, password: str) -> str | bool:
        self._worker = self._worker or start_worker()
        assert self._worker.stdin is not None
        assert self._worker.stdout is not None
        self._worker.stdin.write(json.dumps([stored, password]).encode() + b"\n")
        poll = select.poll()
        poll.register(self._worker.stdout, select.POLLIN)
        if not poll.poll(self._patience_s * 1000):
            raise TimeoutError("the machine has no idle moment")
        line = self._worker.stdout.readline()
        if not line:
            raise BrokenPipeError("the worker ended")
        told: str | bool = json.loads(line)
        return told

    def _end_worker(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.kill()
            worker.communicate()  # waits for it, and closes the pipes


def _yield_to_chats() -> None:
    """Let this thread run when the event loop does not want the processor (Linux only)."""
    if sys.platform == "linux":
        nicer = min(19, os.getpriority(os.PRIO_PROCESS, 0) + NICENESS)
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), nicer)


def start_worker() -> subprocess.Popen[bytes]:
    """Start the worker, in a session of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "serve.hash_worker"],
        cwd=_ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,
        start_new_session=True,
    )
