"""The hosts as Ray actors: killed, stopped, replaced."""

from __future__ import annotations

import os
import signal

import psutil
import pytest
import ray

from actors.addresses import Address, Conn
from actors.keeper import Timings
from actors.messages import Attach, Body, Envelope, Person, Say
from actors.on_ray import KEEPER, NAMESPACE, RayKeeper, fabric, start_actors
from actors.placement import Placement
from actors.ports import HostGoneError
from infra.configs import RedisConfigs
from infra.journal import keys
from tests.support.actor_system import Inlet, TestBuilder, demo_config, until
from tests.support.toy import Toy

pytest_plugins = ["tests.support.server_fixtures"]
pytestmark = pytest.mark.ray

ANN = Person(id="ann", role="customer")
PLACEMENTS = {
    "sharded": Placement(session=1, agent=1, queue=1, dispatch=1),
    "per-entity": Placement(session="per-entity", agent=1, queue=1, dispatch=1),
}
ONE = Address("session", "acme", "1")


@pytest.fixture(params=sorted(PLACEMENTS))
async def builder(request, valkey_server, redis, ray_actors) -> TestBuilder:
    await RedisConfigs(redis).publish(demo_config())
    timings = Timings(ping_s=0.2, suspect_s=3.0)
    made = TestBuilder(valkey_server.url, Toy, PLACEMENTS[request.param], timings=timings)
    start_actors(made)
    return made


def say(client_id: str) -> Envelope:
    body = Body(kind="text", text="hello")
    return Envelope(ONE, Say(conn=Conn("g1", 1), person=ANN, client_id=client_id, body=body))


def attach(after: int) -> Envelope:
    return Envelope(ONE, Attach(conn=Conn("g1", 1), person=ANN, after=after))


def host_pid(role: str) -> int:
    """The process of the role's present host."""
    keeper = ray.get_actor(KEEPER, namespace=NAMESPACE)
    name = ray.get(keeper.locate.remote(role), timeout=60)
    return ray.get(ray.get_actor(name, namespace=NAMESPACE).ping.remote(), timeout=60).pid


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
async def test_a_host_process_that_ends_or_stops_is_replaced(builder, redis, how) -> None:
    inlet = Inlet()
    line = fabric("g1", builder)
    await line.start(inlet)
    line.send(attach(0))
    line.send(say("a"))
    await until(lambda: inlet.seqs(1, "1") == [1])
    role = line.host_of(ONE)
    pid = host_pid(role)
    os.kill(pid, how)
    line.send(say("b"))
    await until(lambda: bool(inlet.rehosts))
    line.send(attach(1))
    await until(lambda: inlet.seqs(1, "1") == [1, 2])
    assert host_pid(role) != pid
    if psutil.pid_exists(pid):
        os.kill(pid, signal.SIGCONT)
    line.send(say("c"))
    await until(lambda: inlet.seqs(1, "1") == [1, 2, 3])
    assert await redis.zcard(keys.timeline(ONE, "main")) == 3
    await line.stop()


async def test_a_keeper_that_dies_finds_the_hosts_that_live_on(builder) -> None:
    inlet = Inlet()
    line = fabric("g1", builder)
    await line.start(inlet)
    line.send(attach(0))
    line.send(say("a"))
    await until(lambda: inlet.seqs(1, "1") == [1])
    pid = host_pid(line.host_of(ONE))
    ray.kill(ray.get_actor(KEEPER, namespace=NAMESPACE), no_restart=False)
    line.send(say("b"))
    await until(lambda: inlet.seqs(1, "1") == [1, 2])

    async def keeper_answers() -> bool:
        try:
            return bool(await RayKeeper().locate(line.host_of(ONE)))
        except HostGoneError:
            return False

    await until(keeper_answers)
    assert host_pid(line.host_of(ONE)) == pid
    await line.stop()
