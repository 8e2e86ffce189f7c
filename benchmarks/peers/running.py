"""Start and stop a peer server: `python-socketio` or `socket.io`."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from benchmarks.children import Child
from infra.valkey import free_port

PeerName = Literal["python-socketio", "socket.io"]
PEERS: tuple[PeerName, ...] = ("python-socketio", "socket.io")
FOLDER = Path(__file__).parent


class PeerMissingError(Exception):
    """The peer cannot be started here; the text says what to install."""


@contextmanager
def running_peer(name: PeerName, redis_url: str, workers: int = 1) -> Iterator[list[Process]]:
    """Run the peer as `workers` processes that share one Redis; yields them ready to serve.

    Raises:
        PeerMissingError: Node or its packages are not there and cannot be installed.
    """
    if name == "socket.io":
        install_node_packages()
    processes: list[Process] = []
    try:
        processes += [Process(name, redis_url) for _ in range(workers)]
        for process in processes:
            process.wait_ready()
        yield processes
    finally:
        for process in processes:
            process.stop()


class Process(Child):
    """One process of a peer: `url` is where its WebSockets are."""

    def __init__(self, name: PeerName, redis_url: str) -> None:
        port = free_port()
        self.url = f"ws://127.0.0.1:{port}/socket.io/?EIO=4&transport=websocket"
        super().__init__([*command_of(name), str(port), redis_url])


def command_of(name: PeerName) -> list[str]:
    """Return the command that serves the peer; port and Redis URL follow."""
    if name == "socket.io":
        return ["node", str(FOLDER / "socket_io.mjs")]
    return [sys.executable, "-m", "benchmarks.peers.python_socketio"]


def install_node_packages() -> None:
    """Install what package-lock.json pins, unless that very file was installed already.

    Raises:
        PeerMissingError: no Node, or the registry refused.
    """
    if shutil.which("npm") is None:
        raise PeerMissingError("socket.io needs Node.js and npm; install them and try again")
    lock, stamp = FOLDER / "package-lock.json", FOLDER / "node_modules" / ".installed"
    if stamp.exists() and stamp.read_bytes() == lock.read_bytes():
        return
    done = subprocess.run(["npm", "ci", "--silent"], cwd=FOLDER, timeout=300, check=False)
    if done.returncode:
        raise PeerMissingError(f"`npm ci` in {FOLDER} ended with code {done.returncode}")
    stamp.write_bytes(lock.read_bytes())
