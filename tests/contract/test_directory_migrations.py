"""The migrations of the directory, up and down with rows in it, on SQLite and PostgreSQL."""

import json

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from infra.directory.migrate import alembic_config
from infra.directory.store import Directory
from infra.directory.tables import Base

pytest_plugins = ["tests.support.server_fixtures"]


async def migrate(directory, revision, *, down=False):
    step = command.downgrade if down else command.upgrade
    async with directory.engine.begin() as connection:
        await connection.run_sync(lambda c: step(alembic_config(c), revision))


async def query(directory, text, **values):
    async with directory.engine.begin() as connection:
        return (await connection.execute(sa.text(text), values)).all()


@pytest.fixture
async def first(database_url):
    """A database of the first revision with one organisation."""
    directory = Directory(database_url)
    await migrate(directory, "0001")
    rows = {
        "organisations": {
            "id": "a",
            "version": 7,
            "name": "甲",
            "entry_queue": "q",
            "grace_s": 20.0,
            "origins": "[]",
            "dispositions": json.dumps(["已解决 solved", "spam"]),
            "vip_points": '{"1": 2.0}',
        },
        "groups": {"id": "g", "org": "a", "name": "组"},
        "skills": {"id": "s", "org": "a", "name": "英语"},
        "accounts": {
            "id": "bob",
            "org": "a",
            "name": "Bob",
            "kind": "human",
            "role": "agent",
            "password_hash": "",
            "enabled": True,
            "capacity": 5,
        },
        "memberships": {"org": "a", "account": "bob", "group": "g"},
        "skill_levels": {"org": "a", "account": "bob", "skill": "s", "level": 3},
        "queues": {"id": "q", "org": "a", "name": "Q", "kind": "human", "settings": "{}"},
        "blacklist": {
            "org": "a",
            "kind": "ip",
            "value": "10.0.0.0/8",
            "scope": "all",
            "starts_at": 0.0,
            "reason": "why",
        },
        "sites": {"key": "k", "org": "a", "secret": "", "origins": "[]"},
    }
    async with directory.engine.begin() as connection:
        metadata = sa.MetaData()
        await connection.run_sync(metadata.reflect)
        for table, row in rows.items():
            values = {
                name: json.loads(value)
                if isinstance(metadata.tables[table].c[name].type, sa.JSON)
                else value
                for name, value in row.items()
            }
            await connection.execute(metadata.tables[table].insert().values(values))
    yield directory
    await directory.close()


async def test_what_the_first_revision_holds_is_there_after_the_second(first):
    await migrate(first, "head")
    found = await first.read("a")
    assert [one.name for one in found.dispositions.values()] == ["已解决 solved", "spam"]
    assert (found.agents["bob"].groups, found.agents["bob"].skills) == (["g"], {"s": 3})
    assert found.blacklist[0].value == "10.0.0.0/8"
    assert found.sites["k"].enabled
    assert (await first.compile_config("a")).dispositions == ["已解决 solved", "spam"]


async def test_the_second_revision_may_be_taken_back_and_made_again(first):
    await migrate(first, "head")
    before = await first.read("a")
    await migrate(first, "0001", down=True)
    [(dispositions,)] = await query(first, "SELECT dispositions FROM organisations")
    kept = json.loads(dispositions) if isinstance(dispositions, str) else dispositions
    assert kept == ["已解决 solved", "spam"]
    assert await query(first, 'SELECT account, "group" FROM memberships') == [("bob", "g")]
    assert await query(first, "SELECT org, value FROM blacklist") == [("a", "10.0.0.0/8")]
    await migrate(first, "head")
    assert await first.read("a") == before


async def test_the_migrated_schema_is_the_one_that_the_tables_declare(directory):
    def differences(connection):
        return compare_metadata(MigrationContext.configure(connection), Base.metadata)

    async with directory.engine.begin() as connection:
        assert await connection.run_sync(differences) == []


async def test_all_may_be_taken_back(first):
    await migrate(first, "head")
    await migrate(first, "base", down=True)
    async with first.engine.begin() as connection:
        names = await connection.run_sync(lambda c: sa.inspect(c).get_table_names())
    assert names == ["alembic_version"]
