"""Seeds, common random numbers, intervals, and the arithmetic of measures."""

from __future__ import annotations

import json

import numpy as np
import pytest

from policies.sim import PolicyError, UnknownPolicyError, compare, make_scenario, simulate
from policies.sim.draws import draw
from policies.sim.estimates import difference, ratio
from policies.sim.results import Result
from policies.sim.scenario import Duration
from policies.theory import erlang_b, solve_chain
from policies.view import Match, View
from tests.unit.policies_sim.known_centres import one_type, unequal_agents


def busy_centre() -> Result:
    return simulate(unequal_agents(500), "random_eligible", replications=4, seed=5)


def test_a_seed_brings_back_the_same_result_and_another_seed_another() -> None:
    again = simulate(unequal_agents(500), "random_eligible", replications=4, seed=5)
    other = simulate(unequal_agents(500), "random_eligible", replications=4, seed=6)

    assert busy_centre().table() == again.table()
    assert busy_centre().table() != other.table()


def test_more_replications_begin_with_the_same_ones() -> None:
    more = simulate(unequal_agents(500), "random_eligible", replications=8, seed=5)

    assert np.array_equal(more.sums[:4], busy_centre().sums)


def test_policies_meet_the_same_contacts_so_their_difference_is_sharp() -> None:
    first, other = compare(
        unequal_agents(5000), ["longest_idle", "fastest_first"], replications=10, seed=5
    )

    assert np.array_equal(first.sums["arrived_n"], other.sums["arrived_n"])
    paired = first.difference(other, "mean_wait_s").se
    apart = np.hypot(first.measure("mean_wait_s").se, other.measure("mean_wait_s").se)
    assert paired < apart / 2


def test_nothing_is_counted_before_the_warm_up() -> None:
    centre = one_type(arrivals=1.0, mean_s=1, agents=3, contacts=1000)
    found = simulate(centre, "longest_idle", replications=10)

    contacts = found.measure("contacts_n")
    assert abs(contacts.value - 900) <= 3 * contacts.se


def test_the_table_is_json_even_where_nothing_was_measured() -> None:
    table = busy_centre().table()
    silent = table["total"]["blocked"]

    assert json.loads(json.dumps(table, allow_nan=False)) == table
    assert silent["value"] == 0.0
    assert table["by_group"]["slow"]["occupancy"]["value"] > 0


def test_intervals_cover_the_truth_as_often_as_they_claim() -> None:
    rng = np.random.default_rng(4)
    hits = 0
    for _ in range(1000):
        below = rng.gamma(20, 1, 12)
        above = 0.7 * below + rng.normal(0, 2, 12)
        found = ratio(above, below)
        hits += found.low <= 0.7 <= found.high
    assert 920 <= hits <= 980


def test_a_difference_of_equals_is_nothing() -> None:
    above, below = np.array([1.0, 2.0, 4.0]), np.array([2.0, 3.0, 5.0])

    assert difference(above, below, above, below) == (0.0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("duration", "cv"),
    [
        (Duration(mean_s=60), 1.0),
        (Duration(shape="gamma", mean_s=60, cv=0.5), 0.5),
        (Duration(shape="lognormal", mean_s=60, cv=1.5), 1.5),
        (Duration(shape="fixed", mean_s=60), 0.0),
        (Duration(shape="empirical", samples_s=[30, 90]), 0.5),
    ],
)
def test_durations_have_the_mean_and_the_spread_they_say(duration: Duration, cv: float) -> None:
    drawn = draw(duration, 200_000, np.random.default_rng(1)) * duration.mean

    assert drawn.mean() == pytest.approx(60, rel=0.02)
    assert drawn.std() / drawn.mean() == pytest.approx(cv, rel=0.05)


def test_a_policy_that_proposes_what_dispatch_would_refuse_is_named() -> None:
    class Wild:
        name = "wild"

        def decide(self, view: View, rng: object) -> list[Match]:
            contact = next(view.contacts())
            return [Match(contact.id, agent.id) for agent in list(view.agents())[:2]]

    centre = make_scenario(
        {
            "length": 3600,
            "types": {"a": {"arrivals": {"per_hour": 60}, "handle": {"mean_s": 60}}},
            "groups": {"g": {"agents": 3, "skills": {"a": 1}}},
        }
    )
    with pytest.raises(PolicyError, match=r"wild: .*names somebody who is not there"):
        simulate(centre, Wild(), replications=2)


def test_an_unknown_policy_is_told_those_there_are() -> None:
    with pytest.raises(UnknownPolicyError, match=r"allowed: .*fastest_first"):
        simulate(unequal_agents(10), "nope")
    with pytest.raises(UnknownPolicyError, match="compiled runs only"):
        simulate(unequal_agents(10), type("Own", (), {"name": "own"})(), engine="compiled")


def test_small_chains_solve_to_erlang_b() -> None:
    def moves(n: int) -> list[tuple[float, int]]:
        return [(2.0, n + 1)] * (n < 3) + [(float(n), n - 1)] * (n > 0)

    assert solve_chain(0, moves)[3] == pytest.approx(erlang_b(2.0, 3))


class Patient:
    """Lets every contact wait a quarter of a minute; never serves those who waited a day."""

    name = "patient"

    def decide(self, view: View, rng: object) -> list[Match]:
        due = (c for c in view.contacts() if 15 <= view.now - c.arrived_at < 80_000)
        found = ((c, next(iter(view.eligible(c)), None)) for c in due)
        return [Match(c.id, agent.id) for c, agent in found if agent is not None][:1]


def test_a_policy_that_holds_contacts_back_is_asked_again_each_second() -> None:
    centre = one_type(arrivals=0.01, mean_s=60, agents=3, contacts=100)

    found = simulate(centre, Patient(), replications=2)

    assert 15 <= found.measure("mean_wait_s").value < 17
    assert found.measure("waited").value == 1.0


def test_a_policy_that_never_serves_ends_the_run_all_the_same() -> None:
    class Never(Patient):
        name = "never"

        def decide(self, view: View, rng: object) -> list[Match]:
            return []

    centre = one_type(arrivals=0.1, mean_s=60, agents=3, contacts=10)

    found = simulate(centre, Never(), replications=2)

    assert found.measure("left_n").value == found.measure("contacts_n").value > 0
