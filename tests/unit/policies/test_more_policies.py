"""What each of the policies beyond first come, first served is for."""

from __future__ import annotations

from collections import Counter
from random import Random

import msgspec
import pytest

from policies import registry
from policies.batch_assignment import BatchAssignment
from policies.fixed_queue_ratio import FixedQueueRatio
from policies.heads import Heads
from policies.marginal_rate import MarginalRate
from policies.round_robin import RoundRobin
from policies.value_greedy import ValueGreedy
from policies.view import AgentView, ContactView, Demand, Policy, QueueView, View
from policies.weight_based import WeightBased
from policies.weighted import Weighted

NOW = 1000.0


def contact(
    number: int, queue: str = "q", *, waited_s: float = 10.0, **more: object
) -> ContactView:
    """Return a waiting contact."""
    at = NOW - waited_s
    made = ContactView(id=f"c{number}", demand=Demand(queue=queue), arrived_at=at, virtual_at=at)
    return msgspec.structs.replace(made, **more)


def agent(name: str, group: str = "", **more: object) -> AgentView:
    """Return an idle agent."""
    made = AgentView(id=name, groups=frozenset({group} - {""}), idle_since=NOW - 50)
    return msgspec.structs.replace(made, **more)


def pairs(policy: Policy, view: View, seed: int = 0) -> list[tuple[str, str]]:
    """Return who goes to whom."""
    return [(match.contact, match.agent) for match in policy.decide(view, Random(seed))]


def test_round_robin_goes_around_whoever_idles_longest() -> None:
    agents = [
        agent("a", given_at=90.0, idle_since=1.0),
        agent("b", given_at=80.0, idle_since=999.0),
        agent("c", given_at=95.0, idle_since=2.0),
    ]
    view = View.of([contact(n, waited_s=50 - n) for n in range(4)], agents, now=NOW)

    assert pairs(RoundRobin(), view) == [("c0", "b"), ("c1", "a"), ("c2", "c")]


def test_round_robin_gives_an_agent_with_room_one_turn_in_each_circle() -> None:
    agents = [agent(name, capacity=5) for name in "abc"]
    view = View.of([contact(n, waited_s=50 - n) for n in range(6)], agents, now=NOW)

    assert [who for _, who in pairs(RoundRobin(), view)] == ["a", "b", "c", "a", "b", "c"]


def test_weights_are_shares_and_are_logged_as_chances() -> None:
    queue = QueueView(id="q", weights={"a": 3.0, "b": 1.0, "c": 0.0})
    view = View.of([contact(1)], [agent(name) for name in "abc"], now=NOW, queues=[queue])

    drawn = Counter(pairs(Weighted(), view, seed)[0][1] for seed in range(2000))

    assert drawn["c"] == 0
    assert abs(drawn["a"] - 1500) < 4 * (2000 * 0.75 * 0.25) ** 0.5
    (match,) = Weighted().decide(view, Random(1))
    assert match.why is not None
    assert match.why.propensities == {"a": 0.75, "b": 0.25, "c": 0.0}


def test_an_agent_of_weight_zero_serves_when_nobody_else_may() -> None:
    view = View.of([contact(1)], [agent("a")], now=NOW)

    assert pairs(Weighted({"a": 0.0}), view) == [("c1", "a")]


def test_the_queue_beyond_its_share_is_served_by_the_group_that_idles_beyond_its_own() -> None:
    contacts = [contact(n, "long", waited_s=1) for n in range(4)]
    contacts += [contact(n, "short", waited_s=99) for n in range(5, 8)]
    agents = [agent("a", "east"), agent("b", "west"), agent("d", "west")]
    view = View.of(contacts, agents, now=NOW, limit=1)

    assert pairs(FixedQueueRatio(), view) == [("c0", "b")]
    assert pairs(FixedQueueRatio({"long": 3.0, "short": 1.0}), view) == [("c5", "b")]
    assert pairs(FixedQueueRatio({"long": 1.0}, {"east": 0.0}), view) == [("c0", "a")]


def test_a_negative_offset_keeps_agents_back_until_the_contact_is_old_enough() -> None:
    policy = WeightBased(offset={("g", "q"): -100.0})
    idle = agent("a", "g", idle_since=NOW)

    assert pairs(policy, View.of([contact(1, waited_s=99)], [idle], now=NOW)) == []
    assert pairs(policy, View.of([contact(1, waited_s=100)], [idle], now=NOW)) == [("c1", "a")]


def test_a_batch_is_worth_more_than_one_after_the_other() -> None:
    worth = {("g", "x"): 0.9, ("h", "x"): 0.8, ("g", "y"): 0.8, ("h", "y"): 0.1}
    view = View.of([contact(1, "x"), contact(2, "y")], [agent("a", "g"), agent("b", "h")], now=NOW)

    assert set(pairs(BatchAssignment(worth), view)) == {("c1", "b"), ("c2", "a")}
    assert set(pairs(ValueGreedy(worth), view)) == {("c1", "a"), ("c2", "b")}


def test_a_batch_fills_agents_with_room_and_serves_the_oldest_first() -> None:
    view = View.of(
        [contact(n, waited_s=100 - n) for n in range(5)], [agent("a", capacity=3)], now=NOW
    )

    assert pairs(BatchAssignment(), view) == [("c0", "a"), ("c1", "a"), ("c2", "a")]


def test_a_free_agent_takes_what_it_is_best_at_unless_one_side_alone_chooses() -> None:
    worth = {("g", "x"): 0.2, ("g", "y"): 0.9}
    view = View.of(
        [contact(1, "x", waited_s=60), contact(2, "y", waited_s=5)], [agent("a", "g")], now=NOW
    )

    assert pairs(ValueGreedy(worth), view) == [("c2", "a")]
    assert pairs(ValueGreedy(worth, sides="one"), view) == [("c1", "a")]


def test_a_chat_goes_where_one_more_adds_most_and_nobody_is_slowed_down() -> None:
    packs = MarginalRate({"g": [1.0, 1.1, 2.1, 1.5]})
    one, two, three = (
        agent(name, "g", capacity=5, used=n, contacts_n=n) for n, name in enumerate("abc", 1)
    )

    assert pairs(packs, View.of([contact(1)], [one, two, three], now=NOW)) == [("c1", "b")]
    assert pairs(packs, View.of([contact(1)], [three], now=NOW)) == []
    assert pairs(MarginalRate(), View.of([contact(1)], [one, two], now=NOW)) == [("c1", "a")]


def test_a_line_shows_its_oldest_and_those_before_it_whom_not_everybody_may_serve() -> None:
    contacts = [
        contact(1, waited_s=40, tried=frozenset({"a"})),
        contact(2, waited_s=30),
        contact(3, waited_s=20),
        contact(4, waited_s=10, agent="a"),
        contact(5, "other", waited_s=5),
    ]
    heads = Heads(View.of(contacts, [agent("a"), agent("b")], now=NOW))

    assert {c.id for c in heads} == {"c1", "c2", "c4", "c5"}
    heads.take(contacts[1])
    assert {c.id for c in heads} == {"c1", "c3", "c4", "c5"}
    heads.take(contacts[0])
    assert {c.id for c in heads} == {"c3", "c4", "c5"}


@pytest.mark.parametrize(
    ("name", "given", "says"),
    [
        ("fixed_cap", {"cap": 0}, r"fixed_cap\.cap: .*greater than or equal to 1"),
        ("fixed_cap", {"caps": 2}, r"fixed_cap\.caps: unknown; allowed: cap"),
        ("longest_idle", {"x": 1}, r"longest_idle\.x: unknown; allowed: no parameters"),
        ("lp_value", {"mean_s": {"g": {"q": 0}}}, r"lp_value\.mean_s\.g\.q: .*greater than 0"),
        ("weighted", {"weights": {"a": -1}}, r"weighted\.weights\.a: .*greater than or equal to 0"),
        ("value_greedy", {"sides": "none"}, r"value_greedy\.sides: .*'one' or 'both'"),
        ("ucb", {"seen": {"g": {"q": [1]}}}, r"ucb\.seen\.g\.q"),
    ],
)
def test_a_parameter_that_is_not_allowed_is_named(
    name: str, given: dict[str, object], says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        registry.make(name, given)
    with pytest.raises(ValueError, match=says):
        registry.check(name, given)


def test_parameters_reach_the_policy() -> None:
    view = View.of([contact(1)], [agent("a", contacts_n=1, used=1, capacity=2)], now=NOW)

    assert pairs(registry.make("fixed_cap", {"cap": 1}), view) == []
    assert pairs(registry.make("fixed_cap", {"cap": 2}), view) == [("c1", "a")]
    assert registry.schema("fixed_cap")["properties"]["cap"]["maximum"] == 100


def test_every_policy_has_a_schema_and_a_source() -> None:
    for name in registry.names():
        assert registry.schema(name)["type"] == "object"
        assert type(registry.make(name)).__doc__


def test_there_is_no_policy_of_an_unknown_name() -> None:
    with pytest.raises(LookupError, match=r"there are .*longest_idle"):
        registry.make("best")
