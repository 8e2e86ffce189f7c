"""One agent: devices, status, grace, offers, sessions."""

import msgspec
import pytest

from actors.addresses import Address, Conn
from actors.agent import Agent
from actors.agent.machine import DEVICES_N
from actors.config import AgentConfig, OrgConfig
from actors.frames import Ack, AgentFrame, OfferOver, OpenOffer
from actors.messages import (
    AgentChanged,
    AgentLost,
    Announce,
    AnswerOffer,
    ConfigChanged,
    ConnectAgent,
    Contact,
    Customer,
    DisconnectAgent,
    GatewayGone,
    OfferAnswered,
    OfferEnded,
    OfferMade,
    Person,
    SessionJoined,
    SessionLeft,
    SetStatus,
)
from tests.support.machines import START, Rig

PHONE, LAPTOP = Conn("g1", 1), Conn("g2", 2)
ANN = Person(id="ann", role="agent", name="Ann")
CUSTOMER = Customer(id="c1", name="Chen")


def org(**agent):
    return OrgConfig(
        org="acme",
        version=1,
        entry_queue="q",
        queues={},
        agents={"ann": AgentConfig(id="ann", name="Ann", **agent)},
        grace_s=20.0,
    )


def agent(*conns, status="available"):
    rig = Rig(Agent, Address("agent", "acme", "ann"), org())
    for conn in conns:
        rig.send(ConnectAgent(conn=conn, person=ANN))
    if conns:
        rig.send(set_status(status))
    return rig


def set_status(status, conn=PHONE, **fields):
    return SetStatus(conn=conn, person=ANN, status=status, **fields)


def offer(number="o1", **fields):
    contact = Contact(session="1", episode=1, queue="q", customer=CUSTOMER, arrived_at=START - 5)
    return OfferMade(offer=number, contact=contact, deadline=START + 30, **fields)


def answer(number="o1", accept=True, conn=PHONE, client_id="k1"):
    return AnswerOffer(conn=conn, person=ANN, client_id=client_id, offer=number, accept=accept)


def joined(session="1", episode=1, **fields):
    return SessionJoined(session=session, episode=episode, customer=CUSTOMER, **fields)


def statuses(rig):
    return [told.status for told in rig.told(AgentChanged)]


def test_a_device_that_connects_gets_the_snapshot():
    rig = agent(PHONE)
    rig.send(offer(), joined())
    rig.send(ConnectAgent(conn=LAPTOP, person=ANN))
    (frame,) = rig.frames(LAPTOP, AgentFrame)
    assert (frame.status, frame.sessions) == ("available", ["1"])
    assert [o.offer for o in frame.offers] == ["o1"]


def test_a_bot_is_available_when_it_connects_and_a_person_is_as_before():
    rig = Rig(Agent, Address("agent", "acme", "ann"), org())
    rig.send(ConnectAgent(conn=PHONE, person=ANN))
    assert statuses(rig) == []
    rig.send(ConnectAgent(conn=PHONE, person=ANN, status="available"))
    assert statuses(rig) == ["available"]


def test_one_device_too_many_is_refused():
    rig = agent(*[Conn("g", n) for n in range(DEVICES_N)])
    rig.send(ConnectAgent(conn=LAPTOP, person=ANN))
    assert rig.refusals(LAPTOP) == ["duplicate_login"]


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (set_status("sleeping"), "bad_frame"),
        (answer("unknown"), "offer_expired"),
        (SetStatus(conn=PHONE, person=Person(id="eve", role="agent"), status="break"), "forbidden"),
    ],
)
def test_a_wrong_command_gets_its_code(command, code):
    rig = agent(PHONE)
    rig.send(command)
    assert rig.refusals(PHONE) == [code]


def test_a_stranger_is_unknown():
    rig = Rig(Agent, Address("agent", "acme", "eve"), org())
    rig.send(ConnectAgent(conn=PHONE, person=Person(id="eve", role="agent")))
    assert rig.refusals(PHONE) == ["unknown_agent"]
    assert not rig.machine.live()


def test_every_change_of_status_has_a_greater_version_also_after_the_records_expired():
    rig = agent(PHONE)
    rig.send(set_status("break", reason="lunch"))
    rig.crash()
    rig.send(set_status("available"))
    rig.store.records.clear()
    rig.crash()
    rig.ctx.now += 400_000
    rig.send(ConnectAgent(conn=PHONE, person=ANN), set_status("break", client_id="k"))
    versions = [told.version for told in rig.told(AgentChanged) if told.version]
    assert versions == sorted(versions)
    assert len(set(versions)) == 4
    assert [ack.client_id for ack in rig.frames(PHONE, Ack)] == ["k"]


def test_the_last_device_gone_the_grace_runs_and_then_every_session_is_told():
    rig = agent(PHONE, LAPTOP)
    rig.send(joined("1"), joined("2", episode=3, as_="consulting"))
    rig.send(DisconnectAgent(conn=PHONE))
    rig.advance(60)
    assert rig.told(AgentLost) == []
    rig.send(GatewayGone(gateway="g2"))
    rig.advance(19)
    assert rig.told(AgentLost) == []
    rig.advance(2)
    assert {(lost.session, lost.episode) for lost in rig.told(AgentLost)} == {("1", 1), ("2", 3)}
    assert statuses(rig)[-1] == "offline"
    assert not rig.machine.live()


def test_an_agent_who_comes_back_within_the_grace_keeps_all():
    rig = agent(PHONE)
    rig.send(joined())
    rig.send(DisconnectAgent(conn=PHONE))
    rig.advance(19)
    rig.send(ConnectAgent(conn=LAPTOP, person=ANN))
    rig.advance(60)
    assert rig.told(AgentLost) == []
    assert statuses(rig) == ["available"]


def test_after_a_crash_the_grace_runs_anew():
    rig = agent(PHONE)
    rig.send(joined())
    rig.crash()
    rig.advance(19)
    assert rig.told(AgentLost) == []
    rig.advance(2)
    assert len(rig.told(AgentLost)) == 1


def test_a_session_that_joins_an_agent_who_is_gone_is_handed_back():
    rig = agent()
    rig.send(joined())
    rig.advance(21)
    assert len(rig.told(AgentLost)) == 1


def test_the_first_answer_is_passed_on_and_the_second_device_is_too_late():
    rig = agent(PHONE, LAPTOP)
    rig.send(offer())
    assert [o.offer for o in rig.frames(LAPTOP, OpenOffer)] == ["o1"]
    rig.send(answer(conn=PHONE), answer(conn=LAPTOP, accept=False))
    assert [(a.offer, a.accept) for a in rig.told(OfferAnswered)] == [("o1", True)]
    assert rig.refusals(LAPTOP) == ["offer_expired"]
    rig.send(OfferEnded(offer="o1", outcome="accepted"))
    assert [ack.client_id for ack in rig.frames(PHONE, Ack)] == ["k1"]
    assert [over.outcome for over in rig.frames(LAPTOP, OfferOver)] == ["accepted"]


def test_an_answer_that_dispatch_finds_late_is_refused():
    rig = agent(PHONE)
    rig.send(offer(), answer())
    rig.send(OfferEnded(offer="o1", outcome="missed"))
    assert rig.refusals(PHONE) == ["offer_expired"]
    assert statuses(rig) == ["available", "missed"]


def test_a_repeated_missed_does_not_undo_the_click_that_came_back():
    rig = agent(PHONE)
    rig.send(offer(), OfferEnded(offer="o1", outcome="missed"))
    rig.send(set_status("available"))
    rig.send(OfferEnded(offer="o1", outcome="missed"), offer())
    assert statuses(rig) == ["available", "missed", "available"]
    assert rig.machine.summary()["offers"] == 0


def test_an_offer_accepted_on_the_agents_behalf_is_shown_and_asks_nothing():
    rig = agent(PHONE)
    rig.send(offer(auto=True))
    assert [o.auto for o in rig.frames(PHONE, OpenOffer)] == [True]
    assert rig.machine.summary()["offers"] == 0


def test_a_late_join_does_not_bring_a_session_back():
    rig = agent(PHONE)
    rig.send(joined(), SessionLeft(session="1", episode=1), joined())
    assert rig.machine.summary()["sessions"] == []
    rig.send(joined(episode=2), SessionLeft(session="1", episode=1))
    assert rig.machine.summary()["sessions"] == ["1"]


def test_an_account_that_is_switched_off_loses_its_sessions():
    rig = agent(PHONE)
    rig.send(joined())
    rig.send(ConfigChanged(config=org(enabled=False)))
    assert len(rig.told(AgentLost)) == 1
    assert statuses(rig)[-1] == "offline"
    rig.send(ConnectAgent(conn=LAPTOP, person=ANN))
    assert rig.refusals(LAPTOP) == ["forbidden"]


def test_dispatch_that_asks_hears_the_status_again():
    rig = agent(PHONE)
    rig.send(Announce())
    assert len(set(map(msgspec.json.encode, rig.told(AgentChanged)))) == 1
    assert len(rig.told(AgentChanged)) == 2


def test_capacity_full_of_sessions_is_shown_as_busy():
    rig = agent(PHONE)
    rig.send(*[joined(str(n)) for n in range(5)])
    assert rig.machine.summary()["status"] == "busy"
