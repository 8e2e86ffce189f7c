"""The whole real system, once a test run: `pytest_plugins = ["tests.support.real"]`."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, TypeVar

import psutil
import pytest

from benchmarks.processes import role_of
from benchmarks.system import System
from examples.signing_in import Api, Login
from infra.directory.store import Directory
from serve.client import AgentClient, ClientEvent, CustomerClient
from tests.support.servers import PostgresServer

pytest_plugins = ["tests.support.server_fixtures"]

ROOT = Path(__file__).resolve().parent.parent.parent
PASSWORD = "raydesk"
SITE = "demo-site"
WITHIN_S = 60.0
T = TypeVar("T")
Status = Literal["available", "break", "offline"]


@dataclass(frozen=True)
class Real:
    """A running system, and the process that started it."""

    http_url: str
    ws_url: str
    redis_url: str
    sql_url: str
    keys_dir: str
    issuer: str
    valkey_pid: int
    pid: int

    def as_benchmarked(self) -> System:
        """The system as the benchmark programs know it."""
        return System(
            url=self.ws_url,
            redis_url=self.redis_url,
            keys_dir=Path(self.keys_dir),
            issuer=self.issuer,
        )

    def pids(self, title: str) -> list[int]:
        """The processes of the system whose command line begins with `title`, oldest first."""
        below = psutil.Process(self.pid).children(recursive=True)
        found = [p for p in below if _command(p).startswith(title)]
        return [p.pid for p in sorted(found, key=lambda p: p.create_time())]

    def gateways(self) -> list[int]:
        """The gateway processes."""
        below = psutil.Process(self.pid).children(recursive=True)
        return [
            p.pid for p in below if "Gateway" in _command(p) and role_of(_command(p)) == "gateway"
        ]

    def directory(self) -> Directory:
        """The directory, opened a second time."""
        return Directory(self.sql_url)


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


@pytest.fixture(scope="session")
def sql_of_the_run(request: pytest.FixtureRequest) -> str:
    """DATABASE_URL of the system under test, '' for SQLite: RAYDESK_TEST_SQL chooses."""
    chosen = os.environ.get("RAYDESK_TEST_SQL", "sqlite")
    assert chosen in ("sqlite", "postgres"), f"RAYDESK_TEST_SQL: sqlite or postgres, not {chosen}"
    if chosen == "sqlite":
        return ""
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return asyncio.run(server.new_database())


SHARDED = {"RAYDESK_PLACE_QUEUE": "2", "RAYDESK_PLACE_DISPATCH": "2"}
"""Every story makes an organisation of its own. With a process for each of its queues and its
dispatch, two cores would soon do nothing but ask them whether they live; `tests/faults` and
`test_real_on_both_databases.py` run the default placement."""


@pytest.fixture(scope="session")
def real(sql_of_the_run: str) -> Iterator[Real]:
    """The system; ends with the test run."""
    with running(sql_of_the_run, SHARDED) as system:
        yield system


@contextmanager
def running(
    database_url: str = "", environ: Mapping[str, str] = MappingProxyType({})
) -> Iterator[Real]:
    """Run a whole system until the block ends; '' is its built-in SQLite."""
    with tempfile.TemporaryDirectory(prefix="rd") as folder:
        command = [sys.executable, "-m", "tests.support.whole_system", folder]
        program = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, "DATABASE_URL": database_url, **environ},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert program.stdin is not None
        assert program.stdout is not None
        line = ""
        for line in program.stdout:
            if line.startswith("{"):
                break
        assert line.startswith("{"), f"the system did not start (code {program.wait()})"
        try:
            yield Real(pid=program.pid, **json.loads(line))
        finally:
            program.stdin.close()
            try:
                program.wait(120)
            except subprocess.TimeoutExpired:
                program.kill()
                program.wait()
            program.stdout.close()


class Seen:
    """Everything that a device was shown."""

    def __init__(self) -> None:
        self.events: list[ClientEvent] = []

    def __call__(self, event: ClientEvent) -> None:
        self.events.append(event)

    def all(self, kind: type[T]) -> list[T]:
        """What was shown, of one type."""
        return [e for e in self.events if isinstance(e, kind)]

    async def first(self, kind: type[T], fits: Callable[[Any], bool] = lambda _: True) -> T:
        """The first that fits, once it has come."""
        async with asyncio.timeout(WITHIN_S):
            while True:
                for event in self.events:
                    if isinstance(event, kind) and fits(event):
                        return event
                await asyncio.sleep(0.02)


class Desk:
    """Opens doors of the system for people of the demo organisation."""

    def __init__(self, system: Real) -> None:
        self.system = system
        self.api = Api(system.http_url)
        self._open: list[AgentClient | CustomerClient] = []

    async def customer(self, token: str = "", url: str = "") -> tuple[CustomerClient, Seen]:
        """Connect a new visitor (or the bearer of `token`)."""
        seen = Seen()
        token = token or await self.api.visitor_token(SITE)
        client = CustomerClient(url or self.system.ws_url, token, on_event=seen, proxy=None)
        self._open.append(client)
        await client.connect(WITHIN_S)
        return client, seen

    async def agent(self, login: str, status: Status = "available") -> tuple[AgentClient, Seen]:
        """Sign in and connect one of the demo's people."""
        seen = Seen()
        token = await self.api.agent_token("demo", Login(login, PASSWORD))
        client = AgentClient(self.system.ws_url, token, on_event=seen, proxy=None, device=login)
        self._open.append(client)
        await client.connect(WITHIN_S)
        await client.set_status(status)
        return client, seen

    async def close(self) -> None:
        """Close every door; agents go offline first, so that the next test begins clean."""
        for client in self._open:
            if isinstance(client, AgentClient):
                await asyncio.wait_for(client.set_status("offline"), WITHIN_S)
        await asyncio.gather(*(client.close() for client in self._open))
        await self.api.close()


@asynccontextmanager
async def desk_of(system: Real) -> AsyncIterator[Desk]:
    """Return a desk whose doors are closed at the end."""
    desk = Desk(system)
    try:
        yield desk
    finally:
        await desk.close()


@pytest.fixture
async def desk(real: Real) -> AsyncIterator[Desk]:
    """A desk of the running system."""
    async with desk_of(real) as opened:
        yield opened
