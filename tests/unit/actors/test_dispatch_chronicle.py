"""What dispatch takes down: every decision, whole within a budget, and how it ended."""

import msgspec
import pytest

from actors.addresses import Address
from actors.config import AgentConfig, OrgConfig, QueueConfig
from actors.dispatch import Dispatch, chronicle
from actors.dispatch.chronicle import Budget
from actors.effects import Record
from actors.messages import (
    AgentChanged,
    AssignRefused,
    ConfigChanged,
    Contact,
    ContactGone,
    ContactWaiting,
    Customer,
    OfferAnswered,
    OfferMade,
    Release,
)
from policies import registry
from policies.decisions import Decision, Outcome, check
from policies.joining import join
from policies.replay import differences
from policies.rounds import Round, rows_of
from policies.view import Match, Why
from tests.support.machines import START, Rig, of

AGENTS = ("ann", "bob")


def dispatch(*available, policy="longest_idle", accept="manual", people=10_000.0, capacity=1):
    queues = {
        "q": QueueConfig(id="q", name="q", policy=policy, accept=accept),
        "other": QueueConfig(id="other", name="other", policy="least_busy", accept=accept),
    }
    config = OrgConfig(
        org="acme",
        version=1,
        entry_queue="q",
        queues=queues,
        agents={a: AgentConfig(id=a, name=a, capacity=capacity) for a in AGENTS},
        log_people_per_s=people,
    )
    rig = Rig(Dispatch, Address("dispatch", "acme", "main"), config)
    rig.send(*[status(agent) for agent in available])
    return rig


def status(agent, value="available", version=1):
    return AgentChanged(agent=agent, status=value, since=START, version=version)


def waits(session="1", queue="q"):
    customer = Customer(id=f"c{session}")
    contact = Contact(session=session, episode=1, queue=queue, customer=customer, arrived_at=START)
    return ContactWaiting(contact=contact, virtual_at=START)


def records(effects, table, kind):
    return [
        msgspec.msgpack.decode(e.data, type=kind) for e in of(effects, Record) if e.table == table
    ]


def rows(rig) -> list[Decision]:
    made = records(rig.effects, "round", Round)
    return check([row for one in made for row in rows_of(one)], "dispatch")


def outcomes(rig) -> list[Outcome]:
    return records(rig.effects, "outcome", Outcome)


def test_a_decision_is_the_offer_and_says_who_else_there_was():
    rig = dispatch("ann")
    rig.send(waits())
    (row,) = rows(rig)
    assert row.id == rig.told(OfferMade)[0].offer
    assert (row.action, row.result, row.trigger, row.org) == (
        "ann",
        "offered",
        "ContactWaiting",
        "acme",
    )
    assert {one.agent: one.reason for one in row.candidates} == {"ann": "", "bob": "not_available"}
    assert (row.contact.customer, row.contact.queue, row.policy) == ("c1", "q", "longest_idle")
    assert (row.detail, row.detail_rate, row.agents_n, row.waiting_n) == ("full", 1.0, 2, 1)


def test_the_round_is_in_the_same_turn_as_its_offer():
    rig = dispatch("ann")
    effects = rig.send(waits())
    assert len(records(effects, "round", Round)) == 1
    assert len(of(effects, Record)) == 1


def test_every_decision_of_several_policies_can_be_made_again():
    rig = dispatch("ann", "bob", capacity=2)
    rig.send(*[waits(str(n), "q" if n % 2 else "other") for n in range(1, 5)])
    assert len(rows(rig)) == 4
    assert {row.policy for row in rows(rig)} == {"longest_idle", "least_busy"}
    assert differences(rows(rig)) == []


def test_of_two_policies_that_want_one_agent_the_loser_is_stale():
    rig = dispatch("ann")
    rig.send(waits("1"), waits("2", "other"))
    assert [row.result for row in rows(rig)] == ["offered", "stale"]
    assert differences(rows(rig)) == []


def test_what_came_of_a_decision_is_told_in_parts():
    rig = dispatch("ann")
    rig.send(waits())
    offer = rig.told(OfferMade)[0].offer
    rig.ctx.now += 5
    rig.send(OfferAnswered(agent="ann", offer=offer, accept=True))
    rig.ctx.now += 60
    rig.send(Release(session="1", episode=1, agent="ann"))
    outcome = join(rows(rig), outcomes(rig))[0].outcome
    assert (outcome.ending, outcome.wait_s, outcome.handle_s) == ("accepted", 5.0, 60.0)


def test_an_automatic_accept_is_known_from_its_row():
    rig = dispatch("ann", accept="auto")
    rig.send(waits())
    (row,) = rows(rig)
    assert row.result == "accepted"
    assert join([row], outcomes(rig))[0].outcome.ending == "accepted"


@pytest.mark.parametrize("outcome", ["declined", "missed", "withdrawn", "failed"])
def test_an_offer_that_came_to_nothing_says_how(outcome):
    rig = dispatch("ann")
    rig.send(waits())
    offer = rig.told(OfferMade)[0].offer
    match outcome:
        case "declined":
            rig.send(OfferAnswered(agent="ann", offer=offer, accept=False))
        case "missed":
            rig.advance(31)
        case "withdrawn":
            rig.send(status("ann", "break", 2))
        case "failed":
            rig.send(OfferAnswered(agent="ann", offer=offer, accept=True))
            rig.send(AssignRefused(session="1", episode=1, offer=offer))
    assert [one.ending for one in outcomes(rig)][-1] == outcome
    assert outcomes(rig)[-1].decision == offer


def test_over_the_budget_rows_hold_the_chosen_alone_and_say_so():
    rig = dispatch("ann", "bob", people=0.001)
    rig.send(waits("1"))
    (row,) = rows(rig)
    assert (row.detail, [one.agent for one in row.candidates]) == ("chosen", ["ann"])
    assert 0 < row.detail_rate < 0.1
    assert row.scene.contacts == []


def test_a_budget_of_nothing_is_no_log():
    rig = dispatch("ann", people=0.0)
    rig.send(waits())
    assert len(rig.told(OfferMade)) == 1
    assert records(rig.effects, "round", Round) == []


def test_a_centre_too_large_for_a_row_is_capped_and_says_so(monkeypatch):
    monkeypatch.setattr(chronicle, "AGENTS_CAP", 1)
    monkeypatch.setattr(chronicle, "CONTACTS_CAP", 1)
    rig = dispatch("ann", "bob")
    rig.send(waits("1"))
    (row,) = rows(rig)
    assert (row.detail, len(row.candidates), row.agents_n) == ("capped", 1, 2)
    assert row.candidates[0].agent == row.action


def test_the_budget_keeps_the_expected_number_of_people_near_its_size():
    budget, people, held = Budget(1_000.0), 50, 0.0
    for step in range(30_000):
        rate = budget.rate(people, step * 0.002)
        held += rate * people if step >= 20_000 else 0.0
    assert held / 20.0 == pytest.approx(1_000.0, rel=0.05)


class Holding:
    """Holds everybody back for the first ten seconds."""

    name = "holding"

    def decide(self, view, rng):
        return [
            Match(c.id, view.eligible(c)[0].id, Why(propensities={"ann": 0.25, "": 0.75}))
            for c in view.contacts()
            if view.now - c.arrived_at >= 10 and view.eligible(c)
        ]


@pytest.fixture
def holding(monkeypatch):
    monkeypatch.setitem(registry._entries, "holding", registry._plain(Holding))


def test_who_is_held_back_has_a_row_once_and_is_looked_at_again_in_time(holding):
    rig = dispatch("ann", policy="holding")
    rig.send(waits())
    rig.advance(5)
    assert [(row.action, row.result, row.policy) for row in rows(rig)] == [("", "held", "holding")]
    rig.advance(6)
    assert len(rig.told(OfferMade)) == 1
    row = rows(rig)[-1]
    assert (row.propensity, row.hold_propensity, row.trigger) == (0.25, 0.75, "Tick")


def test_what_came_of_holding_back_is_told_when_the_contact_is_served_at_last(holding):
    rig = dispatch("ann", policy="holding")
    rig.send(waits())
    held = rows(rig)[0]
    rig.advance(10)
    offer = rig.told(OfferMade)[0].offer
    rig.ctx.now += 2
    rig.send(OfferAnswered(agent="ann", offer=offer, accept=True))
    (row,) = join([held], outcomes(rig))
    assert (row.outcome.wait_s, row.outcome.abandoned) == (12.0, False)
    assert row.outcome.ending is None, "no offer was this decision's"


@pytest.mark.parametrize("abandoned", [True, False])
def test_what_came_of_holding_back_is_told_when_the_contact_leaves(holding, abandoned):
    rig = dispatch("ann", policy="holding")
    rig.send(waits())
    held = rows(rig)[0]
    rig.advance(4)
    for _ in range(2):
        rig.send(ContactGone(session="1", episode=1, abandoned=abandoned))
    (told,) = outcomes(rig)
    assert (told.decision, told.wait_s, told.abandoned) == (held.id, 4.0, abandoned)


def test_settings_that_change_the_budget_count_at_once():
    rig = dispatch("ann")
    rig.send(ConfigChanged(config=msgspec.structs.replace(rig.config, log_people_per_s=0.0)))
    rig.send(waits())
    assert records(rig.effects, "round", Round) == []


def test_a_fallback_names_the_policy_that_failed(holding, monkeypatch):
    monkeypatch.setattr(Holding, "decide", lambda self, view, rng: [Match("x", "y")])
    rig = dispatch("ann", policy="holding")
    rig.send(waits())
    (row,) = rows(rig)
    assert (row.policy, row.fallback_level) == ("longest_idle", 2)
    assert row.fallback_reason.startswith("holding: ValueError")


def test_an_organisation_without_a_budget_has_the_operators():
    config = OrgConfig(org="acme", version=1, entry_queue="q", queues={}, agents={})
    chronicle.use_budget(7.0)
    try:
        assert chronicle.people_per_s(config) == 7.0
        own = msgspec.structs.replace(config, log_people_per_s=0.0)
        assert chronicle.people_per_s(own) == 0.0
    finally:
        chronicle.use_budget(10_000.0)
