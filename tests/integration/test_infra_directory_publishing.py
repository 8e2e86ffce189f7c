"""A change of the directory, as it reaches those who watch the settings in Redis."""

import asyncio
import time
from pathlib import Path

import pytest

from infra.configs import RedisConfigs
from infra.directory import declared_rows as d
from infra.directory.declared import parse
from infra.directory.kinds import BY_NAME
from infra.directory.migrate import upgrade
from infra.directory.publisher import Publisher
from infra.directory.store import Directory
from infra.settings import async_sql_url
from tests.support.actor_system import until

pytest_plugins = ["tests.support.server_fixtures"]
ORG = {"org": "acme", "name": "甲", "entry_queue": "q", "queues": {"q": {"name": "q"}}}
NEVER_S = 3600.0
"""A check period that no test waits for: what arrives was announced."""


@pytest.fixture
async def open_directory(tmp_path: Path):
    url = async_sql_url(f"sqlite:///{tmp_path / 'd.sqlite3'}")
    opened = [Directory(url)]
    await upgrade(opened[0].engine)
    await opened[0].replace(parse(ORG, "a test"))

    def another() -> Directory:
        opened.append(Directory(url))
        return opened[-1]

    yield another
    for one in opened:
        await one.close()


@pytest.fixture
async def running():
    tasks = []
    yield lambda work: tasks.append(asyncio.create_task(work))
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def set_limit(directory: Directory, limit: int) -> None:
    kind = BY_NAME["queues"]
    async with directory.writing("acme") as writer:
        await writer.update(
            kind, await writer.get(kind, "q"), d.DeclaredQueue(name="q", limit=limit)
        )


async def test_a_change_is_carried_to_watchers_without_any_period(
    open_directory, running, redis, record_property
):
    """R5: from commit to watcher by announcement alone; both check periods are an hour. The times
    are recorded in the test report."""
    directory, seen = open_directory(), {}
    publisher = Publisher(directory, RedisConfigs(redis), check_s=NEVER_S)
    running(publisher.run())
    watcher = RedisConfigs(redis, check_s=NEVER_S)
    running(watcher.watch(lambda config: seen.update({config.org: config})))
    await until(lambda: "acme" in seen)
    for limit in (5, 6, 7):
        await set_limit(directory, limit)
        committed = time.perf_counter()
        await until(lambda limit=limit: seen["acme"].queues["q"].limit == limit)
        record_property("commit_to_watcher_s", time.perf_counter() - committed)


async def test_a_change_of_another_process_is_found_by_the_check(open_directory, running, redis):
    mine, other, seen = open_directory(), open_directory(), {}
    running(Publisher(mine, RedisConfigs(redis), check_s=0.02).run())
    watcher = RedisConfigs(redis, check_s=NEVER_S)
    running(watcher.watch(lambda config: seen.update({config.org: config})))
    await until(lambda: "acme" in seen)
    await set_limit(other, 5)
    await until(lambda: seen["acme"].queues["q"].limit == 5)


async def test_a_change_that_was_undone_is_not_published(open_directory, redis):
    directory = open_directory()
    publisher = Publisher(directory, RedisConfigs(redis))
    await publisher.publish_changes()
    with pytest.raises(Exception, match="given: 'nobody'"):
        await directory.set_queue("acme", "x", d.DeclaredQueue(name="x", groups=["nobody"]))
    assert await publisher.publish_changes() == []
