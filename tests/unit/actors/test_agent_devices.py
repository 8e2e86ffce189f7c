"""An agent's devices: the same one connects again, at this gateway or another."""

from __future__ import annotations

from msgspec import structs

from actors.addresses import Address, Conn
from actors.agent.machine import Agent
from actors.config import AgentConfig, OrgConfig, QueueConfig
from actors.effects import Deliver, Effect, Refuse
from actors.messages import AnswerOffer, ConfigChanged, ConnectAgent, Person, SetStatus
from tests.support.machines import FakeContext

ANN = Person(id="ann", role="agent", name="Ann")
ORG = OrgConfig(
    org="acme",
    version=1,
    entry_queue="main",
    queues={"main": QueueConfig(id="main", name="Main")},
    agents={"ann": AgentConfig(id="ann", name="Ann")},
)
HERE, THERE, ELSEWHERE = Conn("g1", 1), Conn("g2", 1), Conn("g2", 2)


def connect(agent: Agent, conn: Conn, device: str) -> list[Effect]:
    ctx = FakeContext()
    command = ConnectAgent(conn=conn, person=ANN, device=device)
    return [*agent.handle(command, ctx), *agent.settle(ctx)]


def refused(effects: list[Effect]) -> list[tuple[Conn, str]]:
    return [(e.conn, e.code) for e in effects if isinstance(e, Refuse)]


def test_a_device_that_connects_again_elsewhere_ends_its_older_socket() -> None:
    agent = Agent(Address("agent", "acme", "ann"), ORG)
    assert not refused(connect(agent, HERE, "laptop"))
    assert not refused(connect(agent, ELSEWHERE, "phone"))
    effects = connect(agent, THERE, "laptop")
    assert refused(effects) == [(HERE, "duplicate_login")]
    assert [e.conns for e in effects if isinstance(e, Deliver)] == [(THERE,)]
    assert agent.summary()["devices"] == 2


def test_devices_without_a_name_and_repeats_end_nobody() -> None:
    agent = Agent(Address("agent", "acme", "ann"), ORG)
    connect(agent, HERE, "")
    assert not refused(connect(agent, THERE, ""))
    connect(agent, ELSEWHERE, "laptop")
    assert not refused(connect(agent, ELSEWHERE, "laptop"))
    assert agent.summary()["devices"] == 3


def test_a_role_that_takes_no_contacts_is_never_available() -> None:
    agent = Agent(Address("agent", "acme", "ann"), ORG)
    connect(agent, HERE, "laptop")
    ctx = FakeContext()
    available = SetStatus(conn=HERE, person=ANN, client_id="s1", status="available")
    agent.handle(available, ctx)
    assert agent.summary()["status"] == "available"
    viewer = AgentConfig(id="ann", name="Ann", role="viewer", serves=False)
    agent.handle(ConfigChanged(config=structs.replace(ORG, agents={"ann": viewer})), ctx)
    assert agent.summary()["status"] == "offline"
    assert refused(agent.handle(available, ctx)) == [(HERE, "forbidden")]
    answer = AnswerOffer(conn=HERE, person=ANN, client_id="a1", offer="o1", accept=True)
    assert refused(agent.handle(answer, ctx)) == [(HERE, "forbidden")]
