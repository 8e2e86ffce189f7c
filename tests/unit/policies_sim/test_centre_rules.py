"""What happens in a simulated centre, one rule at a time, on both engines."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from policies.sim import make_scenario, simulate
from policies.sim.kernel.floor import BLOCKED, SERVED, SILENT, WAITING
from policies.sim.simulation import Engine, Replication, Setting, replicate

ENGINES: tuple[Engine, ...] = ("compiled", "python")
pytestmark = pytest.mark.parametrize("engine", ENGINES)

HOUR = 3600.0


def one_run(engine: Engine, kind: dict[str, Any], **more: Any) -> Replication:
    """Run one type with fixed handle times once."""
    data: dict[str, Any] = {
        "length": 4 * HOUR,
        "types": {"help": {"handle": {"shape": "fixed", "mean_s": 300}, **kind}},
        "groups": {"all": {"agents": 3, "skills": {"help": 1}}},
        **more,
    }
    return replicate(Setting.of(make_scenario(data)), "longest_idle", engine, 3, 0)


def fates(run: Replication) -> np.ndarray[Any, Any]:
    return run.visits.fate[: run.rows]


def test_a_contact_is_blocked_when_the_lines_are_taken_even_if_an_agent_is_idle(
    engine: Engine,
) -> None:
    run = one_run(engine, {"arrivals": {"per_hour": 30}}, lines=1)
    fate, arrived = fates(run), run.visits.arrived

    served = fate["outcome"] == SERVED
    assert (fate["outcome"] == BLOCKED).any()
    assert (np.diff(fate["started"][served]) >= 300).all()
    for visit in np.flatnonzero(fate["outcome"] == BLOCKED):
        inside = served & (arrived < arrived[visit]) & (fate["ended"] > arrived[visit])
        assert inside.sum() == 1


def test_an_agent_whose_shift_ends_finishes_the_contact_and_takes_no_other(engine: Engine) -> None:
    groups = {
        "all": {"skills": {"help": 1}, "shifts": [{"agents": 2, "hours": ["01:00-02:00"]}]},
    }
    long = {"arrivals": {"per_hour": 60}, "handle": {"shape": "fixed", "mean_s": 420}}
    run = one_run(engine, long, groups=groups)
    fate = fates(run)
    served = fate[fate["outcome"] == SERVED]

    assert served["started"].min() >= HOUR
    assert served["started"].max() < 2 * HOUR < served["ended"].max()
    assert np.allclose(served["ended"] - served["started"], 420)
    assert (fate["outcome"] == WAITING).any()


def test_an_agent_takes_nothing_at_the_instant_at_which_the_shift_ends(engine: Engine) -> None:
    groups = {"all": {"skills": {"help": 1}, "shifts": [{"agents": 2, "hours": ["01:00-02:00"]}]}}
    run = one_run(engine, {"arrivals": {"per_hour": 60}}, groups=groups)
    served = fates(run)[fates(run)["outcome"] == SERVED]

    assert served["ended"].max() == 2 * HOUR
    assert served["started"].max() < 2 * HOUR


def test_the_oldest_are_served_first_when_a_shift_begins(engine: Engine) -> None:
    groups = {"all": {"skills": {"help": 1}, "shifts": [{"agents": 2, "hours": ["01:00-04:00"]}]}}
    run = one_run(engine, {"arrivals": {"per_hour": 12}}, groups=groups)
    fate = fates(run)

    first = np.flatnonzero(fate["started"] == HOUR)
    assert first.tolist() == [0, 1]


def test_wrap_up_keeps_the_agent_but_not_the_customer(engine: Engine) -> None:
    kind = {"arrivals": {"per_hour": 60}, "wrap_up": {"shape": "fixed", "mean_s": 120}}
    run = one_run(engine, kind, groups={"all": {"agents": 1, "skills": {"help": 1}}})
    served = fates(run)[fates(run)["outcome"] == SERVED]

    assert np.allclose(served["ended"] - served["started"], 300)
    assert np.diff(served["started"]).min() == pytest.approx(420)


def test_a_transfer_keeps_its_age_and_its_line(engine: Engine) -> None:
    kind = {"arrivals": {"per_hour": 60}, "transfers": [{"to": "help", "share": 0.5}]}
    run = one_run(engine, kind, lines=4)
    kin, aged = run.visits.kin[: run.rows], run.visits.aged[: run.rows]
    further = kin["origin"] != np.arange(run.rows)

    assert further.any()
    assert (aged[further] == run.visits.arrived[kin["origin"][further]]).all()
    assert (fates(run)["outcome"][further] != BLOCKED).all()


def test_a_blocked_contact_tries_again_at_most_so_often(engine: Engine) -> None:
    retry = {"share": 1.0, "after": {"mean_s": 60}, "most": 2}
    run = one_run(engine, {"arrivals": {"per_hour": 60}, "retry": retry}, lines=1)
    kin, fate = run.visits.kin[: run.rows], fates(run)

    assert kin["attempt"].max() == 2
    blocked = fate["outcome"] == BLOCKED
    tried = np.bincount(kin["origin"], minlength=run.rows)
    first_blocked = blocked & (kin["attempt"] == 0)
    assert (tried[first_blocked] >= 2).all()


def test_who_left_silently_costs_the_agent_the_time_to_notice(engine: Engine) -> None:
    kind = {
        "arrivals": {"per_hour": 80},
        "patience": {"mean_s": 200},
        "silent": {"share": 1.0, "notice": {"shape": "fixed", "mean_s": 45}},
    }
    run = one_run(engine, kind, groups={"all": {"agents": 1, "skills": {"help": 1}}})
    fate = fates(run)
    silent = (fate["outcome"] == SILENT) & (fate["agent"] >= 0)

    assert silent.any()
    assert (fate["ended"][silent] <= fate["started"][silent]).all()
    starts = np.sort(fate["started"][fate["agent"] >= 0])
    assert np.diff(starts).min() == pytest.approx(45)


def test_priority_ages_a_contact_but_does_not_let_it_pass_the_very_old(engine: Engine) -> None:
    kind = {"handle": {"shape": "fixed", "mean_s": 300}, "arrivals": {"per_hour": 14}}
    types = {"plain": kind, "vip": {**kind, "priority_points": 5.0}}
    groups = {"all": {"agents": 2, "skills": {"plain": 1, "vip": 1}}}
    data = {"length": 20 * HOUR, "types": types, "groups": groups}
    run = replicate(Setting.of(make_scenario(data)), "longest_idle", engine, 3, 0)
    served = fates(run)["outcome"] == SERVED
    started = fates(run)["started"][served]
    virtual = (run.visits.arrived - 300.0 * run.visits.type)[: run.rows][served]
    arrived = run.visits.arrived[: run.rows][served]

    order = np.argsort(started, kind="stable")
    for before, after in pairwise(order):
        if arrived[after] < started[before] < started[after]:
            assert virtual[before] <= virtual[after]


def test_arrivals_follow_the_clock_and_the_day(engine: Engine) -> None:
    kind: dict[str, Any] = {
        "arrivals": [{"from": 0, "per_hour": 200}, {"from": "02:00", "per_hour": 50}],
        "handle": {"mean_s": 1},
        "day_factor": {"cv": 0.3},
    }
    data = {
        "length": 4 * HOUR,
        "types": {"help": kind},
        "groups": {"all": {"agents": 5, "skills": {"help": 1}}},
    }
    runs = 200 if engine == "compiled" else 20
    found = simulate(make_scenario(data), "longest_idle", engine=engine, replications=runs)

    for period, expected in enumerate((200, 200, 50, 50)):
        contacts = found.measure("contacts_n", period=period)
        assert abs(contacts.value - expected) <= 3 * contacts.se
    counts = found.sums["arrived_n"].sum(axis=(1, 2))
    spread = np.sqrt(500 + (0.3 * 500) ** 2)
    assert counts.std(ddof=1) == pytest.approx(spread, rel=0.25 if runs > 100 else 0.6)
