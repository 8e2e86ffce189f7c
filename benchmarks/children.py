"""Child processes that say `ready` on standard output once they serve."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

ROOT = Path(__file__).parent.parent
ENDS_WITHIN_S = 10.0


class ChildError(Exception):
    """A child ended before it was ready; its standard error says why."""


class Child:
    """One running program. What it prints after `ready` is discarded when the pipe is closed."""

    def __init__(self, command: Sequence[str]) -> None:
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT)
        self.pid = self._process.pid

    def wait_ready(self) -> None:
        """Return once it has said `ready`.

        Raises:
            ChildError: it ended instead.
        """
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.strip() == b"ready":
                return
        raise ChildError(f"the program ended with code {self._process.wait()}")

    def stop(self) -> None:
        """End it, by force after ENDS_WITHIN_S."""
        self._process.terminate()
        try:
            self._process.wait(timeout=ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()


def run_fresh(module: str, arguments: Sequence[str]) -> dict[str, Any]:
    """Run one of our programs in a process of its own; return the JSON that it prints.

    A process that has ended one Ray and Serve starts the next with memories of the first.

    Raises:
        ChildError: it failed; its standard error says why.
    """
    command = [sys.executable, "-m", module, *arguments, "--json", "-"]
    done = subprocess.run(command, stdout=subprocess.PIPE, cwd=ROOT, check=False)
    if done.returncode:
        raise ChildError(f"{module} ended with code {done.returncode}")
    result: dict[str, Any] = msgspec.json.decode(done.stdout[done.stdout.index(b"{\n") :])
    return result
