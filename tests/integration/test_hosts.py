"""The shell around the machines, on a real Valkey, without Ray."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator

import pytest

from actors.addresses import Address, Conn
from actors.codec import encode
from actors.in_process import InProcess
from actors.messages import AgentLost, Attach, Body, Envelope, Person, Say
from actors.placement import Placement
from actors.ports import Change, HostGoneError
from infra.configs import RedisConfigs
from infra.journal import RedisJournal, keys
from infra.redis_client import connect
from infra.valkey import ValkeyServer
from tests.support.actor_system import Inlet, TestBuilder, demo_config, until
from tests.support.toy import Toy

pytest_plugins = ["tests.support.server_fixtures"]

ANN = Person(id="ann", role="customer")
PLACEMENTS = {
    "sharded": Placement(session=2, agent=1, queue=1, dispatch=1),
    "per-entity": Placement(session="per-entity", agent=1, queue=1, dispatch=1),
}


def address(session: str) -> Address:
    return Address("session", "acme", session)


class Desk:
    """A running system with one gateway."""

    def __init__(self, builder: TestBuilder) -> None:
        self.builder = builder
        self.system = InProcess(builder)
        self.inlet = Inlet()
        self.n = 0

    async def start(self) -> None:
        await self.system.start()
        self.fabric = self.system.fabric("g1")
        await self.fabric.start(self.inlet)

    def say(self, session: str, text: str, client_id: str = "") -> str:
        self.n += 1
        client_id = client_id or f"c{self.n}"
        body = Body(kind="text", text=text)
        command = Say(conn=Conn("g1", 1), person=ANN, client_id=client_id, body=body)
        self.fabric.send(Envelope(address(session), command))
        return client_id

    def attach(self, session: str, number: int = 1, after: int = 0) -> None:
        command = Attach(conn=Conn("g1", number), person=ANN, after=after)
        self.fabric.send(Envelope(address(session), command))

    async def seen(self, session: str, *, seq: int, number: int = 1) -> list[int]:
        """The seqs at a socket, once the last of them has come."""
        await until(lambda: seq in self.inlet.seqs(number, session))
        return self.inlet.seqs(number, session)

    async def summary(self, session: str) -> dict[str, object]:
        found = [s for s in await self.fabric.survey("session", "acme") if s["id"] == session]
        return found[0] if found else {}

    async def kill(self, session: str) -> None:
        """End the session's host with nothing said to anybody."""
        role = self.builder.placement.role(address(session))
        await self.system.kill(self.system.host(role).parts.name)


@pytest.fixture(params=sorted(PLACEMENTS))
async def desk(request, valkey_server, redis) -> AsyncIterator[Desk]:
    await RedisConfigs(redis).publish(demo_config())
    made = Desk(TestBuilder(valkey_server.url, Toy, PLACEMENTS[request.param]))
    await made.start()
    yield made
    await made.system.stop()
    await made.builder.close()


async def test_what_a_socket_sees_is_stored_already(desk, redis) -> None:
    desk.attach("1")
    desk.say("1", "hello")
    assert await desk.seen("1", seq=1) == [1]
    assert await redis.zcard(keys.timeline(address("1"), "main")) == 1
    assert await redis.xlen(keys.outbox(address("1").partition)) == 1


async def test_a_killed_host_is_replaced_and_nothing_said_to_it_is_lost(desk) -> None:
    desk.attach("1")
    desk.say("1", "one")
    await desk.seen("1", seq=1)
    await desk.kill("1")
    desk.say("1", "two")
    await until(lambda: bool(desk.inlet.rehosts))
    desk.attach("1", after=1)
    assert await desk.seen("1", seq=2) == [1, 2]


async def test_a_live_entity_is_back_in_memory_before_anyone_asks(desk) -> None:
    desk.attach("1")
    desk.say("1", "one")
    await desk.seen("1", seq=1)
    await desk.kill("1")

    async def back() -> bool:
        return (await desk.summary("1")).get("came_back") is True

    await until(back)


async def test_a_tell_arrives_although_its_receiver_was_dead_when_it_was_sent(desk) -> None:
    placement = desk.builder.placement
    far = next(
        n
        for n in map(str, range(2, 99))
        if placement.role(address(n)) != placement.role(address("1"))
    )
    desk.attach("1")
    desk.say(far, "here I am")

    async def alive() -> bool:
        return bool(await desk.summary(far))

    await until(alive)
    await desk.kill(far)
    note = desk.say("1", f"tell {far}")
    await desk.seen("1", seq=1)

    async def noted() -> bool:
        notes = (await desk.summary(far)).get("notes", {})
        return isinstance(notes, dict) and note in notes

    await until(noted)


async def test_a_tell_that_was_committed_but_never_sent_is_sent_by_the_next_host(
    desk, redis
) -> None:
    await desk.system.stop()
    # What a process leaves that died between the commit and the send.
    scope = desk.builder.placement.scope(desk.builder.placement.role(address("1")))
    journal = RedisJournal(redis, scope, 1_000_000, cluster=False, outbox_cap=100)
    await redis.set(keys.EPOCH, 1_000_000)
    await journal.claim()
    note = AgentLost(agent="a note", session="2", episode=0)
    tell = encode(Envelope(address("2"), note, address("1")))
    change = Change(address=address("1"), live=True, puts={"notes": b"{}"}, tells=[("7", tell)])
    await journal.commit([change], [])

    second = Desk(desk.builder)
    await second.start()

    async def noted() -> bool:
        return (await second.summary("2")).get("notes") == {"a note": 1}

    await until(noted)
    tells = keys.tells("session", address("1").partition)

    async def confirmed() -> bool:
        return await redis.hlen(tells) == 0

    await until(confirmed)
    await second.system.stop()


async def test_poison_costs_its_sender_an_error_and_nobody_else_anything(desk) -> None:
    desk.attach("1")
    desk.say("1", "before")
    desk.say("1", "poison")
    desk.say("1", "after")
    assert await desk.seen("1", seq=2) == [1, 2]
    assert desk.builder.tally.counts["defects_total", "session"] == 1
    errors = [d for d in desk.inlet.deliveries if b'"internal"' in d.data]
    assert len(errors) == 1


async def test_an_entity_that_is_over_leaves_memory_and_comes_back_on_demand(desk, redis) -> None:
    desk.attach("1")
    desk.say("1", "one")
    desk.say("1", "end")
    await desk.seen("1", seq=2)
    assert await desk.summary("1") == {}
    assert await redis.ttl(keys.timeline(address("1"), "main")) > 0
    desk.attach("1", number=7)
    assert await desk.seen("1", seq=2, number=7) == [1, 2]


async def test_an_alarm_rings_once(desk) -> None:
    desk.attach("1")
    desk.say("1", "alarm 0.05")
    await desk.seen("1", seq=1)

    async def rung() -> bool:
        return (await desk.summary("1")).get("notes") == {"tick": 1}

    await until(rung)


async def test_new_settings_reach_every_entity_in_memory(desk, redis) -> None:
    desk.attach("1")
    desk.say("1", "one")
    await desk.seen("1", seq=1)
    await RedisConfigs(redis).publish(demo_config(version=2))

    async def changed() -> bool:
        return (await desk.summary("1")).get("version") == 2

    await until(changed)


async def test_a_host_that_was_replaced_is_refused_at_its_next_write(desk, redis) -> None:
    desk.attach("1")
    desk.say("1", "one")
    await desk.seen("1", seq=1)
    role = desk.builder.placement.role(address("1"))
    stale = desk.system.host(role)
    fresh = await desk.system.spawn(role, f"{role}@900", 900)  # behind the keeper's back
    desk.say("1", "two")  # still goes to the stale one
    await until(lambda: stale.fenced)
    assert desk.builder.tally.counts["fenced_total", "session"] == 1
    with pytest.raises(HostGoneError):
        await stale.tell([])
    assert await redis.zcard(keys.timeline(address("1"), "main")) == 1
    assert (await fresh.ping()).entities == 1


async def test_a_gateway_that_falls_silent_is_taken_for_dead(desk) -> None:
    desk.attach("1")
    desk.say("1", "one")
    await desk.seen("1", seq=1)
    await desk.fabric.stop()
    host = desk.system.host(desk.builder.placement.role(address("1")))

    def forgotten() -> bool:
        return host.survey("acme")[0]["conns"] == 0

    await until(forgotten)


async def test_more_commands_than_the_inbox_holds_are_refused_with_a_time(
    valkey_server, redis
) -> None:
    await RedisConfigs(redis).publish(demo_config())
    desk = Desk(TestBuilder(valkey_server.url, Toy, PLACEMENTS["sharded"], inbox_limit=10))
    await desk.start()
    desk.attach("1")
    for _ in range(200):
        desk.say("1", "hello")
    await until(lambda: bool(desk.inlet.refusals))
    assert {code for _, code in desk.inlet.refusals} == {"overloaded"}
    n = 200 - len(desk.inlet.refusals)
    assert await desk.seen("1", seq=n) == list(range(1, n + 1))
    await desk.system.stop()
    await desk.builder.close()


async def test_the_store_may_die_and_come_back_without_losing_a_message(tmp_path) -> None:
    with ValkeyServer(tmp_path / "valkey") as server:
        client = connect(server.url)
        await RedisConfigs(client).publish(demo_config())
        desk = Desk(TestBuilder(server.url, Toy, PLACEMENTS["sharded"]))
        await desk.start()
        desk.attach("1")
        for n in range(300):
            desk.say("1", f"message {n}")
            if n == 150:
                os.kill(server.pid, signal.SIGKILL)
            await asyncio.sleep(0)
        assert await desk.seen("1", seq=300) == list(range(1, 301))
        assert await client.zcard(keys.timeline(address("1"), "main")) == 300
        await desk.system.stop()
        await desk.builder.close()
        await client.aclose()


async def test_commits_are_sent_per_partition_on_a_cluster(valkey_server, redis) -> None:
    await RedisConfigs(redis).publish(demo_config())
    desk = Desk(TestBuilder(valkey_server.url, Toy, PLACEMENTS["sharded"], cluster=True))
    await desk.start()
    for n in range(1, 9):
        desk.attach(str(n), number=n)
        desk.say(str(n), "hello")
    for n in range(1, 9):
        assert await desk.seen(str(n), seq=1, number=n) == [1]
    await desk.system.stop()
    await desk.builder.close()
