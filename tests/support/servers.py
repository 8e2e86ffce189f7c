"""Real servers for tests: a PostgreSQL cluster in a temporary folder on a free port."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import asyncpg

from infra.valkey import free_port
from infra.watcher import Watcher

USER = "raydesk"
MISSING = (
    "PostgreSQL is not installed: these tests run on the real server. Install it "
    "(Debian, Ubuntu: `apt-get install postgresql`; macOS: `brew install postgresql`), "
    "or leave them out with RAYDESK_SKIP_POSTGRES=1."
)


class PostgresMissingError(Exception):
    """No PostgreSQL server program was found; the text says what to install."""


class PostgresServer:
    """A throw-away cluster. It ends with `stop`, or with this process."""

    def __init__(self) -> None:
        self.port = free_port()
        self._programs = _programs()
        self._password = secrets.token_hex(12)
        # PostgreSQL refuses to run as root: then its own system user runs it.
        self._as: dict[str, Any] = {}
        self._folder = Path(tempfile.mkdtemp(prefix="raydesk-pg-"))
        if os.geteuid() == 0:
            account = pwd.getpwnam("postgres")
            self._as = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
            os.chown(self._folder, account.pw_uid, account.pw_gid)
        self._process: subprocess.Popen[bytes] | None = None
        self._watcher: Watcher | None = None

    def start(self) -> None:
        """Create the cluster and return when it answers."""
        secret = self._folder / "secret"
        secret.write_text(self._password)
        secret.chmod(0o644)
        self._run_initdb(secret)
        secret.unlink()
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [
                    str(self._programs / "postgres"),
                    *("-D", str(self._folder / "data"), "-p", str(self.port)),
                    *("-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"),
                    *("-c", f"unix_socket_directories={self._folder}"),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._folder,
                start_new_session=True,
                **self._as,
            )
        self._watcher = Watcher(self._process.pid)
        self._await_ready(self._process)

    def _run_initdb(self, secret: Path) -> None:
        done = subprocess.run(
            [
                str(self._programs / "initdb"),
                *("-D", str(self._folder / "data"), "-U", USER, "--no-sync", "-E", "UTF8"),
                *("--locale=C", "--auth=scram-sha-256", f"--pwfile={secret}"),
            ],
            capture_output=True,
            text=True,
            check=False,
            cwd=self._folder,
            timeout=120,
            **self._as,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def _await_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + 60
        program = [str(self._programs / "pg_isready"), "-h", "127.0.0.1", "-p", str(self.port)]
        while subprocess.run(program, capture_output=True, check=False).returncode != 0:
            log = (self._folder / "log").read_text()
            assert process.poll() is None, log
            assert time.monotonic() < deadline, log
            time.sleep(0.05)

    def url(self, database: str) -> str:
        """DATABASE_URL of one database."""
        return f"postgresql://{USER}:{self._password}@127.0.0.1:{self.port}/{database}"

    async def new_database(self, template: str = "template1") -> str:
        """Create a database, empty or a copy of another, and return its DATABASE_URL."""
        name = f"t{secrets.token_hex(6)}"
        connection = await asyncpg.connect(self.url("postgres"))
        try:
            await connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        finally:
            await connection.close()
        return self.url(name)

    def stop(self) -> None:
        """End the server and remove its files."""
        if self._watcher is not None:
            self._watcher.dismiss()
        if self._process is not None:
            # "Immediate": nobody will open these files again, so none needs to be written.
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(30)
        shutil.rmtree(self._folder, ignore_errors=True)


def _programs() -> Path:
    """Return the folder of initdb and postgres, of the newest version that is installed."""
    found = shutil.which("initdb")
    if found and shutil.which("postgres") and shutil.which("pg_isready"):
        folder = Path(found).resolve().parent
        if (folder / "postgres").exists() and (folder / "pg_isready").exists():
            return folder
    versions = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    newest = max(versions, key=lambda path: int(path.parts[-3]), default=None)
    if newest is None:
        raise PostgresMissingError(MISSING)
    return newest.parent
