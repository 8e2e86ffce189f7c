"""The directory, on SQLite and on a real PostgreSQL."""

from pathlib import Path

import pytest

from infra.directory.declared import read_file
from infra.directory.migrate import upgrade
from infra.directory.store import Directory, hash_passwords
from infra.settings import async_sql_url
from tests.support.admin import AdminClient, admin_app, staff_token

DEMO = Path(__file__).parents[2] / "infra" / "demo.yaml"
PASSWORDS = {"RAYDESK_DEMO_PASSWORD": "密码 pass"}


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def database_url(request, tmp_path):
    """The URL of an empty database."""
    if request.param == "sqlite":
        return async_sql_url(f"sqlite:///{tmp_path / 'd.sqlite3'}")
    return async_sql_url(await request.getfixturevalue("postgres_server").new_database())


@pytest.fixture
async def directory(database_url):
    """An empty directory."""
    opened = Directory(database_url)
    await upgrade(opened.engine)
    yield opened
    await opened.close()


@pytest.fixture(scope="session")
def demo_organisation():
    """The demo organisation with its passwords hashed: once, it takes a while."""
    return hash_passwords(read_file(DEMO), PASSWORDS)


@pytest.fixture
async def demo(directory, demo_organisation):
    """The demo organisation in a directory of its own."""
    await directory.replace(demo_organisation)
    return directory


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
