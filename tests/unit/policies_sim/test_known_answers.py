"""Both engines against exact theory: every simulated value within three standard errors."""

from __future__ import annotations

from math import log

import pytest

from policies.sim import Estimate, Result, Scenario, simulate
from policies.sim.simulation import Engine
from policies.theory import (
    Steady,
    answered_within,
    chat_centre,
    erlang_c,
    idle_order,
    many_servers,
    shared_lines,
)
from policies.theory.small_centres import ChatRule, IdleRule
from tests.unit.policies_sim.known_centres import (
    ENGINES,
    both_engines,
    chats,
    one_type,
    six_skills,
    unequal_agents,
)

CHAT_RULES: tuple[ChatRule, ...] = ("least_busy", "most_busy")
SIZE = {"compiled": 100_000.0, "python": 1_500.0}
"""Contacts per replication. The Python engine needs few: `test_sim_engines_agree` shows that it
makes the very visits of the compiled one."""


def run(scenario: Scenario, policy: str, engine: Engine, replications: int = 10) -> Result:
    """Simulate with dice of this test's own."""
    return simulate(scenario, policy, engine=engine, replications=replications, seed=2026)


def agrees(found: Estimate, exact: float, precision: float = 0.7) -> None:
    """Check that the estimate is right, and precise enough for that to mean something."""
    assert found.se < precision * abs(exact), f"{found} is too vague to judge {exact}"
    assert abs(found.value - exact) <= 3 * found.se, f"{found} is not {exact} (se {found.se})"


def agrees_with(found: Result, exact: Steady, unit_s: float) -> None:
    """Check every measure of a steady state whose unit of time is `unit_s`."""
    agrees(found.measure("waited"), exact.p_wait)
    agrees(found.measure("abandoned"), exact.p_abandon)
    agrees(found.measure("mean_wait_s"), exact.mean_wait * unit_s)
    agrees(found.measure("in_system_s"), exact.mean_in_system * unit_s)
    agrees(found.occupancy(), exact.occupancy)


@both_engines
def test_equal_agents_and_endless_patience_are_erlang_c(engine: Engine) -> None:
    centre = one_type(arrivals=100 / 1800, mean_s=180, agents=14, contacts=SIZE[engine])

    found = run(centre, "longest_idle", engine)

    assert erlang_c(10, 14) == pytest.approx(0.1741319335950498, rel=1e-12)
    assert answered_within(10, 14, 180, 20) == pytest.approx(0.8883500191794669, rel=1e-12)
    agrees(found.measure("waited"), erlang_c(10, 14))
    agrees(found.measure("service_level"), answered_within(10, 14, 180, 20))


@both_engines
def test_percentiles_of_waits_are_those_of_erlang_c(engine: Engine) -> None:
    centre = one_type(arrivals=100 / 1800, mean_s=180, agents=14, contacts=SIZE[engine])

    found = simulate(centre, "longest_idle", engine=engine, replications=10, keep_waits=True)

    for percentile in (90, 95):
        exact = log(erlang_c(10, 14) / (1 - percentile / 100)) * 180 / (14 - 10)
        agrees(found.wait_percentile(percentile), exact)
    assert found.wait_percentile(50, "help").value == 0.0
    with pytest.raises(ValueError, match="allowed: 50, 80, 90, 95, 99"):
        found.wait_percentile(42)


@both_engines
def test_impatient_customers_are_erlang_a(engine: Engine) -> None:
    centre = one_type(arrivals=48 / 60, mean_s=60, agents=50, patience_s=120, contacts=SIZE[engine])
    exact = many_servers(48, 1, 50, patience=0.5)

    found = run(centre, "random_eligible", engine)

    assert exact.p_abandon == pytest.approx(0.030912, abs=5e-7)
    assert exact.mean_wait * 60 == pytest.approx(3.7095, abs=5e-5)
    assert exact.occupancy == pytest.approx(0.930324, abs=5e-7)
    agrees_with(found, exact, unit_s=60)


@both_engines
@pytest.mark.parametrize(
    ("policy", "rule", "p_wait", "mean_wait"),
    [
        ("random_eligible", "random", 0.663977, 1.106628),
        ("longest_idle", "longest_idle", 0.663977, 1.106628),
        ("last_idle", "last_idle", 0.663977, 1.106628),
        ("fastest_first", "fastest_first", 0.643832, 1.073053),
    ],
)
def test_the_order_of_the_idle_matters_only_when_it_looks_at_speed(
    policy: str, rule: IdleRule, p_wait: float, mean_wait: float, engine: Engine
) -> None:
    exact = idle_order(2.4, (0.5, 1.0, 1.5), rule)

    found = run(unequal_agents(SIZE[engine]), policy, engine)

    assert exact == pytest.approx((p_wait, mean_wait), abs=5e-7)
    agrees(found.measure("waited"), p_wait)
    agrees(found.measure("mean_wait_s"), mean_wait)


def test_fastest_first_is_told_apart_from_the_others_on_the_same_contacts() -> None:
    centre = unequal_agents(100_000)
    blind, fast = (run(centre, policy, "compiled") for policy in ("longest_idle", "fastest_first"))

    gain = blind.difference(fast, "waited")

    agrees(gain, 0.663977 - 0.643832, precision=0.05)


@pytest.mark.parametrize(
    ("engine", "contacts"),
    [("compiled", 400_000), pytest.param("python", 12_000, marks=pytest.mark.slow)],
)
def test_two_skills_each_recover_nearly_all_that_pooling_gains(
    engine: Engine, contacts: float
) -> None:
    blocked, wait_min = shared_lines([1.4] * 6, 0.1, [15] * 6, 120)
    pooled = many_servers(8.4, 0.1, 90, lines=120)

    apart, two, together = (
        run(six_skills(skills, contacts), "longest_idle", engine, replications=5)
        for skills in (1, 2, 6)
    )

    assert (blocked, wait_min) == pytest.approx((0.041659, 3.05432), abs=5e-6)
    assert (pooled.p_block, pooled.mean_wait) == pytest.approx((0.00364308, 0.450023), abs=5e-7)
    agrees(apart.measure("blocked"), blocked)
    agrees(apart.measure("mean_wait_s"), wait_min * 60)
    agrees(together.measure("blocked"), pooled.p_block, precision=1.0)
    agrees(together.measure("mean_wait_s"), pooled.mean_wait * 60)
    waits = [found.measure("mean_wait_s").value for found in (apart, two, together)]
    assert (waits[0] - waits[1]) / (waits[0] - waits[2]) >= 0.93


@pytest.mark.parametrize("skills", [1, 2, 6])
def test_both_engines_make_the_same_day_of_wallace_and_whitt(skills: int) -> None:
    fast, slow = (
        run(six_skills(skills, 1000), "longest_idle", engine, replications=2) for engine in ENGINES
    )

    assert (fast.sums == slow.sums).all()
    assert (fast.flows == slow.flows).all()
    assert fast.measure("contacts_n").value > 500


@both_engines
@pytest.mark.parametrize(
    ("rule", "p_abandon", "in_system"),
    [("least_busy", 0.001439, 1.259451), ("most_busy", 0.003180, 1.490479)],
)
def test_chats_slow_each_other_down(
    rule: ChatRule, p_abandon: float, in_system: float, engine: Engine
) -> None:
    exact = chat_centre(14, 10, (1, 1.6, 1.9), 0.5, rule)

    found = run(chats([1, 1.6, 1.9], SIZE[engine]), rule, engine)

    assert exact.p_abandon == pytest.approx(p_abandon, abs=5e-7)
    assert exact.mean_in_system == pytest.approx(in_system, abs=5e-7)
    agrees(found.measure("abandoned"), p_abandon)
    agrees(found.measure("in_system_s"), in_system * 60)
    agrees(found.occupancy(), exact.occupancy)


@both_engines
@pytest.mark.parametrize("rule", ["least_busy", "most_busy"])
def test_one_chat_at_a_time_is_erlang_a(rule: ChatRule, engine: Engine) -> None:
    exact = many_servers(14, 1, 10, patience=0.5)

    found = run(chats([1.0], SIZE[engine]), rule, engine)

    assert chat_centre(14, 10, (1,), 0.5, rule).p_abandon == pytest.approx(exact.p_abandon)
    agrees_with(found, exact, unit_s=60)


@both_engines
def test_when_a_third_chat_speeds_an_agent_up_the_busiest_serve_best(engine: Engine) -> None:
    rates = [1.0, 1.1, 2.1]
    least, most = (chat_centre(14, 10, rates, 0.5, rule) for rule in CHAT_RULES)

    spread = run(chats(rates, SIZE[engine]), "least_busy", engine)
    packed = run(chats(rates, SIZE[engine]), "most_busy", engine)

    assert most.mean_in_system < least.mean_in_system
    agrees(spread.measure("in_system_s"), least.mean_in_system * 60)
    agrees(packed.measure("in_system_s"), most.mean_in_system * 60)
    assert packed.difference(spread, "in_system_s").high < 0
