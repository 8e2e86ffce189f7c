"""Acts of supervision on their way: committed with the session, carried to the audit once each,
whatever dies on the way. Real Valkey, real SQL."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from sqlalchemy.exc import OperationalError

from actors.acts import Act, Source, encode_act
from actors.addresses import Address
from actors.placement import Scope
from actors.ports import Change
from infra.acts import DOORS, ActCarrier, ActStreams
from infra.directory import audit
from infra.directory.declared import parse
from infra.directory.migrate import upgrade
from infra.directory.store import Directory
from infra.journal import keys
from infra.journal.redis_journal import RedisJournal

pytest_plugins = ["tests.support.server_fixtures"]

ORG: dict[str, Any] = {
    "org": "acme",
    "name": "Acme",
    "entry_queue": "q",
    "queues": {"q": {"name": "Q"}},
}
SESSION = Address("session", "acme", "7")


def act(number: int = 1, **more: Any) -> Act:
    plain: dict[str, Any] = {
        "id": f"a{number}",
        "at": 1_800_000_000.0 + number,
        "action": "take_over",
        "resource": "sessions",
        "row": "7",
        "actor": "lea",
        "role": "leader",
        "source": Source(address="10.0.0.1", client="console"),
        "before": {"agent": "ann"},
        "after": {"agent": "lea"},
    }
    return Act(**plain | more)


def change(*acts: Act) -> Change:
    return Change(address=SESSION, facts=[("act/acme", encode_act(one)) for one in acts])


@pytest.fixture
async def directory(tmp_path: Path) -> Any:
    opened = Directory(f"sqlite+aiosqlite:///{tmp_path / 'd.sqlite3'}")
    await upgrade(opened.engine)
    await opened.replace(parse(ORG, "the test"))
    yield opened
    await opened.close()


@pytest.fixture
async def journal(redis: Redis) -> RedisJournal:
    scope = Scope(kind="session", partitions=(SESSION.partition,))
    made = RedisJournal(redis, scope, 1, cluster=False, outbox_cap=100)
    await made.claim()
    return made


async def recorded(directory: Directory) -> list[Any]:
    entries = await directory.audit_page("acme", after=0, limit=500, filters={"actor": "lea"})
    return list(reversed(entries))


async def test_an_act_committed_by_a_session_reaches_the_audit(
    redis: Redis, directory: Directory, journal: RedisJournal
) -> None:
    await journal.commit([change(act())], [])
    assert await redis.xlen(keys.acts(SESSION.partition)) == 1
    assert await redis.xlen(keys.facts(SESSION.partition)) == 0
    assert await ActCarrier(redis, directory).carry() == 1
    [entry] = await recorded(directory)
    assert (entry.action, entry.resource, entry.row) == ("take_over", "sessions", "7")
    assert (entry.address, entry.client, entry.role) == ("10.0.0.1", "console", "leader")
    assert (entry.before, entry.after) == ('{"agent":"ann"}', '{"agent":"lea"}')
    assert entry.at_us == int(act().at * 1e6)
    assert await ActStreams(redis).read() == []
    [whole] = await directory.verify_audit("acme")
    assert isinstance(whole, audit.Verified)


async def test_a_turn_that_is_committed_again_adds_no_act(
    redis: Redis, directory: Directory, journal: RedisJournal
) -> None:
    await journal.commit([change(act())], [])
    journal._turn -= 1  # The host never heard that it was stored, and sends the same turn again.
    await journal.commit([change(act())], [])
    assert len(await ActStreams(redis).read()) == 1


async def test_a_carrier_that_dies_after_the_commit_is_succeeded_without_a_second_entry(
    redis: Redis, directory: Directory
) -> None:
    streams = ActStreams(redis)
    for number in range(3):
        await streams.append("acme", act(number))
    dying = ActCarrier(redis, directory)

    async def die(_: Any) -> None:
        raise asyncio.CancelledError

    dying._streams.forget = die  # type: ignore[method-assign,assignment]  # killed between SQL and Redis
    with pytest.raises(asyncio.CancelledError):
        await dying.carry()
    assert len(await recorded(directory)) == 3
    assert len(await streams.read()) == 3
    await ActCarrier(redis, directory).carry()
    assert [entry.at_us for entry in await recorded(directory)] == [
        int(act(number).at * 1e6) for number in range(3)
    ]
    assert await streams.read() == []


async def test_an_act_that_arrives_twice_is_one(redis: Redis, directory: Directory) -> None:
    streams = ActStreams(redis)
    await streams.append("acme", act())
    await streams.append("acme", act())
    assert await ActCarrier(redis, directory).carry() == 2
    assert len(await recorded(directory)) == 1


async def test_two_carriers_at_once_record_each_act_once(
    redis: Redis, directory: Directory
) -> None:
    streams = ActStreams(redis)
    for number in range(10):
        await streams.append("acme", act(number))
    await asyncio.gather(*(ActCarrier(redis, directory).carry() for _ in range(2)))
    assert len(await recorded(directory)) == 10
    [whole] = await directory.verify_audit("acme")
    assert isinstance(whole, audit.Verified)


async def test_acts_wait_while_sql_is_away_and_are_carried_when_it_is_back(
    redis: Redis, directory: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    streams, right, tries = ActStreams(redis), directory.record_once, asyncio.Event()
    await streams.append("acme", act())

    async def away(*_: Any, **__: Any) -> bool:
        tries.set()
        raise OperationalError("INSERT", {}, RuntimeError("database is away"))

    monkeypatch.setattr(directory, "record_once", away)
    running = asyncio.create_task(ActCarrier(redis, directory).run())
    async with asyncio.timeout(20):
        await tries.wait()
        assert len(await streams.read()) == 1
        monkeypatch.setattr(directory, "record_once", right)
        while await streams.read():  # noqa: ASYNC110 # nothing tells when a stream is empty
            await asyncio.sleep(0.05)
    running.cancel()
    assert len(await recorded(directory)) == 1


async def test_what_can_never_be_recorded_holds_nobody_up(
    redis: Redis, directory: Directory
) -> None:
    await redis.xadd(DOORS, {"act/acme/0": b"rubbish"})
    streams = ActStreams(redis)
    await streams.append("nowhere", act())
    await streams.append("acme", act())
    await ActCarrier(redis, directory).carry()
    assert len(await recorded(directory)) == 1
    assert await streams.read() == []


async def test_an_act_of_the_doors_that_redis_did_not_take_is_no_act(redis: Redis) -> None:
    class Away:
        async def xadd(self, *_: Any) -> None:
            raise RedisConnectionError

    streams = ActStreams(redis)
    streams._redis = Away()  # type: ignore[assignment]
    with pytest.raises(RedisConnectionError):
        await streams.append("acme", act())
