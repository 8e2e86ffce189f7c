"""Random centres: both engines make the same visits, and no contact or capacity is lost."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from policies.sim import Scenario, make_scenario
from policies.sim.kernel.floor import ABANDONED, BLOCKED, SERVED, SILENT, WAITING
from policies.sim.simulation import Replication, Setting, replicate

DETERMINISTIC = (
    "longest_idle",
    "last_idle",
    "least_busy",
    "most_busy",
    "fastest_first",
    "static_skill_priority",
    "value_greedy",
    "lp_value",
)
LENGTH_S = 4 * 3600.0

durations = st.one_of(
    st.builds(lambda m: {"mean_s": m}, st.floats(20, 600)),
    st.builds(
        lambda m, c: {"shape": "lognormal", "mean_s": m, "cv": c},
        st.floats(20, 600),
        st.floats(0.3, 2),
    ),
    st.builds(
        lambda m, c: {"shape": "gamma", "mean_s": m, "cv": c}, st.floats(20, 600), st.floats(0.3, 2)
    ),
    st.builds(
        lambda s: {"shape": "empirical", "samples_s": s},
        st.lists(st.floats(10, 900), min_size=1, max_size=5),
    ),
)


@st.composite
def contact_types(draw: st.DrawFn, names: list[str]) -> dict[str, Any]:
    kind: dict[str, Any] = {
        "arrivals": [
            {"from": 0, "per_hour": draw(st.floats(0, 60))},
            {"from": "01:30", "per_hour": draw(st.floats(1, 60))},
        ],
        "handle": draw(durations),
        "units": draw(st.integers(1, 2)),
        "priority_points": draw(st.sampled_from([0.0, 0.5, 3.0])),
    }
    if draw(st.booleans()):
        kind["patience"] = draw(durations)
        if draw(st.booleans()):
            kind["silent"] = {"share": draw(st.floats(0, 1)), "notice": {"mean_s": 30}}
    if draw(st.booleans()):
        kind["wrap_up"] = draw(durations)
    if draw(st.booleans()):
        kind["transfers"] = [{"to": draw(st.sampled_from(names)), "share": draw(st.floats(0, 0.5))}]
    if draw(st.booleans()):
        kind["retry"] = {"share": draw(st.floats(0, 1)), "after": draw(durations), "most": 2}
    if draw(st.booleans()):
        kind["day_factor"] = {"cv": 0.3}
    return kind


@st.composite
def agent_groups(draw: st.DrawFn, names: list[str]) -> dict[str, Any]:
    skills = draw(st.lists(st.sampled_from(names), min_size=1, unique=True))
    group: dict[str, Any] = {
        "skills": {skill: draw(st.integers(1, 5)) for skill in skills},
        "capacity": draw(st.integers(1, 4)),
        "rates": draw(st.sampled_from([[1.0], [1.0, 1.6, 1.9], [1.0, 1.0, 3.0]])),
        "handle_factor": {skills[0]: draw(st.floats(0.5, 2))},
        "solve": {skills[-1]: draw(st.floats(0, 1))},
    }
    if draw(st.booleans()):
        group["agents"] = draw(st.integers(1, 4))
    else:
        hours = draw(st.sampled_from([["00:00-02:00"], ["00:30-01:00", "01:20-03:00"]]))
        group["shifts"] = [{"agents": draw(st.integers(1, 3)), "hours": hours}]
    return group


@st.composite
def scenarios(draw: st.DrawFn) -> Scenario:
    names = ["a", "b", "c"][: draw(st.integers(1, 3))]
    groups = {f"g{n}": draw(agent_groups(names)) for n in range(draw(st.integers(1, 3)))}
    groups["everyone"] = {"agents": 1, "capacity": 2, "skills": dict.fromkeys(names, 1)}
    return make_scenario(
        {
            "length": LENGTH_S,
            "lines": draw(st.sampled_from([None, 3, 8])),
            "types": {name: draw(contact_types(names)) for name in names},
            "groups": groups,
        }
    )


def story(run: Replication) -> list[tuple[Any, ...]]:
    """Return every visit as plain values; equal runs have equal stories."""
    fate = run.visits.fate[: run.rows]
    return [
        (int(kind), arrived, *(None if np.isnan(field) else field for field in visit))
        for kind, arrived, visit in zip(
            run.visits.type[: run.rows].tolist(),
            run.visits.arrived[: run.rows].tolist(),
            fate[["started", "ended", "agent", "outcome"]].tolist(),
            strict=True,
        )
    ]


@pytest.mark.slow
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(scenarios(), st.sampled_from(DETERMINISTIC), st.integers(0, 1000))
def test_both_engines_make_the_same_visits(scenario: Scenario, policy: str, seed: int) -> None:
    setting = Setting.of(scenario)

    fast = replicate(setting, policy, "compiled", seed, 0)
    slow = replicate(setting, policy, "python", seed, 0)

    assert story(fast) == story(slow)
    assert np.array_equal(fast.agents["busy"], slow.agents["busy"])
    assert np.array_equal(fast.agents["load"], slow.agents["load"])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    scenarios(),
    st.sampled_from([*DETERMINISTIC, "random_eligible"]),
    st.integers(0, 1000),
)
def test_no_contact_is_lost_and_no_agent_overloaded(
    scenario: Scenario, policy: str, seed: int
) -> None:
    setting = Setting.of(scenario)
    run = replicate(setting, policy, "compiled", seed, 0)
    fate, arrived = run.visits.fate[: run.rows], run.visits.arrived[: run.rows]
    served = np.isin(fate["outcome"], (SERVED, SILENT)) & (fate["agent"] >= 0)

    assert set(np.unique(fate["outcome"])) <= {WAITING, SERVED, ABANDONED, SILENT, BLOCKED}
    assert (fate["started"][served] >= arrived[served]).all()
    assert (fate["ended"][fate["outcome"] != WAITING] >= arrived[fate["outcome"] != WAITING]).all()
    for visit in np.flatnonzero(served):
        crew = run.agents["crew"][fate["agent"][visit]]
        assert run.visits.type[visit] in setting.centre.kinds_of[crew]
    for agent in range(len(run.agents)):
        keeps_capacity(setting, run, agent)


def keeps_capacity(setting: Setting, run: Replication, agent: int) -> None:
    """Check the units an agent holds after every beginning and ending of its conversations."""
    fate = run.visits.fate[: run.rows]
    mine = np.flatnonzero((fate["agent"] == agent) & (fate["outcome"] == SERVED))
    units = setting.centre.kinds["units"][run.visits.type[mine]]
    times = np.concatenate([fate["ended"][mine], fate["started"][mine]])
    steps = np.concatenate([-units, units])
    order = np.lexsort((steps, times))
    held = np.cumsum(steps[order])
    assert held.max(initial=0) <= setting.centre.crews["capacity"][run.agents["crew"][agent]]
