"""Databases for tests: made once a test run, copied for each test."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Literal

import pytest
from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

from infra.directory.declared import Declared, read_file
from infra.directory.migrate import upgrade
from infra.directory.store import Directory
from infra.settings import async_sql_url
from tests.support.servers import PostgresServer

DEMO = Path(__file__).parents[2] / "infra" / "demo.yaml"
DEMO_PASSWORD = "密码 pass"
CHEAP = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
Content = Literal["empty", "demo"]


class CheapHashes:
    """Hashes at no great cost, in this process (implements `serve.password_hashes.Hashes`)."""

    async def hash(self, password: str) -> str:
        return CHEAP.hash(password)

    async def matches(self, stored: str, password: str) -> bool:
        try:
            return CHEAP.verify(stored, password)
        except VerificationError:
            return False

    def close(self) -> None: ...


def demo_organisation() -> Declared:
    """Return the demo organisation, its passwords hashed at no great cost."""
    declared = read_file(DEMO)
    hashed = {"password_env": "", "password_hash": CHEAP.hash(DEMO_PASSWORD)}
    agents = {
        name: agent.model_copy(update=hashed if agent.password_env else {})
        for name, agent in declared.agents.items()
    }
    return declared.model_copy(update={"agents": agents})


class Templates:
    """Migrated databases, empty or with the demo organisation, on SQLite and PostgreSQL."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: dict[tuple[str, Content], str] = {}

    async def copy(
        self, sql: str, content: Content, request: pytest.FixtureRequest, folder: Path
    ) -> str:
        """Return the URL of a database that is the caller's own."""
        if sql == "sqlite":
            new = folder / "d.sqlite3"
            shutil.copyfile(await self._sqlite(content), new)
            return async_sql_url(f"sqlite:///{new}")
        server: PostgresServer = request.getfixturevalue("postgres_server")
        return async_sql_url(await server.new_database(await self._postgres(content, server)))

    async def _sqlite(self, content: Content) -> str:
        if ("sqlite", content) not in self._made:
            path = str(self._folder / f"{content}.sqlite3")
            await _fill(f"sqlite:///{path}", content)
            self._made["sqlite", content] = path
        return self._made["sqlite", content]

    async def _postgres(self, content: Content, server: PostgresServer) -> str:
        if ("postgres", content) not in self._made:
            url = await server.new_database()
            await _fill(url, content)
            self._made["postgres", content] = url.rsplit("/", 1)[1]
        return self._made["postgres", content]


async def _fill(url: str, content: Content) -> None:
    directory = Directory(async_sql_url(url))
    await upgrade(directory.engine)
    if content == "demo":
        await directory.replace(demo_organisation())
    await directory.close()
