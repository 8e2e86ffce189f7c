"""From a turn's commit to the files: nothing lost, whatever dies; real Valkey, real files."""

import asyncio

import msgspec
import pytest

from actors.addresses import Address
from actors.placement import Placement
from actors.ports import Change, ReaderReplacedError
from actors.recording import Recorder, span_of
from actors.session.tickets import LeftMessage, Ticket
from infra.decision_index import RedisDecisionIndex
from infra.directory.declared import parse
from infra.directory.migrate import upgrade
from infra.directory.store import Directory
from infra.facts import READER, RedisFacts
from infra.facts_backlog import COUNTER, BacklogGauge
from infra.ids import EPOCH_MS
from infra.journal import RedisJournal, keys
from infra.metrics import PlainMetrics
from infra.objects import LocalObjects
from infra.tickets import SqlTickets
from policies.decision_files import read
from policies.decisions import DAY_S, Outcome
from policies.rounds import Choice, Round
from policies.view import AgentView, ContactView, Demand
from serve.decisions import DecisionReader

pytest_plugins = ["tests.support.server_fixtures"]

ADDRESS = Address("dispatch", "acme", "main")
AT = EPOCH_MS / 1000 + 1000.0


def round_of(number: int) -> bytes:
    contact = ContactView(
        id=f"s{number}", demand=Demand(queue="q"), arrived_at=AT - 5, virtual_at=AT - 5
    )
    made = Round(
        id=str(number),
        at=AT + number % 1000 / 1000,
        org="acme",
        trigger="ContactWaiting",
        seed=number,
        policy="longest_idle",
        latency_s=0.001,
        limit=64,
        detail="full",
        agents=[AgentView(id="ann")],
        contacts=[contact],
        agents_n=1,
        waiting_n=1,
        choices=[Choice(str(number), contact.id, "ann", "offered")],
    )
    return msgspec.msgpack.encode(made)


class House:
    """One dispatch host's journal, and recorders that may be replaced."""

    def __init__(self, redis, folder):
        self.redis, self.folder = redis, folder
        placement = Placement(session=1, agent=1, queue=1, dispatch="per-entity")
        self.journal = RedisJournal(
            redis, placement.scope(str(ADDRESS)), 7, cluster=False, outbox_cap=100
        )
        self.objects = LocalObjects(folder)

    def recorder(self, name="one", **fields):
        index = RedisDecisionIndex(self.redis)
        return Recorder(RedisFacts(self.redis, name), self.objects, index, file_s=60.0, **fields)

    async def commit(self, *numbers):
        facts = [("round/acme", round_of(number)) for number in numbers]
        await self.journal.commit([Change(address=ADDRESS, facts=facts)], [])


@pytest.fixture
async def house(redis, tmp_path):
    made = House(redis, tmp_path)
    await made.journal.claim()
    return made


async def test_every_committed_decision_comes_to_a_file_once(house):
    await house.commit(1, 2)
    await house.commit(3)
    recorder = house.recorder()
    await recorder.step()
    await recorder.flush()
    assert [row.id for row in read(house.folder)] == ["1", "2", "3"]
    assert await house.redis.xlen(keys.facts(ADDRESS.partition)) == 0


async def test_a_fact_that_cannot_be_read_holds_up_no_other(house):
    facts = [("round/acme", b"\xc1 of another version"), ("outcome/acme", b"\x80")]
    await house.journal.commit([Change(address=ADDRESS, facts=facts)], [])
    await house.commit(1)
    recorder = house.recorder()
    await recorder.step()
    await recorder.flush()
    assert [row.id for row in read(house.folder)] == ["1"]
    assert await house.redis.xlen(keys.facts(ADDRESS.partition)) == 0


async def test_a_turn_that_is_committed_twice_is_recorded_once(house):
    await house.commit(1)
    house.journal._turn -= 1
    await house.commit(1)
    assert await house.redis.xlen(keys.facts(ADDRESS.partition)) == 1


async def test_a_recorder_that_dies_before_writing_loses_nothing(house):
    await house.commit(1)
    await house.recorder().step()
    await house.commit(2)
    successor = house.recorder()
    await successor.step()
    await successor.flush()
    assert [row.id for row in read(house.folder)] == ["1", "2"]


async def test_a_recorder_that_dies_after_writing_repeats_the_rows_under_their_ids(house):
    await house.commit(1)
    recorder = house.recorder()
    await recorder.step()
    recorder._stream.forget = _broken
    with pytest.raises(ConnectionError):
        await recorder.flush()
    await house.commit(2)
    successor = house.recorder()
    await successor.step()
    await successor.flush()
    assert len(list(house.folder.rglob("*.parquet"))) == 2
    assert [row.id for row in read(house.folder)] == ["1", "2"]


async def test_one_reader_reads_until_it_is_gone(house, monkeypatch):
    await house.commit(1)
    first, second = RedisFacts(house.redis, "first"), RedisFacts(house.redis, "second")
    assert len(await first.read(10, 0.001)) == 1
    assert await second.read(10, 0.001) == []
    await house.redis.delete(READER)
    assert len(await second.read(10, 0.001)) == 1
    with pytest.raises(ReaderReplacedError):
        await first.read(10, 0.001)
    assert await first.read(10, 0.001) == []


async def test_a_store_that_fails_keeps_the_facts_for_later(house):
    put, house.objects.put = house.objects.put, _broken
    recorder = house.recorder()
    await house.commit(1)
    await recorder.step()
    with pytest.raises(ConnectionError):
        await recorder.flush()
    assert await house.redis.xlen(keys.facts(ADDRESS.partition)) == 1
    house.objects.put = put
    await recorder.flush()
    assert [row.id for row in read(house.folder)] == ["1"]


async def test_the_recorder_goes_on_after_a_failure_by_itself(house, monkeypatch):
    monkeypatch.setattr("actors.recording.RETRY_S", 0.001)
    tried, again = [], asyncio.Event()

    async def step():
        tried.append(1)
        if len(tried) > 1:
            again.set()
            await asyncio.sleep(3600)
        raise ConnectionError("no store")

    recorder = house.recorder()
    monkeypatch.setattr(recorder, "step", step)
    task = asyncio.create_task(recorder.run())
    async with asyncio.timeout(20):
        await again.wait()
    task.cancel()


async def test_a_file_is_written_when_its_time_has_come_or_it_is_full(house, monkeypatch):
    now = [0.0]
    recorder = house.recorder(clock=lambda: now[0])
    await house.commit(1)
    await recorder.step()
    assert list(house.folder.rglob("*.parquet")) == []
    now[0] = 61.0
    await recorder.step()
    assert len(list(house.folder.rglob("*.parquet"))) == 1
    monkeypatch.setattr("actors.recording.FILE_BYTES", 10)
    await house.commit(2)
    await recorder.step()
    assert len(list(house.folder.rglob("*.parquet"))) == 2


async def test_outcomes_are_joined_to_their_decisions(house):
    outcome = Outcome(decision="1", session="s1", at=AT + 60, ending="accepted", handle_s=50.0)
    fact = ("outcome/acme", msgspec.msgpack.encode(outcome))
    await house.commit(1)
    await house.journal.commit([Change(address=ADDRESS, facts=[fact])], [])
    recorder = house.recorder()
    await recorder.step()
    await recorder.flush()
    assert read(house.folder)[0].outcome.handle_s == 50.0


async def test_the_index_finds_the_file_and_what_is_in_none_yet(house):
    index = RedisDecisionIndex(house.redis)
    await house.commit(1, 2)
    assert [fact.table for fact in await index.pending("acme")] == ["round", "round"]
    assert await index.pending("other") == []
    recorder = house.recorder()
    await recorder.step()
    await recorder.flush()
    assert await index.pending("acme") == []
    (key,) = await index.files("acme", "decisions", AT, 10)
    assert span_of(key) == (1, 2)
    assert await index.files("acme", "decisions", AT + 100, 10) == []
    assert await index.newest("acme", "decisions", 5) == [key]


async def test_a_decision_is_found_before_and_after_it_is_in_a_file_and_without_the_index(house):
    reader = DecisionReader(house.objects, RedisDecisionIndex(house.redis))
    ids = [str((1_000_000 << 22) + n) for n in range(3)]
    await house.commit(*map(int, ids))
    outcome = Outcome(decision=ids[1], session="s", at=AT + 60, ending="accepted", handle_s=50.0)
    fact = ("outcome/acme", msgspec.msgpack.encode(outcome))
    await house.journal.commit([Change(address=ADDRESS, facts=[fact])], [])

    async def check():
        found = await reader.find("acme", ids[1])
        assert (found.id, found.outcome.handle_s) == (ids[1], 50.0)
        assert [row.id for row in await reader.recent("acme", 2)] == ids[:0:-1]
        session = found.contact.session
        assert [row.id for row in await reader.recent("acme", 9, session)] == [ids[1]]
        assert await reader.find("other", ids[1]) is None
        assert await reader.find("acme", str(int(ids[1]) + 7)) is None
        assert await reader.find("acme", "x") is None

    await check()
    recorder = house.recorder()
    await recorder.step()
    await recorder.flush()
    await check()
    await house.redis.flushall()
    assert (await reader.find("acme", ids[1])).id == ids[1]


async def test_what_becomes_known_days_later_is_found_by_its_decision(house, monkeypatch):
    monkeypatch.setattr("serve.decisions.FILES_N", 1)
    reader = DecisionReader(house.objects, RedisDecisionIndex(house.redis))
    row, other = str(1_000_000 << 22), str((1_000_000 << 22) + 1)
    await house.commit(int(row), int(other))
    parts = [
        Outcome(decision=other, session="s", at=AT + 60, ending="accepted"),
        Outcome(decision=row, session="s", at=AT + 2 * DAY_S, recontact_7d=True),
    ]
    for part in parts:
        fact = ("outcome/acme", msgspec.msgpack.encode(part))
        await house.journal.commit([Change(address=ADDRESS, facts=[fact])], [])
        recorder = house.recorder()
        await recorder.step()
        await recorder.flush()
    assert (await reader.find("acme", row)).outcome.recontact_7d is True
    assert (await reader.find("acme", other)).outcome.recontact_7d is None
    assert {one.id: one.outcome.recontact_7d for one in read(house.folder)} == {
        row: True,
        other: None,
    }


async def test_what_the_session_told_is_found_before_it_is_in_a_file(house):
    row = str(1_000_000 << 22)
    session = Address("session", "acme", f"s{row}")
    assert session.partition != ADDRESS.partition
    await house.commit(int(row))
    part = Outcome(decision=row, session=session.id, at=AT + 60, rating=5)
    fact = b"outcome/acme/1"
    await house.redis.xadd(keys.facts(session.partition), {fact: msgspec.msgpack.encode(part)})
    reader = DecisionReader(house.objects, RedisDecisionIndex(house.redis))
    assert (await reader.find("acme", row)).outcome.rating == 5


async def test_a_recorder_that_stands_still_is_seen_by_its_backlog(house):
    metrics, now = PlainMetrics(), [0.0]
    gauge = BacklogGauge(house.redis, "one", metrics, clock=lambda: now[0])
    await gauge.step()
    assert told(metrics) == (0, 0)
    await house.commit(1, 2)
    await house.commit(3)
    seconds, micros = await house.redis.time()
    now[0] = seconds + micros / 1e6 + 700.0
    await gauge.step()
    waiting, oldest_s = told(metrics)
    assert waiting == 2, "two turns"
    assert 700.0 <= oldest_s < 1000.0
    recorder = house.recorder()
    await recorder.step()
    await gauge.step()
    assert told(metrics)[0] == 2, "read is not yet recorded"
    await recorder.flush()
    await gauge.step()
    assert told(metrics) == (0, 0)


async def test_of_many_processes_one_counts_the_backlog(house):
    await house.commit(1)
    first, second = (BacklogGauge(house.redis, name, PlainMetrics()) for name in ("a", "b"))
    await first.step()
    await second.step()
    assert told(first._metrics)[0] == 1
    assert second._metrics.gauges == {}
    await house.redis.delete(COUNTER)
    await second.step()
    await first.step()
    assert told(second._metrics)[0] == 1
    assert told(first._metrics) == (0, 0)


def told(metrics):
    return tuple(metrics.gauges[name, ""] for name in ("facts_waiting", "facts_oldest_seconds"))


async def test_tickets_are_kept_once_and_listed_newest_first(house, tmp_path):
    directory = Directory(f"sqlite+aiosqlite:///{tmp_path / 'x.sqlite3'}")
    await upgrade(directory.engine)
    queues = {"q": {"name": "Queue"}}
    await directory.replace(
        parse({"org": "acme", "name": "A", "entry_queue": "q", "queues": queues}, "x")
    )
    tickets = SqlTickets(directory.engine)
    made = [
        Ticket(session=str(n), at=AT + n, queue="q", reason="closed", customer="c") for n in (1, 2)
    ]
    facts = [("ticket/acme", msgspec.msgpack.encode(one)) for one in [*made, made[0]]]
    gone = ("ticket/gone", msgspec.msgpack.encode(made[0]))
    await house.journal.commit([Change(address=ADDRESS, facts=[*facts, gone])], [])
    for _ in range(2):
        recorder = house.recorder(rows={"ticket": tickets})
        recorder._stream.forget = _nothing
        await recorder.step()
        assert await tickets.newest("acme", 10) == made[::-1]
        await recorder.flush()
    assert await tickets.newest("acme", 10) == made[::-1]
    assert await tickets.newest("acme", 10, before=AT + 2) == made[:1]
    assert await tickets.newest("gone", 10) == []
    await directory.engine.dispose()


async def test_messages_left_in_one_session_are_one_ticket_with_each_once(tmp_path):
    directory = Directory(f"sqlite+aiosqlite:///{tmp_path / 'x.sqlite3'}")
    await upgrade(directory.engine)
    queues = {"q": {"name": "Queue"}}
    await directory.replace(
        parse({"org": "acme", "name": "A", "entry_queue": "q", "queues": queues}, "x")
    )
    said = [LeftMessage(seq=n, at=AT + n, text=f"请回电 {n}") for n in (1, 2, 3)]
    told = [
        Ticket(session="7", at=AT + n, queue="q", reason="closed", customer="c", left=[one])
        for n, one in enumerate(said)
    ]
    tickets = SqlTickets(directory.engine)
    for batch in (told[:2], told[:1], told[1:], told):
        await tickets.add("acme", batch)
    [kept] = await tickets.newest("acme", 10)
    assert (kept.at, kept.left) == (AT, said)
    await directory.engine.dispose()


async def _nothing(_):
    pass


async def _broken(*_, **__):
    raise ConnectionError("no store")
