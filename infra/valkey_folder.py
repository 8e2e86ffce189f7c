"""The data folder of the private Valkey: one living server at a time, and the traces of the last.

Two advisory locks tell who lives, which no number of a process can (it may be a zombie's, or be
used again): `owner.lock` is held by the program that started the server, `server.lock` is inherited
by the server and lasts as long as it does.
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from typing import IO

import msgspec
import redis
import structlog
from redis.backoff import NoBackoff
from redis.retry import Retry

HOST = "127.0.0.1"
ENDS_WITHIN_S = 15.0

log = structlog.get_logger()


class ValkeyError(Exception):
    """The private Valkey cannot start or does not answer; the text says why."""


class ValkeyInUseError(ValkeyError):
    """Another living program runs a Valkey on this data folder."""


class Owner(msgspec.Struct, frozen=True):
    """What `valkey.owner` remembers: who started the server, and how to reach it."""

    owner_pid: int
    server_pid: int
    port: int
    password: str


class ValkeyFolder:
    """The folder `path`, taken by `take` until `leave` and the end of the server."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._owner_lock: IO[str] | None = None
        self._server_lock: IO[str] | None = None

    @property
    def server_lock(self) -> int:
        """The descriptor that the server must inherit."""
        if self._server_lock is None:
            raise ValkeyError(f"the folder {self.path} is not taken")
        return self._server_lock.fileno()

    def take(self) -> None:
        """Make the folder ours; a server that outlived its owner is shut down first.

        Raises:
            ValkeyInUseError: another program, which lives, has it.
        """
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._owner_lock = (self.path / "owner.lock").open("a")
        self._server_lock = (self.path / "server.lock").open("a")
        left = self._read_owner()
        if _try_lock(self._owner_lock):
            if _try_lock(self._server_lock):
                return
            if left is not None:
                log.warning("valkey.orphan_found", pid=left.server_pid, port=left.port)
                _shut_down(left)
            if _locked_within(self._server_lock, ENDS_WITHIN_S):
                return
        self.leave()
        who = f"process {left.owner_pid} (port {left.port})" if left else "another process"
        raise ValkeyInUseError(
            f"the data folder {self.path} is in use by {who}: "
            "end that program, or choose another RAYDESK_DATA_DIR"
        )

    def leave(self) -> None:
        """Give the folder back; the server's lock lasts while it still runs."""
        for lock in (self._server_lock, self._owner_lock):
            if lock is not None:
                lock.close()
        self._server_lock = self._owner_lock = None

    def remember(self, owner: Owner) -> None:
        """Write who owns the server now, for the next start."""
        self.write_private("valkey.owner", msgspec.json.encode(owner).decode())

    def write_private(self, name: str, text: str) -> Path:
        """Write a file that only this user may read, and return its path."""
        path = self.path / name
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def last_words(self) -> str:
        """Return the last lines that the server logged."""
        lines: list[str] = []
        for name in ("valkey.log", "valkey.out"):
            path = self.path / name
            if path.exists():
                lines += path.read_text(errors="replace").splitlines()[-8:]
        return "\n".join(lines) or "(it logged nothing)"

    def _read_owner(self) -> Owner | None:
        try:
            return msgspec.json.decode((self.path / "valkey.owner").read_bytes(), type=Owner)
        except (OSError, msgspec.DecodeError):
            return None


def one_shot_client(port: int, password: str) -> redis.Redis:
    """Return a blocking client that answers or fails at once."""
    return redis.Redis(
        host=HOST,
        port=port,
        password=password or None,
        socket_timeout=5,
        retry=Retry(NoBackoff(), 0),
    )


def _try_lock(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _locked_within(lock: IO[str], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not _try_lock(lock):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _shut_down(left: Owner) -> None:
    try:
        with one_shot_client(left.port, left.password) as client:
            client.shutdown(nosave=True)
    except redis.RedisError as error:
        log.warning("valkey.orphan_silent", port=left.port, error=str(error))
