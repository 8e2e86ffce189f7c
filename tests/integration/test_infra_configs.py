"""Settings reach every watcher, also when announcements are lost."""

import asyncio
import os
import signal

import msgspec
import pytest

from actors.config import BlacklistEntry, OrgConfig, QueueConfig
from infra.configs import RedisConfigs
from infra.redis_client import connect
from infra.valkey import ValkeyServer

pytest_plugins = ["tests.support.server_fixtures"]


def config(org="acme", version=1, **more):
    queues = {"main": QueueConfig(id="main", name="主队列")}
    return OrgConfig(org=org, version=version, entry_queue="main", queues=queues, agents={}, **more)


async def until(condition):
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110  # another process's state has no event
            await asyncio.sleep(0.01)


class Watch:
    """Collects what a watcher is told."""

    def __init__(self, configs):
        self.told = []
        self._news = asyncio.Event()
        self._task = asyncio.create_task(configs.watch(self._changed))

    def _changed(self, new):
        self.told.append((new.org, new.version))
        self._news.set()

    async def until(self, org, version):
        async with asyncio.timeout(20):
            while (org, version) not in self.told:
                self._news.clear()
                await self._news.wait()

    async def stop(self):
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


@pytest.fixture
async def watch(redis):
    """Starts watches and ends them."""
    begun = []

    def begin(configs=None):
        begun.append(Watch(configs or RedisConfigs(redis)))
        return begun[-1]

    yield begin
    for one in begun:
        await one.stop()


async def test_what_is_published_comes_back_equal(redis):
    entry = BlacklistEntry(kind="ip", value="10.0.0.0/8", ends_at=5.0)
    one = config(vip_points={1: 2.5}, blacklist=[entry], origins=["https://a.example"])
    configs = RedisConfigs(redis)
    assert await configs.publish(one)
    assert await configs.get("acme") == one
    assert await configs.get("nobody") is None
    assert await configs.versions() == {"acme": 1}


async def test_an_older_version_never_replaces_a_newer(redis):
    configs = RedisConfigs(redis)
    await configs.publish(config(version=5))
    assert not await configs.publish(config(version=4))
    assert await configs.publish(config(version=5))
    assert (await configs.get("acme")).version == 5


async def test_a_watcher_is_told_what_is_there_and_then_every_change(redis, watch):
    configs = RedisConfigs(redis)
    await configs.publish(config("one"))
    watching = watch()
    await watching.until("one", 1)
    await configs.publish(config("two", 7))
    await watching.until("two", 7)
    await configs.publish(config("one", 2))
    await watching.until("one", 2)
    assert watching.told == [("one", 1), ("two", 7), ("one", 2)]


async def test_a_change_is_announced_not_only_found_by_the_check(redis, watch):
    configs = RedisConfigs(redis)
    await configs.publish(config())
    watching = watch(RedisConfigs(redis, check_s=3600))
    await watching.until("acme", 1)
    await configs.publish(config(version=2))
    await watching.until("acme", 2)


async def test_a_lost_announcement_is_found_by_the_check(redis, watch):
    configs = RedisConfigs(redis)
    await configs.publish(config())
    watching = watch(RedisConfigs(redis, check_s=0.05))
    await watching.until("acme", 1)
    await redis.set("{config}:of:acme", msgspec.json.encode(config(version=2)))
    await redis.hset("{config}:generations", "acme", 2)
    await watching.until("acme", 2)


async def test_an_organisation_id_cannot_name_another_key(redis):
    configs = RedisConfigs(redis)
    await configs.publish(config("a}:b"))
    await configs.publish(config("a", 9))
    assert (await configs.get("a}:b")).version == 1


async def test_a_change_during_an_outage_is_told_afterwards(tmp_path):
    """The server is killed; while it is away the watcher waits; then nothing is missed."""
    with ValkeyServer(tmp_path) as server:
        client = connect(server.url)
        configs = RedisConfigs(client, check_s=3600)
        await configs.publish(config())
        watching = Watch(configs)
        await watching.until("acme", 1)
        os.kill(server.pid, signal.SIGKILL)
        await until(lambda: server.restarts == 1)
        assert await configs.publish(config(version=2))
        await watching.until("acme", 2)
        await watching.stop()
        await client.aclose()
