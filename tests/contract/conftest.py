"""The directory, on SQLite and on a real PostgreSQL."""

import pytest

from infra.directory.store import Directory
from infra.settings import async_sql_url
from tests.support.admin import AdminClient, admin_app, staff_token
from tests.support.databases import Templates


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def sql(request):
    """Which database a test runs on."""
    return request.param


@pytest.fixture
async def database_url(sql, request, tmp_path):
    """The URL of an empty database."""
    if sql == "sqlite":
        return async_sql_url(f"sqlite:///{tmp_path / 'd.sqlite3'}")
    return async_sql_url(await request.getfixturevalue("postgres_server").new_database())


@pytest.fixture(scope="session")
def templates(tmp_path_factory):
    """Databases that tests get copies of, because making one takes ten times as long as a test."""
    return Templates(tmp_path_factory.mktemp("templates"))


@pytest.fixture
async def directory(sql, templates, request, tmp_path):
    """An empty directory."""
    opened = Directory(await templates.copy(sql, "empty", request, tmp_path))
    yield opened
    await opened.close()


@pytest.fixture
async def demo(sql, templates, request, tmp_path):
    """The demo organisation in a directory of its own."""
    opened = Directory(await templates.copy(sql, "demo", request, tmp_path))
    yield opened
    await opened.close()


@pytest.fixture
async def admin(demo):
    """The administration API, as the demo organisation's administrator."""
    client = AdminClient(admin_app(demo), staff_token())
    yield client
    await client.close()


@pytest.fixture
async def leader(demo):
    """The administration API, as a leader."""
    client = AdminClient(admin_app(demo), staff_token("lead", "leader"))
    yield client
    await client.close()
