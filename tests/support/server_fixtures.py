"""Fixtures of the real servers. A test file asks for them with
`pytest_plugins = ["tests.support.server_fixtures"]`; each server starts once per test run."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator

import pytest
from redis.asyncio import Redis

from infra.redis_client import connect
from infra.valkey import ValkeyServer
from tests.support.servers import PostgresMissingError, PostgresServer


@pytest.fixture(scope="session")
def valkey_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    """A real Valkey, as `make run` starts it."""
    with ValkeyServer(tmp_path_factory.mktemp("valkey")) as server:
        yield server


@pytest.fixture
async def redis(valkey_server: ValkeyServer) -> AsyncIterator[Redis]:
    """A client of the real Valkey, emptied before each test."""
    client = connect(valkey_server.url)
    await client.flushall()
    yield client
    await client.aclose()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A real PostgreSQL. Where it is not installed the tests fail and say what to install."""
    if os.environ.get("RAYDESK_SKIP_POSTGRES") == "1":
        pytest.skip("RAYDESK_SKIP_POSTGRES=1")
    try:
        server = PostgresServer()
    except PostgresMissingError as error:
        pytest.fail(str(error), pytrace=False)
    server.start()
    yield server
    server.stop()
