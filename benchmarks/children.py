"""Child processes that say `ready` on standard output once they serve."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

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
