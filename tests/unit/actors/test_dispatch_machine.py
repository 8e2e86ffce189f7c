"""One dispatch: offers, capacity, repeats, restarts, and policies that fail."""

import msgspec
import pytest

from actors.addresses import Address
from actors.config import AgentConfig, OrgConfig, QueueConfig
from actors.dispatch import Dispatch
from actors.effects import Count
from actors.messages import (
    AgentChanged,
    Announce,
    Assign,
    AssignRefused,
    ConfigChanged,
    Contact,
    ContactGone,
    ContactTaken,
    ContactWaiting,
    Customer,
    OfferAnswered,
    OfferEnded,
    OfferLapsed,
    OfferMade,
    Release,
    StaffChanged,
)
from policies import registry
from policies.view import Match
from tests.support.machines import START, Rig, of


def org(capacity=1, agents=("ann",), **queue):
    return OrgConfig(
        org="acme",
        version=1,
        entry_queue="q",
        queues={"q": QueueConfig(id="q", name="q", **queue)},
        agents={a: AgentConfig(id=a, name=a, capacity=capacity) for a in agents},
    )


def dispatch(*available, **settings):
    rig = Rig(Dispatch, Address("dispatch", "acme", "main"), org(**settings))
    for agent in available:
        rig.send(status(agent))
    return rig


def status(agent="ann", value="available", version=1, since=START):
    return AgentChanged(agent=agent, status=value, since=since, version=version)


def waits(session="1", episode=1, age=0.0, **contact):
    at = START - age
    made = Contact(
        session=session,
        episode=episode,
        queue="q",
        customer=Customer(id=f"c{session}"),
        arrived_at=at,
        **contact,
    )
    return ContactWaiting(contact=made, virtual_at=at)


def answer(rig, accept=True, agent="ann"):
    offer = rig.told(OfferMade)[-1].offer
    return rig.send(OfferAnswered(agent=agent, offer=offer, accept=accept))


def outcomes(rig):
    return [command.outcome for command in rig.told(OfferEnded)]


def test_the_oldest_contact_is_offered_and_an_accept_assigns_it():
    rig = dispatch()
    rig.send(waits("young", age=5), waits("old", age=50))
    rig.send(status())
    assert [made.contact.session for made in rig.told(OfferMade)] == ["old"]
    answer(rig)
    assert [(a.agent, a.episode) for a in rig.told(Assign)] == [("ann", 1)]
    assert [(t.session, t.agent) for t in rig.told(ContactTaken)] == [("old", "ann")]
    assert outcomes(rig) == ["accepted"]


def test_a_slot_that_a_thousand_contacts_race_for_is_given_once():
    rig = dispatch("ann")
    rig.send(*[waits(str(n), age=n) for n in range(1000)])
    assert len(rig.told(OfferMade)) == 1
    rig.send(*[waits(str(n), age=n) for n in range(1000)])
    answer(rig)
    answer(rig)
    assert len(rig.told(OfferMade)) == len(rig.told(Assign)) == 1


def test_a_repeated_accept_is_told_again_that_it_was_accepted_also_after_a_crash():
    rig = dispatch("ann")
    rig.send(waits())
    answer(rig)
    rig.crash()
    answer(rig)
    assert outcomes(rig) == ["accepted", "accepted"]
    assert len(rig.told(Assign)) == 1


def test_a_missed_offer_stops_the_agent_and_goes_to_the_next_at_its_age():
    rig = dispatch("ann", "bob", agents=("ann", "bob"), offer_timeout_s=30.0)
    rig.send(waits())
    first = rig.told(OfferMade)[0]
    rig.advance(30)
    assert outcomes(rig) == ["missed"]
    assert [lapsed.outcome for lapsed in rig.told(OfferLapsed)] == ["missed"]
    second = rig.told(OfferMade)[1]
    assert second.contact == first.contact
    rig.send(waits("2"))
    assert len(rig.told(OfferMade)) == 2


def test_a_late_accept_is_refused():
    rig = dispatch("ann", offer_timeout_s=30.0)
    rig.send(waits())
    rig.advance(31)
    answer(rig)
    assert outcomes(rig) == ["missed", "missed"]
    assert rig.told(Assign) == []


def test_who_declined_is_asked_again_only_when_no_other_is_left():
    rig = dispatch("ann", "bob", agents=("ann", "bob"))
    rig.send(waits())
    first = rig.told(OfferMade)[0]
    asked = [e.to.id for e in rig.effects if getattr(e, "command", None) == first]
    answer(rig, accept=False, agent=asked[0])
    assert len(rig.told(OfferMade)) == 2
    other = {"ann": "bob", "bob": "ann"}[asked[0]]
    answer(rig, accept=False, agent=other)
    assert len(rig.told(OfferMade)) == 2
    rig.advance(3)
    assert len(rig.told(OfferMade)) == 3


def test_a_contact_that_goes_takes_its_offer_along_and_frees_the_slot():
    rig = dispatch("ann")
    rig.send(waits("1", age=9), waits("2"))
    rig.send(ContactGone(session="1", episode=1))
    assert outcomes(rig) == ["withdrawn"]
    assert [made.contact.session for made in rig.told(OfferMade)] == ["1", "2"]


def test_an_agent_who_goes_offline_loses_the_offer_not_the_contact():
    rig = dispatch("ann", agents=("ann", "bob"))
    rig.send(waits())
    rig.send(status("ann", "offline", 2))
    rig.send(status("bob"))
    assert outcomes(rig) == ["withdrawn"]
    assert len(rig.told(OfferMade)) == 2


def test_a_late_repeat_of_an_old_status_changes_nothing():
    rig = dispatch("ann")
    rig.send(status(value="break", version=2))
    rig.send(status(value="available", version=1))
    rig.send(waits())
    assert rig.told(OfferMade) == []


def test_a_release_frees_the_slot_for_who_waits_and_its_repeat_frees_nothing_more():
    rig = dispatch("ann")
    rig.send(waits("1"), waits("2"), waits("3"))
    answer(rig)
    release = Release(session="1", episode=1, agent="ann")
    rig.send(release)
    rig.send(release)
    assert [made.contact.session for made in rig.told(OfferMade)] == ["1", "2"]


def test_a_late_release_of_an_old_episode_does_not_free_a_newer_one():
    rig = dispatch("ann", accept="auto")
    rig.send(waits("1", episode=1))
    rig.send(Release(session="1", episode=1, agent="ann"), waits("1", episode=2))
    assert len(rig.told(Assign)) == 2
    rig.send(Release(session="1", episode=1, agent="ann"), waits("2"))
    assert len(rig.told(Assign)) == 2


def test_a_session_that_refuses_the_assignment_frees_the_slot():
    rig = dispatch("ann", accept="auto")
    rig.send(waits("1"))
    offer = rig.told(Assign)[0].offer
    rig.send(AssignRefused(session="1", episode=1, offer=offer), waits("2"))
    assert outcomes(rig) == ["failed"]
    assert [made.contact.session for made in rig.told(OfferMade)] == ["1", "2"]


def test_a_contact_said_to_wait_after_it_was_taken_is_taken_out_of_its_queue():
    rig = dispatch("ann", capacity=2)
    rig.send(waits())
    answer(rig)
    rig.crash()
    rig.send(status(version=2), waits())
    assert len(rig.told(OfferMade)) == 1
    assert [taken.agent for taken in rig.told(ContactTaken)] == ["ann", ""]


def test_a_later_episode_ends_the_offer_of_an_earlier_one():
    rig = dispatch("ann")
    rig.send(waits(episode=1))
    rig.send(waits(episode=2))
    rig.send(waits(episode=1))
    assert outcomes(rig) == ["withdrawn"]
    assert [made.contact.episode for made in rig.told(OfferMade)] == [1, 2]


def test_after_a_crash_offers_stand_everybody_is_asked_and_the_rest_is_matched():
    rig = dispatch("ann", capacity=2)
    rig.send(waits("1"))
    rig.crash()
    assert len(rig.told(Announce)) == 2
    rig.send(waits("1"), waits("2"), status())
    assert [made.contact.session for made in rig.told(OfferMade)] == ["1", "2"]
    rig.advance(31)
    assert set(outcomes(rig)) >= {"missed"}


def test_a_new_dispatch_that_crashes_asks_everybody_even_if_it_never_made_an_offer():
    rig = dispatch("ann")
    assert rig.store.records
    rig.crash()
    rig.send(status(), waits())
    assert len(rig.told(OfferMade)) == 1


@pytest.mark.parametrize("change", ["capacity", "needs", "policy"])
def test_a_change_of_settings_examines_who_waits_again(change):
    queue = {"needs": {"sql": 3}} if change == "needs" else {}
    rig = dispatch("ann", capacity=1, **queue)
    rig.send(waits("1"), waits("2"))
    before = len(rig.told(OfferMade))
    new = org(capacity=2, policy="least_busy" if change == "policy" else "longest_idle")
    rig.send(ConfigChanged(config=msgspec.structs.replace(new, version=2)))
    assert len(rig.told(OfferMade)) > before


def test_a_preferred_agent_is_waited_for_then_anybody_serves():
    rig = dispatch("bob", agents=("ann", "bob"))
    rig.send(status("ann", "break"))
    rig.send(waits(prefer="ann", prefer_until=START + 30))
    assert rig.told(OfferMade) == []
    rig.advance(31)
    assert len(rig.told(OfferMade)) == 1


def test_a_preferred_agent_who_goes_offline_is_waited_for_no_longer():
    rig = dispatch("bob", agents=("ann", "bob"))
    rig.send(status("ann", "break"))
    rig.send(waits(prefer="ann", prefer_until=START + 30))
    rig.send(status("ann", "offline", 2))
    assert len(rig.told(OfferMade)) == 1


def test_a_queue_is_told_when_nobody_serves_it_but_not_before_agents_had_time_to_come():
    rig = dispatch("ann")
    rig.advance(9)
    assert rig.told(StaffChanged) == []
    rig.advance(2)
    rig.send(status(value="offline", version=2))
    rig.send(status(value="break", version=3))
    assert [told.staffed for told in rig.told(StaffChanged)] == [True, False, True]


class _Broken:
    def __init__(self, name, answer):
        self.name, self._answer = name, answer

    def decide(self, view, rng):
        return self._answer(view)


def _raise(view):
    raise RuntimeError("no model")


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("raises", _raise),
        ("invents", lambda view: [Match("nobody", "ann")]),
        ("doubles", lambda view: [Match(c.id, "ann") for c in view.contacts() for _ in "12"]),
        ("overloads", lambda view: [Match(c.id, "ann") for c in view.contacts()]),
        ("returns_none", lambda view: None),
    ],
)
def test_a_policy_that_fails_is_replaced_by_the_longest_idle_and_counted(name, answer, monkeypatch):
    entry = registry._plain(lambda: _Broken(name, answer))
    monkeypatch.setitem(registry._entries, name, entry)
    rig = dispatch("ann", policy=name)
    rig.send(waits("1", age=9), waits("2"))
    assert [made.contact.session for made in rig.told(OfferMade)] == ["1"]
    counts = [e.label for e in of(rig.effects, Count) if e.name == "fallbacks_total"]
    assert counts == [name]


def test_an_unknown_policy_falls_back_too():
    rig = dispatch("ann", policy="oracle")
    rig.send(waits())
    assert len(rig.told(OfferMade)) == 1


def test_two_policies_that_compete_for_one_agent_give_it_to_the_older_contact():
    config = org()
    queues = {
        "q": QueueConfig(id="q", name="q", policy="longest_idle"),
        "r": QueueConfig(id="r", name="r", policy="least_busy"),
    }
    rig = Rig(
        Dispatch,
        Address("dispatch", "acme", "main"),
        msgspec.structs.replace(config, queues=queues),
    )
    older = waits("old", age=60)
    older = msgspec.structs.replace(
        older, contact=msgspec.structs.replace(older.contact, queue="r")
    )
    rig.send(waits("young"), older)
    rig.send(status())
    assert [made.contact.session for made in rig.told(OfferMade)] == ["old"]


def test_the_first_sign_in_of_an_agent_is_news_to_a_queue_that_nobody_served():
    rig = dispatch(agents=("ann",))
    rig.send(waits())
    rig.advance(11)
    rig.send(status("ann"))
    assert [told.staffed for told in rig.told(StaffChanged)] == [False, True]
