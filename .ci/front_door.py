#!/usr/bin/env python3
"""`make run` as a newcomer has it: only what Raydesk runs on is installed. It must come up, serve
its first page, and end at Ctrl-C. Standard library only: nothing else is there yet."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import urllib.request

WITHIN_S = 900.0
"""Installing included."""


def main() -> int:
    """Return 0 if all that is true."""
    with tempfile.TemporaryDirectory() as data:
        environ = {"RAYDESK_DATA_DIR": data, "RAYDESK_PORT": free_port(), "DATABASE_URL": ""}
        program = subprocess.Popen(
            ["make", "run"],
            env={**os.environ, **environ},
            stdout=subprocess.PIPE,
            start_new_session=True,
            text=True,
        )
        too_long = threading.Timer(WITHIN_S, os.killpg, (program.pid, signal.SIGKILL))
        too_long.start()
        try:
            came = came_up(program)
        finally:
            in_order = ended(program)
            too_long.cancel()
    return 0 if came and in_order else 1


def free_port() -> str:
    """Return the number of a port nobody listens at."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return str(free.getsockname()[1])


def came_up(program: subprocess.Popen[str]) -> bool:
    """Wait until it says where to click, and look there."""
    assert program.stdout is not None
    for line in program.stdout:
        print(line, end="", flush=True)
        if found := re.search(r"Try it\s+(http://\S+)", line):
            with urllib.request.urlopen(found[1], timeout=60) as page:
                return b"Raydesk" in page.read()
    return False


def ended(program: subprocess.Popen[str]) -> bool:
    """End it as Ctrl-C does, by telling all of its group, and return whether it did so in order."""
    if program.poll() is None:
        os.killpg(program.pid, signal.SIGINT)
    said, _ = program.communicate()
    print(said, flush=True)
    return "Ending" in said and "Error" not in said


if __name__ == "__main__":
    sys.exit(main())
