"""Outcomes reach SQL at least once, and once in effect: through a store that is away, a carrier
that died half way, a full buffer."""

import asyncio
import time

import pytest
import sqlalchemy as sa
from redis.exceptions import ConnectionError as RedisConnectionError

from bot.outcomes import QuestionOutcome
from infra.directory.declared import parse
from infra.directory.migrate import upgrade
from infra.directory.store import Directory
from infra.knowledge import tables as t
from infra.knowledge.carrier import GROUP, OutcomeCarrier
from infra.knowledge.outcomes import OutcomeStore
from infra.knowledge.stream import STREAM, OutcomeStream
from infra.settings import async_sql_url
from serve.knowledge.sink import StreamSink

pytest_plugins = ["tests.support.server_fixtures"]
ORG = {"org": "acme", "name": "Acme", "entry_queue": "q", "queues": {"q": {"name": "Q"}}}
WITHIN_S = 20


START = time.time()


def outcome(n):
    return QuestionOutcome(org="acme", id=f"s:{n}", at=START + n, text=f"问 {n}")


@pytest.fixture
async def engine(tmp_path):
    """A directory with one organisation."""
    directory = Directory(async_sql_url(f"sqlite:///{tmp_path / 'd.sqlite3'}"))
    await upgrade(directory.engine)
    await directory.replace(parse(ORG, "the test"))
    yield directory.engine
    await directory.close()


async def ids(engine):
    async with engine.connect() as connection:
        rows = await connection.execute(sa.select(t.BotQuestion.id).order_by(t.BotQuestion.at_ms))
        return [one for (one,) in rows]


async def until(ask, fits):
    async with asyncio.timeout(WITHIN_S):
        while not fits(await ask()):  # noqa: ASYNC110  # a store has no event
            await asyncio.sleep(0.02)


async def ended(*tasks):
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_what_is_put_is_stored_in_batches(redis, engine):
    stream = OutcomeStream(redis)
    sink = StreamSink(stream)
    for n in range(1200):
        assert sink.put(outcome(n))
    carrying = asyncio.create_task(sink.run())
    reading = asyncio.create_task(OutcomeCarrier(redis, OutcomeStore(engine), "one").run())
    await until(lambda: ids(engine), lambda found: len(found) == 1200)
    await until(lambda: redis.xlen(STREAM), lambda waiting: waiting == 0)
    await ended(carrying, reading)
    assert await ids(engine) == [f"s:{n}" for n in range(1200)]
    assert (await redis.xpending(STREAM, GROUP))["pending"] == 0


async def test_a_full_buffer_drops_and_says_so_and_never_waits(redis):
    sink = StreamSink(OutcomeStream(redis, buffer_n=3))
    assert [sink.put(outcome(n)) for n in range(5)] == [True, True, True, False, False]


async def test_what_waits_when_the_process_ends_is_carried(redis):
    sink = StreamSink(OutcomeStream(redis))
    running = asyncio.create_task(sink.run())
    await asyncio.sleep(0)
    sink.put(outcome(1))
    await ended(running)
    assert await redis.xlen(STREAM) == 1


async def test_what_a_dead_carrier_left_is_stored_once(redis, engine):
    stream = OutcomeStream(redis)
    stream.put(b'{"type": "question", "org": "acme", "id": "s:1", "at": 2.0, "rating": 4}')
    await stream.flush()
    dead = OutcomeCarrier(redis, OutcomeStore(engine), "dead")
    await dead._join()
    [(_, piece)] = await dead._next()
    await OutcomeStore(engine).write([piece])  # and it died before it acknowledged
    assert await OutcomeCarrier(redis, OutcomeStore(engine), "other", wait_s=0.05).carry() == 0
    heir = OutcomeCarrier(redis, OutcomeStore(engine), "heir", dead_s=0.0)
    assert await heir.carry() == 1
    assert await ids(engine) == ["s:1"]
    assert await redis.xlen(STREAM) == 0


async def test_a_store_that_is_away_keeps_nothing_from_arriving(redis, engine):
    class Shaky:
        """Refuses the first batches."""

        refusals = 2

        xlen = redis.xlen

        def pipeline(self, **more):
            if self.refusals:
                self.refusals -= 1
                raise RedisConnectionError("away")
            return redis.pipeline(**more)

    stream = OutcomeStream(Shaky())  # type: ignore[arg-type]  # what the stream uses of it
    running = asyncio.create_task(stream.run())
    piece = b'{"type": "question", "org": "acme", "id": "s:1", "at": 2.0}'
    stream.put(piece)
    await until(lambda: redis.xlen(STREAM), bool)
    await ended(running)
    # An end between the store's answer and the look at it brings a piece twice: at least once.
    assert {fields[b"o"] for _, fields in await redis.xrange(STREAM)} == {piece}


async def test_a_full_store_keeps_what_it_has_and_holds_up_the_rest(redis):
    stream = OutcomeStream(redis, buffer_n=150, stream_n=100)
    taken = [stream.put(b"x%d" % n) for n in range(200)]
    await stream.flush()
    assert [fields[b"o"] for _, fields in await redis.xrange(STREAM)] == [
        b"x%d" % n for n in range(100)
    ]
    assert taken.count(False) == 50
    assert stream.put(b"later")
    running = asyncio.create_task(stream.run())
    await redis.xtrim(STREAM, maxlen=0, approximate=False)
    await until(lambda: redis.xlen(STREAM), lambda waiting: waiting >= 51)
    await ended(running)
