"""The rules of routing, live: each with its setting, its wake-up, and its end."""

import msgspec
import pytest

from actors.addresses import Address
from actors.config import AgentConfig, HoursConfig, OrgConfig, QueueConfig, RelaxStep
from actors.dispatch import Dispatch
from actors.messages import (
    AgentChanged,
    AssignRefused,
    ConfigChanged,
    Contact,
    ContactTaken,
    ContactWaiting,
    Customer,
    Enqueue,
    EnqueueRefused,
    OfferAnswered,
    OfferMade,
    Overflowed,
    QueueTimedOut,
    Release,
    StaffChanged,
)
from actors.waiting import Queue
from tests.support.machines import START, Rig

ALWAYS = [[(0, 1440)]] * 7
NEVER = [[] for _ in range(7)]


def org(agents=None, **queue):
    return OrgConfig(
        org="acme",
        version=1,
        entry_queue="q",
        queues={
            "q": QueueConfig(id="q", name="q", **queue),
            "other": QueueConfig(id="other", name="other", channel="mail"),
        },
        agents=agents or {"ann": AgentConfig(id="ann", name="Ann", skills={"sql": 2})},
    )


def dispatch(*available, **settings):
    rig = Rig(Dispatch, Address("dispatch", "acme", "main"), org(**settings))
    rig.send(*[status(agent) for agent in available or ("ann",)])
    return rig


def status(agent, value="available", version=1):
    return AgentChanged(agent=agent, status=value, since=START, version=version)


def waits(session="1", *, age=0.0, lang="", queue="q", **contact):
    at = START - age
    made = Contact(
        session=session,
        episode=1,
        queue=queue,
        customer=Customer(id=f"c{session}", lang=lang),
        arrived_at=at,
        **contact,
    )
    return ContactWaiting(contact=made, virtual_at=at, since=at)


def offered(rig):
    return [made.contact.session for made in rig.told(OfferMade)]


# --- relaxation ----------------------------------------------------------------------------

STEPS = [
    RelaxStep(after_s=10, needs={"sql": 3}),
    RelaxStep(after_s=20, needs={"sql": 2}),
    RelaxStep(after_s=40, anyone=True),
]


def test_a_skill_is_lowered_at_the_very_second_of_its_step():
    rig = dispatch(needs={"sql": 5}, relax=STEPS)
    rig.send(waits())
    assert rig.machine.deadline() == START + 10
    rig.advance(19.9)
    assert offered(rig) == []
    rig.advance(0.1)
    assert offered(rig) == ["1"]


def test_after_the_last_step_anyone_in_the_queue_will_do():
    rig = dispatch(needs={"law": 5}, relax=STEPS, match_language=True)
    rig.send(waits(lang="zh"))
    rig.advance(39)
    assert offered(rig) == []
    rig.advance(1)
    assert offered(rig) == ["1"]


def test_steps_count_from_when_the_contact_came_into_this_queue():
    rig = dispatch(needs={"sql": 5}, relax=STEPS)
    moved = msgspec.structs.replace(waits(age=600), since=START)
    rig.send(moved)
    assert offered(rig) == []
    rig.advance(20)
    assert offered(rig) == ["1"]


def test_a_relaxed_contact_that_was_declined_stays_relaxed():
    agents = {name: AgentConfig(id=name, name=name, skills={"sql": 2}) for name in ("ann", "bob")}
    rig = dispatch("ann", "bob", needs={"sql": 5}, relax=STEPS, agents=agents)
    rig.send(waits())
    rig.advance(20)
    first = rig.told(OfferMade)[0]
    to = next(e.to.id for e in rig.effects if getattr(e, "command", None) is first)
    rig.send(OfferAnswered(agent=to, offer=first.offer, accept=False))
    assert len(offered(rig)) == 2


def test_new_steps_count_at_once():
    rig = dispatch(needs={"sql": 5})
    rig.send(waits(age=30))
    assert offered(rig) == []
    rig.send(ConfigChanged(config=org(needs={"sql": 5}, relax=STEPS)))
    assert offered(rig) == ["1"]


# --- language ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spoken", "lang", "served"),
    [(["zh"], "zh-CN", True), (["en"], "zh", False), (["en"], "", True), ([], "ZH", False)],
)
def test_a_queue_may_want_the_customers_language_spoken(spoken, lang, served):
    agents = {"ann": AgentConfig(id="ann", name="Ann", languages=spoken)}
    rig = dispatch(match_language=True, agents=agents)
    rig.send(waits(lang=lang))
    assert bool(offered(rig)) is served


# --- channels ------------------------------------------------------------------------------


def test_an_agent_holds_only_so_many_units_of_a_channel():
    agents = {"ann": AgentConfig(id="ann", name="Ann", capacity=5, channels={"chat": 2})}
    rig = dispatch(agents=agents, accept="auto")
    rig.send(*[waits(str(n)) for n in range(3)], waits("mail", queue="other"))
    assert sorted(offered(rig)) == ["0", "1", "mail"]
    rig.send(Release(session="0", episode=1, agent="ann"))
    assert offered(rig)[-1] == "2"


def test_the_channels_load_survives_a_crash():
    agents = {"ann": AgentConfig(id="ann", name="Ann", capacity=5, channels={"chat": 1})}
    rig = dispatch(agents=agents, accept="auto")
    rig.send(waits("1"))
    rig.crash()
    rig.send(status("ann", version=2), waits("2"))
    assert offered(rig) == ["1"]


# --- quotas --------------------------------------------------------------------------------


def quota_rig(**more):
    agents = {"ann": AgentConfig(id="ann", name="Ann", capacity=9)}
    return dispatch(agents=agents, quota_per_day=2, **more)


def test_a_quota_bounds_what_is_accepted_and_offered_today():
    rig = quota_rig()
    rig.send(*[waits(str(n)) for n in range(3)])
    assert offered(rig) == ["0", "1"]


def test_a_quota_survives_a_crash_and_ends_at_midnight_where_the_queue_is():
    hours = HoursConfig(time_zone="Asia/Shanghai", week=ALWAYS)
    rig = quota_rig(accept="auto", hours=hours)
    rig.send(waits("1"), waits("2"))
    rig.crash()
    rig.send(status("ann", version=2), waits("3"))
    assert offered(rig) == ["1", "2"]
    midnight = (START + 8 * 3600) // 86400 * 86400 + 86400 - 8 * 3600
    rig.advance(midnight - rig.ctx.now - 1)
    assert offered(rig) == ["1", "2"]
    rig.advance(1)
    assert offered(rig) == ["1", "2", "3"]


def test_a_failed_assignment_is_given_back_to_the_quota():
    rig = quota_rig()
    rig.send(waits("1"), waits("2"))
    for made in list(rig.told(OfferMade)):
        rig.send(OfferAnswered(agent="ann", offer=made.offer, accept=True))
    rig.send(AssignRefused(session="1", episode=1, offer=rig.told(OfferMade)[0].offer))
    rig.send(waits("3"))
    assert offered(rig) == ["1", "2", "3"]


def test_a_declined_offer_costs_no_quota():
    rig = quota_rig()
    rig.send(waits("1"), waits("2"))
    offer = rig.told(OfferMade)[0].offer
    rig.send(waits("3"), OfferAnswered(agent="ann", offer=offer, accept=False))
    assert offered(rig) == ["1", "2", "3"]


# --- the queue's door ----------------------------------------------------------------------


def queue(**settings):
    return Rig(Queue, Address("queue", "acme", "q"), org(**settings))


def enqueue(session="1", **contact):
    customer = Customer(id=f"c{session}")
    fields = {"episode": 1, "queue": "q", "customer": customer, "arrived_at": START, **contact}
    return Enqueue(contact=Contact(session=session, **fields))


def refusals(rig):
    return [(told.reason, told.opens_at) for told in rig.told(EnqueueRefused)]


CLOSED = HoursConfig(time_zone="UTC", week=NEVER)


@pytest.mark.parametrize(
    ("contact", "reason"),
    [
        ({}, "closed"),
        ({"requeued": True, "purpose": "transfer"}, "closed"),
        ({"requeued": True, "purpose": "consult"}, "closed"),
        ({"requeued": True, "hand_off": True}, "nobody_on_duty"),
    ],
)
def test_out_of_hours_nobody_comes_in_on_any_path(contact, reason):
    rig = queue(hours=CLOSED)
    rig.send(enqueue(**contact))
    assert refusals(rig) == [(reason, 0.0)]
    assert rig.told(ContactWaiting) == []


@pytest.mark.parametrize(
    "contact", [{"requeued": True}, {"agent": "ann", "purpose": "transfer", "requeued": True}]
)
def test_who_lost_an_agent_or_names_one_is_not_turned_away(contact):
    rig = queue(hours=CLOSED)
    rig.send(enqueue(**contact))
    assert refusals(rig) == []


def test_a_closed_queue_says_when_it_opens():
    week = [[(9 * 60, 18 * 60)] for _ in range(7)]
    rig = queue(hours=HoursConfig(time_zone="Asia/Shanghai", week=week))
    midnight = (START + 8 * 3600) // 86400 * 86400 - 8 * 3600
    rig.ctx.now = midnight + 20 * 3600
    rig.send(enqueue())
    assert refusals(rig) == [("closed", midnight + 86400 + 9 * 3600)]


def test_hours_that_change_count_at_once():
    rig = queue(hours=CLOSED)
    rig.send(ConfigChanged(config=org()))
    rig.send(enqueue())
    assert refusals(rig) == []


def test_a_closed_queue_that_overflows_sends_people_on():
    rig = queue(hours=CLOSED, overflow_to="other", overflow_unstaffed=True)
    rig.send(enqueue())
    assert [told.to for told in rig.told(Overflowed)] == ["other"]


def test_a_message_is_asked_for_where_nobody_serves():
    rig = queue(message_unstaffed=True)
    rig.send(enqueue("1"))
    rig.send(StaffChanged(staffed=False))
    rig.send(enqueue("2"))
    assert [reason for reason, _ in refusals(rig)] == ["nobody_on_duty"] * 2


def test_whoever_waits_too_long_is_asked_for_a_message():
    rig = queue(overflow_after_s=30.0, overflow_message=True)
    rig.send(enqueue())
    rig.advance(29)
    assert refusals(rig) == []
    rig.advance(1)
    assert refusals(rig) == [("leave_message", 0.0)]


def paced(**settings):
    """A queue that takes one contact every 10 s."""
    rig = queue(**settings)
    rig.send(*[enqueue(str(n)) for n in range(4)])
    for n in range(3):
        rig.advance(10)
        rig.send(ContactTaken(session=str(n), episode=1, agent="ann"))
    return rig


def test_an_estimated_wait_that_is_too_long_moves_new_contacts_on():
    rig = paced(overflow_eta_s=25.0, overflow_to="other")
    rig.send(enqueue("5"))
    assert rig.told(Overflowed) == []
    rig.send(enqueue("6"))
    assert [told.to for told in rig.told(Overflowed)] == ["other"]


def test_who_was_moved_on_once_is_not_moved_on_again_for_a_long_wait():
    rig = paced(overflow_eta_s=5.0, overflow_to="other")
    before = len(rig.told(Overflowed))
    rig.send(enqueue("9", moved=True))
    rig.advance(60)
    told = [e.to.id for e in rig.effects if isinstance(getattr(e, "command", None), Overflowed)]
    assert "9" not in told[before:]


def test_when_the_line_slows_down_its_end_moves_on():
    rig = paced(overflow_eta_s=25.0, overflow_to="other")
    rig.send(enqueue("5"))
    rig.advance(60)
    assert rig.told(Overflowed) != []


def test_a_named_agent_is_waited_for_no_longer_than_set():
    rig = queue(named_wait_s=15.0)
    rig.send(enqueue("1", agent="ann", purpose="transfer", requeued=True), enqueue("2"))
    rig.advance(16)
    told = [e.to.id for e in rig.effects if isinstance(getattr(e, "command", None), QueueTimedOut)]
    assert told == ["1"]
