"""Exploration keeps its policy's promises, and tells the truth about its dice."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.checks import CHECKS, Check, centres
from policies.exploring.gumbel import ExploreBatch
from policies.exploring.near_ties import ExploreNearTies
from policies.least_busy import LeastBusy
from policies.longest_idle import LongestIdle
from policies.random_eligible import RandomEligible
from policies.static_skill_priority import StaticSkillPriority
from policies.view import AgentView, ContactView, Demand, Match, Policy, View, Why

CENTRES = dict(centres())
INNER = (LongestIdle, LeastBusy, StaticSkillPriority, RandomEligible)


def wrapped(inner: Policy) -> list[Policy]:
    return [ExploreNearTies(inner, epsilon=0.9, share=0.5), ExploreBatch(inner, draws=8)]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("which", [0, 1], ids=["near_ties", "gumbel"])
def test_a_wrapper_around_any_policy_passes_the_exam(which: int, check: Check) -> None:
    check(lambda: wrapped(LeastBusy())[which])


@given(st.sampled_from(sorted(CENTRES)), st.integers(0, 2**32), st.sampled_from(INNER))
@settings(max_examples=40, deadline=None)
def test_propensities_sum_to_one_and_the_same_contacts_are_served(
    centre: int, seed: int, inner: type[Policy]
) -> None:
    view = CENTRES[centre]
    for policy in wrapped(inner()):
        matches = policy.decide(view, Random(seed))
        before = inner().decide(view, Random(seed))
        assert [match.contact for match in matches] == [match.contact for match in before]
        for match in matches:
            told = match.why.propensities if match.why else {}
            assert not told or math.isclose(math.fsum(told.values()), 1.0, abs_tol=1e-9)
            assert not told or told[match.agent] > 0


class Scored:
    """Gives the oldest contact to the longest idle agent, and tells what it thinks of each."""

    name = "scored"

    def __init__(self, scores: dict[str, float]) -> None:
        self.scores = scores

    def decide(self, view: View, rng: Random) -> list[Match]:
        why = Why(scores={agent: {"value": score} for agent, score in self.scores.items()})
        return [Match(m.contact, m.agent, why) for m in LongestIdle().decide(view, rng)]


def centre(contacts: int, agents: int, capacity: int = 1) -> View:
    demand = Demand(queue="help")
    return View.of(
        [
            ContactView(id=f"c{n}", demand=demand, arrived_at=float(n), virtual_at=float(n))
            for n in range(contacts)
        ],
        [AgentView(id=f"a{n}", idle_since=float(n), capacity=capacity) for n in range(agents)],
        now=100.0,
    )


def frequencies(policy: Policy, view: View, times: int) -> Counter[tuple[str, str]]:
    """Return how often each contact goes to each agent."""
    return Counter(
        (match.contact, match.agent)
        for seed in range(times)
        for match in policy.decide(view, Random(seed))
    )


def agrees(count: int, times: int, chance: float) -> bool:
    """Whether a frequency is within four standard errors of its probability."""
    return abs(count / times - chance) <= 4 * math.sqrt(chance * (1 - chance) / times) + 1e-12


def test_epsilon_is_shared_among_near_ties_alone() -> None:
    scores = {"a0": 0.50, "a1": 0.48, "a2": 0.30, "a3": 0.51}
    policy, view = ExploreNearTies(Scored(scores), epsilon=0.3, tie=0.05), centre(1, 4)
    told = policy.decide(view, Random(0))[0].why.propensities
    counts = frequencies(policy, view, 1_500)

    assert told == pytest.approx({"a0": 0.8, "a1": 0.1, "a3": 0.1})
    for agent, chance in told.items():
        assert agrees(counts["c0", agent], 1_500, chance)
    assert counts["c0", "a2"] == 0


def test_what_is_told_is_right_on_average_over_rounds_with_several_contacts() -> None:
    """Each contact's options depend on what was drawn before: probabilities are of that moment."""
    policy, view = ExploreNearTies(LongestIdle(), epsilon=0.8, share=1.0), centre(3, 5)
    times, expected = 1_000, defaultdict[tuple[str, str], float](float)
    for seed in range(times):
        for match in policy.decide(view, Random(seed)):
            for agent, chance in match.why.propensities.items():
                expected[match.contact, agent] += chance / times
    counts = frequencies(policy, view, times)
    for pair, chance in expected.items():
        assert agrees(counts[pair], times, chance), pair


def test_one_contact_under_gumbel_noise_is_an_exact_softmax() -> None:
    scores = {"a0": 1.0, "a1": 0.5, "a2": 0.0}
    policy, view = ExploreBatch(Scored(scores), scale=0.5), centre(1, 3)
    told = policy.decide(view, Random(0))[0].why
    weights = {agent: math.exp(score / 0.5) for agent, score in scores.items()}
    counts = frequencies(policy, view, 1_000)

    assert told.propensities == pytest.approx(
        {agent: weight / sum(weights.values()) for agent, weight in weights.items()}
    )
    assert not any("propensity_se" in parts for parts in told.scores.values())
    for agent, chance in told.propensities.items():
        assert agrees(counts["c0", agent], 1_000, chance)


def test_estimated_marginals_of_a_batch_are_within_their_standard_error() -> None:
    view, draws, times = centre(2, 3), 200, 2_000
    truth = frequencies(ExploreBatch(LongestIdle(), scale=1.0, draws=1), view, times)
    misses = []
    for seed in range(20):
        policy = ExploreBatch(LongestIdle(), scale=1.0, draws=draws)
        for match in policy.decide(view, Random(10_000 + seed)):
            for agent, chance in match.why.propensities.items():
                se = match.why.scores[agent]["propensity_se"]
                misses.append((chance - truth[match.contact, agent] / times) / max(se, 0.01))
    assert abs(np.mean(misses)) < 0.4
    assert 0.7 < np.std(misses) < 1.3


def test_inverse_estimated_propensities_are_right_on_average() -> None:
    """Each pair, weighed by 1 / its estimate, counts once per round: what IPS needs."""
    view, times = centre(2, 2), 500
    policy = ExploreBatch(LongestIdle(), scale=1.0, draws=30)
    total = defaultdict[tuple[str, str], float](float)
    for seed in range(times):
        for match in policy.decide(view, Random(seed)):
            total[match.contact, match.agent] += 1 / match.why.propensities[match.agent]
    for pair, weight in total.items():
        assert weight / times == pytest.approx(1.0, abs=0.15), pair


def test_guards_leave_matches_alone_and_are_told() -> None:
    vip = View.of(
        [ContactView(id="c0", demand=Demand(queue="q"), arrived_at=0.0, virtual_at=0.0, vip=2)],
        [AgentView(id="a0"), AgentView(id="a1")],
        now=1.0,
    )
    assert ExploreNearTies(epsilon=1.0).decide(vip, Random(1))[0].why.guards == ("vip",)
    late = ExploreNearTies(epsilon=1.0, wait_s=30.0).decide(centre(1, 2), Random(1))
    assert late[0].why.guards == ("wait",)
    whys = [m.why for m in ExploreNearTies(epsilon=1.0, share=0.1).decide(centre(9, 40), Random(1))]
    assert any(why.guards == ("share",) for why in whys)
    crowded = ExploreNearTies(epsilon=1.0, load=0.5).decide(centre(1, 3, capacity=1), Random(1))
    assert crowded[0].why is None


def test_batches_beyond_a_rounds_work_are_left_as_they_are() -> None:
    view = centre(20, 200)
    plain = LongestIdle().decide(view, Random(1))
    left = ExploreBatch(LongestIdle(), draws=10_000).decide(view, Random(1))
    assert [(m.contact, m.agent) for m in left] == [(m.contact, m.agent) for m in plain]
    assert {m.why.guards for m in left if m.why} == {("work",)}
    few = ExploreBatch(LongestIdle(), draws=100).decide(view, Random(1))
    assert all(m.why.propensities for m in few if m.why)


def test_the_work_of_a_round_is_bounded_over_all_its_batches() -> None:
    contacts = [
        ContactView(id=f"c{n:02d}", demand=Demand(queue=f"q{n // 2}"), arrived_at=n, virtual_at=n)
        for n in range(40)
    ]
    view = View.of(contacts, [AgentView(id=f"a{n:02d}") for n in range(60)], now=60.0)
    told = [m.why for m in ExploreBatch(draws=500).decide(view, Random(1)) if m.why]
    guarded = [why.guards == ("work",) for why in told]
    assert not guarded[0]
    assert guarded[-1]
    assert guarded == sorted(guarded)


def test_parameters_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="epsilon: 2; allowed: 0 to 1"):
        ExploreNearTies(epsilon=2)
    with pytest.raises(ValueError, match="scale: 0; allowed: above 0"):
        ExploreBatch(scale=0)
