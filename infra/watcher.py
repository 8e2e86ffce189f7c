"""Ends a child process when the program that started it is gone, however it ended."""

from __future__ import annotations

import shutil
import subprocess

# Reads until the program says so, or until its pipe closes because it died.
_SCRIPT = 'read -r line || kill -TERM "$1" 2>/dev/null'


class Watcher:
    """A tiny shell that sends SIGTERM to process `pid` when this program dies before `dismiss`."""

    def __init__(self, pid: int) -> None:
        self._shell = subprocess.Popen(  # noqa: S603  # a fixed script and a number
            [shutil.which("sh") or "/bin/sh", "-c", _SCRIPT, "raydesk-watch", str(pid)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            # Ctrl-C in the terminal must not end the watch before the program.
            start_new_session=True,
        )

    def dismiss(self) -> None:
        """End the watch; the process goes on (or has ended). May be repeated."""
        if self._shell.poll() is None:
            try:
                self._shell.communicate(b"done\n", timeout=5)
            except (OSError, subprocess.TimeoutExpired):
                self._shell.kill()
        self._shell.wait()
