"""Policies of one's own, live: whatever they do, routing goes on."""

import time
from random import Random

import pytest

from actors.addresses import Address
from actors.config import AgentConfig, OrgConfig, QueueConfig
from actors.dispatch import Dispatch, guarded
from actors.dispatch.guarded import GuardedPolicy, NotReadyError, use_folder
from actors.effects import Count
from actors.messages import (
    AgentChanged,
    ConfigChanged,
    Contact,
    ContactWaiting,
    Customer,
    OfferMade,
)
from policies.longest_idle import LongestIdle
from policies.view import AgentView, ContactView, Demand, View
from tests.support.machines import START, Rig, of

FILE = """
from policies.view import Match


class Base:
    def __init__(self, **params):
        self.params = params

    def pairs(self, view):
        return [Match(c.id, view.eligible(c)[0].id) for c in view.contacts() if view.eligible(c)]


class Good(Base):
    name = "good"

    def decide(self, view, rng):
        print("a word on standard output")
        return self.pairs(view)[: self.params.get("most", 99)]


class Dicing(Base):
    name = "dicing"

    def decide(self, view, rng):
        contact = next(iter(view.contacts()))
        return [Match(contact.id, rng.choice(view.eligible(contact)).id)]


class Raises(Base):
    name = "raises"

    def decide(self, view, rng):
        raise RuntimeError("no idea")


class Nonsense(Base):
    name = "nonsense"

    def decide(self, view, rng):
        return ["rubbish"]


class Greedy(Base):
    name = "greedy"

    def decide(self, view, rng):
        return [Match(c.id, "ann") for c in view.contacts() for _ in "12"]


class Hangs(Base):
    name = "hangs"

    def decide(self, view, rng):
        while True:
            pass


class Dies(Base):
    name = "dies"

    def decide(self, view, rng):
        import os
        os._exit(3)
"""
WITHIN_S = 30.0


@pytest.fixture(autouse=True)
def folder(tmp_path):
    (tmp_path / "mine.py").write_text(FILE)
    (tmp_path / "broken.py").write_text("this is no Python")
    use_folder(tmp_path)
    yield tmp_path
    use_folder(None)


@pytest.fixture
def made():
    policies = []

    def make(name, params="{}", deadline_s=5.0):
        policy = GuardedPolicy(name, params)
        policies.append(policy)
        return policy

    yield make
    for policy in policies:
        policy.close()


def ready(policy):
    """Wait until its process has loaded it."""
    deadline = time.monotonic() + WITHIN_S
    while time.monotonic() < deadline:
        try:
            policy._check_ready()
        except NotReadyError:
            time.sleep(0.02)
        else:
            return policy
    raise AssertionError("it never loads")


def view(agents=("ann", "bob"), contacts=2):
    waiting = [
        ContactView(id=str(n), demand=Demand(queue="q"), arrived_at=n, virtual_at=n)
        for n in range(contacts)
    ]
    return View.of(waiting, [AgentView(id=agent) for agent in agents], now=9.0)


@pytest.fixture
def patient(monkeypatch):
    """A deadline that a loaded machine keeps."""
    monkeypatch.setattr(guarded, "DEADLINE_S", 10.0)


def test_it_decides_as_in_this_process_with_the_same_dice(made, patient):

    policy = ready(made("mine.py:Good"))
    matches = policy.decide(view(("ann",), 1), Random(1))
    assert matches == LongestIdle().decide(view(("ann",), 1), Random(1))
    dicing = ready(made("mine.py:Dicing"))
    agents = tuple(f"a{n}" for n in range(20))
    chosen = [dicing.decide(view(agents), Random(seed))[0].agent for seed in range(5)]
    assert chosen == [
        Random(seed).choice(view(agents).eligible(next(view(agents).contacts()))).id
        for seed in range(5)
    ]


def test_its_parameters_reach_it(made, patient):

    policy = ready(made("mine.py:Good", '{"most": 1}'))
    assert len(policy.decide(view(contacts=2), Random(0))) == 1


def test_one_that_hangs_is_killed_at_the_deadline_and_started_anew(made):

    policy = ready(made("mine.py:Hangs"))
    process = policy._process
    with pytest.raises(TimeoutError):
        policy.decide(view(), Random(0))
    assert process.poll() is not None
    assert policy._process is not process
    with pytest.raises(NotReadyError):
        policy.decide(view(), Random(0))


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("Raises", "RuntimeError: no idea"),
        ("Nonsense", "ValidationError"),
        ("Dies", "its process ended"),
    ],
)
def test_one_that_fails_says_how(made, patient, name, error):

    policy = ready(made(f"mine.py:{name}"))
    with pytest.raises(RuntimeError, match=error):
        policy.decide(view(), Random(0))


def test_a_file_that_does_not_load_fails_and_one_that_is_not_there_is_unknown(made):
    policy = made("broken.py:X")
    with pytest.raises(RuntimeError, match="does not load"):
        ready(policy)
    for name in ("none.py:X", "../mine.py:Good", "/etc/x.py:Y"):
        with pytest.raises(LookupError):
            made(name)


def test_without_a_folder_there_are_none(made):
    use_folder(None)
    with pytest.raises(LookupError, match="RAYDESK_POLICIES_DIR"):
        made("mine.py:Good")


# --- in dispatch ---------------------------------------------------------------------------


def org(policy):
    return OrgConfig(
        org="acme",
        version=1,
        entry_queue="q",
        queues={"q": QueueConfig(id="q", name="q", policy=policy)},
        agents={"ann": AgentConfig(id="ann", name="Ann", capacity=9)},
    )


def waits(session):
    contact = Contact(
        session=session, episode=1, queue="q", customer=Customer(id="c"), arrived_at=START
    )
    return ContactWaiting(contact=contact, virtual_at=START)


def rig_with(policy):
    rig = Rig(Dispatch, Address("dispatch", "acme", "main"), org(policy))
    plan = rig.machine._deciding._rounds._plans[0]
    if isinstance(plan.policy, GuardedPolicy):
        ready(plan.policy)
    rig.send(AgentChanged(agent="ann", status="available", since=START, version=1))
    return rig


@pytest.mark.parametrize(
    "name",
    [
        "Hangs",
        *(
            pytest.param(n, marks=pytest.mark.slow)
            for n in ("Raises", "Nonsense", "Greedy", "Dies")
        ),
    ],
)
def test_whatever_it_does_contacts_are_served_by_the_ladder_and_it_is_counted(name):
    policy = f"mine.py:{name}"
    rig = rig_with(policy)
    rig.send(waits("1"))
    rig.send(waits("2"))
    assert [made.contact.session for made in rig.told(OfferMade)] == ["1", "2"]
    counted = [e.label for e in of(rig.effects, Count) if e.name == "fallbacks_total"]
    assert counted == [policy], "the second round left it alone"
    rig.send(ConfigChanged(config=org("longest_idle")))


def test_a_good_one_decides_and_settings_that_leave_it_alone_keep_its_process(patient):
    rig = rig_with("mine.py:Good")
    policy = rig.machine._deciding._rounds._plans[0].policy
    rig.send(waits("1"))
    rig.send(ConfigChanged(config=org("mine.py:Good")))
    assert rig.machine._deciding._rounds._plans[0].policy is policy
    assert rig.machine._deciding.last["policy"] == "mine.py:Good"
    process = policy._process
    rig.send(ConfigChanged(config=org("longest_idle")))
    assert process.poll() is not None
