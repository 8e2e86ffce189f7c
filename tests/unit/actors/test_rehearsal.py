"""The production machines under a virtual clock: the visits of the Python engine, and theory."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors.rehearsal import rehearse, replicate_live
from policies.decision_files import write
from policies.sim import Estimate, make_scenario
from policies.sim.draws import throw_dice
from policies.sim.simulation import Setting, replicate
from policies.theory import chat_centre, erlang_c, many_servers
from tests.property.test_sim_engines_agree import scenarios
from tests.unit.policies.test_decision_log import some_rows
from tests.unit.policies_sim.known_centres import chats, one_type

POLICIES = ("longest_idle", "last_idle", "least_busy", "most_busy")


def visits(setting, policy, live):
    if not live:
        return replicate(setting, policy, "python", 7, 0)
    return replicate_live(setting, policy, throw_dice(setting.scenario, setting.plan, 7, 0, 9.0))


def same(setting, policy):
    """Check that live routing and the Python engine make the same visits."""
    live, model = visits(setting, policy, live=True), visits(setting, policy, live=False)
    assert live.rows == model.rows
    for field in ("outcome", "agent", "started", "ended"):
        mine, theirs = live.visits.fate[field][: live.rows], model.visits.fate[field][: live.rows]
        np.testing.assert_array_equal(mine, theirs, err_msg=field)


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(scenario=scenarios(), policy=st.sampled_from(POLICIES))
@pytest.mark.slow
def test_live_routing_makes_the_visits_of_the_laboratory_in_random_centres(scenario, policy):
    same(Setting.of(scenario), policy)


@pytest.mark.parametrize("policy", POLICIES)
def test_live_routing_makes_the_visits_of_the_laboratory(policy):
    same(Setting.of(chats([1, 1.6, 1.9], 150)), policy)


def agrees(found: Estimate, exact: float) -> None:
    assert found.se < 0.7 * exact, f"{found} is too vague to judge {exact}"
    assert abs(found.value - exact) <= 3 * found.se, f"{found} is not {exact} (se {found.se})"


@pytest.mark.slow
def test_erlang_c():
    centre = one_type(arrivals=100 / 1800, mean_s=180, agents=14, contacts=1_500)
    found = rehearse(centre, "longest_idle", replications=8, seed=2026)
    agrees(found.measure("waited"), erlang_c(10, 14))


@pytest.mark.slow
def test_erlang_a():
    centre = one_type(arrivals=48 / 60, mean_s=60, agents=50, contacts=1_500, patience_s=120)
    found = rehearse(centre, "longest_idle", replications=8, seed=2026)
    exact = many_servers(48, 1, 50, 0.5)
    agrees(found.measure("abandoned"), exact.p_abandon)
    agrees(found.measure("mean_wait_s"), exact.mean_wait * 60)
    assert exact.p_abandon == pytest.approx(0.030912, abs=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(("rule", "in_system"), [("least_busy", 1.259451), ("most_busy", 1.490479)])
def test_chats(rule, in_system):
    centre = chats([1, 1.6, 1.9], 1_500)
    found = rehearse(centre, rule, replications=8, seed=2026)
    exact = chat_centre(14, 10, [1, 1.6, 1.9], 0.5, rule)
    agrees(found.measure("in_system_s"), exact.mean_in_system * 60)
    assert exact.mean_in_system == pytest.approx(in_system, abs=1e-6)


def test_the_arrivals_of_a_log_come_again(tmp_path):
    rows = some_rows()
    write(tmp_path / "log.parquet", rows)
    kind = {"arrivals": {"per_hour": 1}, "handle": {"mean_s": 60}}
    groups = {"all": {"agents": 2, "skills": {"q0": 1, "q1": 1}}}
    scenario = make_scenario(
        {"types": {"q0": kind, "q1": kind}, "groups": groups, "length": 3600, "warm_up": 0}
    )
    found = rehearse(scenario, replications=1, log=tmp_path)
    contacts = {row.contact.session for row in rows}
    assert found.sums["arrived_n"].sum() == len(contacts)
