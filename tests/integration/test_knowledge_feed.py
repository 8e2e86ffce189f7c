"""A published version reaches everybody who answers; what is gone is forgotten; a store that lost
its memory is filled again."""

import asyncio

import msgspec
import pytest

from infra.directory.audit import By
from infra.directory.declared import parse
from infra.directory.migrate import upgrade
from infra.directory.store import Directory
from infra.knowledge import forms as f
from infra.knowledge.feed import Live, LiveVersion, RedisKnowledge
from infra.knowledge.publisher import KnowledgePublisher
from infra.knowledge.writer import KnowledgeWriter
from infra.settings import async_sql_url
from serve.knowledge.store import KnowledgeStore

pytest_plugins = ["tests.support.server_fixtures"]
BY = By(subject="ann", role="admin")
ORG = {"org": "acme", "name": "Acme", "entry_queue": "q", "queues": {"q": {"name": "Q"}}}
WITHIN_S = 20


class House:
    """A directory with one organisation, its publisher, and a store that watches."""

    def __init__(self, directory, redis):
        self.directory = directory
        self.feed = RedisKnowledge(redis, check_s=0.2)
        self.publisher = KnowledgePublisher(directory.engine, self.feed, check_s=0.05)
        self.store = KnowledgeStore(self.feed)
        self.told = []
        self._news = asyncio.Event()
        self.store.listen(self._hear)

    def _hear(self, published):
        self.told.append((published.version.base.id, published.version.number))
        self._news.set()

    async def until(self, condition):
        async with asyncio.timeout(WITHIN_S):
            while not condition():
                self._news.clear()
                await self._news.wait()

    async def edit(self, work):
        async with self.directory.writing("acme", BY) as writer:
            return await work(KnowledgeWriter(writer))

    async def make(self, base, **settings):
        form = f.BaseForm(name=base, settings=f.SettingsForm(**settings))
        await self.edit(lambda knowledge: knowledge.create_base(base, form))

    async def publish(self, base, body):
        async def work(knowledge):
            row = await knowledge.base(base)
            version = await knowledge.publish(row, body.encode(), topics_n=0)
            knowledge.set_live(row, version.number)

        await self.edit(work)

    def number(self):
        return next((one.version.number for one in self.store.serving("acme")), 0)


@pytest.fixture
async def house(redis, tmp_path):
    """A house whose publisher and store run."""
    directory = Directory(async_sql_url(f"sqlite:///{tmp_path / 'd.sqlite3'}"))
    await upgrade(directory.engine)
    await directory.replace(parse(ORG, "the test"))
    made = House(directory, redis)
    tasks = [asyncio.create_task(made.publisher.run()), asyncio.create_task(made.store.run())]
    yield made
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await directory.close()


def content(base, name):
    return f'{{"id": "{base}", "name": "{name}", "topics": [{{"id": "a", "question": "q"}}]}}'


async def test_a_new_version_is_live_everywhere_without_a_restart(house):
    await house.make("faq")
    await house.publish("faq", content("faq", "one"))
    await house.until(lambda: house.number() == 1)
    await house.publish("faq", content("faq", "two"))
    await house.until(lambda: house.number() == 2)
    [one] = house.store.serving("acme")
    assert (one.version.base.name, one.version.base.topics[0].question) == ("two", "q")
    assert house.store.serving("other") == []


async def test_a_base_that_is_removed_stops_answering(house):
    await house.make("faq")
    await house.publish("faq", content("faq", "one"))
    await house.until(lambda: house.number() == 1)

    async def remove(knowledge):
        await knowledge.delete_base(await knowledge.base("faq"))

    await house.edit(remove)
    await house.until(lambda: house.told[-1] == ("faq", 0))
    assert house.store.serving("acme") == []


async def test_a_store_that_lost_everything_is_filled_again(house, redis):
    await house.make("faq")
    await house.publish("faq", content("faq", "one"))
    await house.until(lambda: house.number() == 1)
    await redis.flushall()
    news = asyncio.Event()
    late = KnowledgeStore(house.feed)
    late.listen(lambda _: news.set())
    running = asyncio.create_task(late.run())
    async with asyncio.timeout(WITHIN_S):
        await news.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    [one] = late.serving("acme")
    assert one.version.number == house.number() == 1


async def test_what_cannot_be_read_leaves_the_version_before(house):
    await house.make("faq")
    await house.publish("faq", content("faq", "one"))
    await house.until(lambda: house.number() == 1)
    live = await house.feed.get(("acme", "faq"))
    for number, body in ((7, b"no zlib"), (8, live.version.body)):
        version = msgspec.structs.replace(live.version, number=number, body=body)
        generation = live.generation + number
        changed = msgspec.structs.replace(live, generation=generation, version=version)
        await house.feed.publish(changed)
    await house.until(lambda: house.number() == 8)
    assert ("faq", 7) not in house.told


async def test_an_older_generation_never_replaces_a_newer_one(redis):
    feed = RedisKnowledge(redis)
    version = LiveVersion(number=1, at=0.0, by="", note="", restored=0, body=b"")
    new, old = (
        Live(org="a", base="b", generation=n, settings=b"{}", version=version) for n in (2, 1)
    )
    assert await feed.publish(new)
    assert not await feed.publish(old)
    assert await feed.get(("a", "b")) == new
    assert not await feed.remove(("a", "b"), 1)
    assert await feed.generations() == {("a", "b"): 2}
