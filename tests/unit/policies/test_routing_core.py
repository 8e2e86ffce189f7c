"""The parts that decisions are made of: eligibility, order, who waits, who is free, drafts."""

from random import Random

import pytest

from policies import registry
from policies.draft import Draft, oldest_first
from policies.eligibility import REASONS, reason
from policies.least_busy import LeastBusy, load_order
from policies.longest_idle import LongestIdle, idle_order
from policies.pool import RANKINGS_N, Pool
from policies.priority import virtual_at
from policies.view import AgentView, ContactView, Demand, Match, View
from policies.waits import Waits

NOW = 1000.0


def contact(number="c", *, age=10.0, demand=None, **fields):
    at = NOW - age
    demand = demand or Demand(queue="q")
    return ContactView(id=number, demand=demand, arrived_at=at, virtual_at=at, **fields)


def decide(policy, contacts, agents, **fields):
    return policy.decide(View.of(contacts, agents, now=NOW, **fields), Random(0))


@pytest.mark.parametrize(
    ("why", "waiting", "agent"),
    [
        ("disabled", {}, {"enabled": False}),
        ("not_available", {}, {"status": "break"}),
        ("capacity", {"demand": Demand(queue="q", units=2)}, {}),
        ("named", {"agent": "b"}, {}),
        ("excluded", {"exclude": frozenset("a")}, {}),
        ("tried", {"tried": frozenset("a")}, {}),
        ("preferred", {"prefer": "b", "prefer_until": NOW + 1}, {}),
        ("kind", {}, {"kind": "bot"}),
        ("group", {"demand": Demand(queue="q", groups=frozenset({"g"}))}, {}),
        ("channel", {}, {"capacity": 5, "channels": {"chat": 2}, "used_in": {"chat": 2}}),
        (None, {}, {"capacity": 5, "channels": {"mail": 2}, "used_in": {"mail": 2}}),
        ("quota", {}, {"quotas": {"q": 0}}),
        (None, {}, {"quotas": {"other": 0, "q": 1}}),
        ("language", {"demand": Demand(queue="q", lang="zh")}, {"languages": frozenset({"en"})}),
        (None, {"demand": Demand(queue="q", lang="zh")}, {"languages": frozenset({"zh"})}),
        ("skill", {"demand": Demand(queue="q", needs=(("sql", 3),))}, {"skills": {"sql": 2}}),
        (None, {"prefer": "b", "prefer_until": NOW}, {}),
        (None, {"demand": Demand(queue="q", needs=(("sql", 3),))}, {"skills": {"sql": 3}}),
        (None, {"agent": "a", "demand": Demand(queue="q", kind="bot")}, {}),
    ],
)
def test_a_reason_names_the_rule_that_is_broken(why, waiting, agent):
    assert reason(contact(**waiting), AgentView(id="a", **agent), NOW) == why
    assert why is None or why in REASONS


def test_a_priority_point_is_a_minute_of_waiting():
    assert virtual_at(NOW, 2.0) == NOW - 120.0


def test_the_agent_who_idles_longest_serves_who_waits_longest():
    agents = [AgentView(id="a", idle_since=900.0), AgentView(id="b", idle_since=800.0)]
    contacts = [contact("young", age=1), contact("old", age=9)]
    assert decide(LongestIdle(), contacts, agents) == [Match("old", "b"), Match("young", "a")]


def test_an_agent_without_any_contact_comes_before_one_who_holds_some():
    agents = [
        AgentView(id="a", capacity=3, used=1, contacts_n=1, idle_since=1.0),
        AgentView(id="b", capacity=3, idle_since=999.0),
    ]
    assert decide(LongestIdle(), [contact()], agents) == [Match("c", "b")]


def test_load_is_weighed_against_capacity():
    agents = [
        AgentView(id="a", capacity=2, used=1, contacts_n=1),
        AgentView(id="b", capacity=10, used=3, contacts_n=3),
    ]
    contacts = [contact(str(n), age=9 - n) for n in range(4)]
    matches = decide(LeastBusy(), contacts, agents)
    assert [match.agent for match in matches] == ["b", "b", "a", "b"]


def test_a_contact_that_nobody_can_serve_blocks_nobody_behind_it():
    scarce = contact("scarce", age=99, demand=Demand(queue="q", needs=(("sql", 5),)))
    assert decide(LongestIdle(), [scarce, contact()], [AgentView(id="a")]) == [Match("c", "a")]


def test_a_contact_that_excludes_the_free_agent_lets_its_own_class_pass():
    shy = contact("shy", age=99, exclude=frozenset("a"))
    assert decide(LongestIdle(), [shy, contact()], [AgentView(id="a")]) == [Match("c", "a")]


def test_a_preferred_agent_is_waited_for_until_the_time_is_over():
    waits = Waits()
    waits.put(contact(prefer="a", prefer_until=NOW + 5), NOW)
    assert (list(waits.named), waits.next_expiry()) == (["a"], NOW + 5)
    assert not waits.advance(NOW + 4)
    assert waits.advance(NOW + 5)
    assert not waits.named
    assert waits.next_expiry() is None
    assert waits.remove("c") is not None
    assert not waits.classes


def test_a_ranking_follows_every_change_of_an_agent():
    pool = Pool()
    pool.put(AgentView(id="a", capacity=2))
    pool.put(AgentView(id="b", capacity=2, used=1))
    assert list(pool.ranking(load_order)) == ["a", "b"]
    pool.put(AgentView(id="a", capacity=2, used=2))
    assert list(pool.ranking(load_order)) == ["b"]
    pool.put(AgentView(id="a", capacity=2))
    pool.remove("b")
    assert list(pool.ranking(load_order)) == ["a"]


def test_an_agent_who_learns_a_skill_becomes_fit():
    pool, demand = Pool(), Demand(queue="q", needs=(("sql", 3),))
    pool.put(AgentView(id="a"))
    assert pool.members(demand) == set()
    pool.put(AgentView(id="a", skills={"sql": 3}))
    assert pool.members(demand) == {"a"}


def test_only_so_many_rankings_are_kept():
    pool = Pool()
    pool.put(AgentView(id="a"))
    keys = [lambda agent, n=n: (float(n),) for n in range(RANKINGS_N * 2)]
    for key in keys:
        assert list(pool.ranking(key)) == ["a"]
    assert len(pool._rankings) == RANKINGS_N


def test_the_indexed_choice_is_the_one_that_looking_at_everybody_makes():
    dice = Random(3)
    for _ in range(200):
        agents = [
            AgentView(
                id=f"a{n}",
                capacity=dice.randint(1, 3),
                used=dice.randint(0, 1),
                skills={"sql": dice.randint(0, 3)},
                idle_since=float(dice.randint(0, 5)),
            )
            for n in range(6)
        ]
        contacts = [
            contact(
                f"c{n}",
                age=float(dice.randint(0, 5)),
                demand=Demand(queue="q", needs=(("sql", dice.randint(0, 3)),)),
                exclude=frozenset({f"a{dice.randint(0, 9)}"}),
            )
            for n in range(8)
        ]
        view = View.of(contacts, agents, now=NOW)

        def slow(waiting, draft):
            fit = draft.eligible(waiting)
            return min(fit, key=lambda agent: (idle_order(agent), agent.id), default=None)

        assert LongestIdle().decide(view, Random(0)) == oldest_first(view, slow)


def test_a_draft_counts_what_it_gave_away():
    view = View.of([contact("1", age=2), contact("2")], [AgentView(id="a")], now=NOW)
    draft = Draft(view)
    first = next(draft.candidates())
    draft.give(first, draft.eligible(first)[0])
    assert draft.agent("a").free == 0
    assert draft.eligible(contact("2")) == []


def test_an_unknown_policy_names_those_there_are():
    with pytest.raises(LookupError, match="longest_idle"):
        registry.make("oracle")


def test_a_name_is_taken_once():
    with pytest.raises(ValueError, match="exists"):
        registry.register("longest_idle", LongestIdle)
