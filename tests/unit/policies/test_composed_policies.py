"""Policies made of others, as settings name them; and what they tell the decision log."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from policies import registry
from policies.checks import centres
from policies.decisions import check
from policies.parameters import ParameterError
from policies.rounds import Choice, Round, rows_of
from policies.view import View


def rows(name: str, params: dict[str, object], view: View, seed: int):
    """Return one round's rows, as live dispatch logs them."""
    agents, contacts = list(view.agents()), list(view.waiting)
    matches = registry.make(name, params).decide(view, Random(seed))
    choices = [
        Choice(f"{seed}.{n}", m.contact, m.agent, "offered", m.why) for n, m in enumerate(matches)
    ]
    return rows_of(
        Round(
            id=f"r{seed}", at=view.now, org="acme", trigger="ContactWaiting", seed=seed,
            policy=name, latency_s=0.001, limit=view.limit, detail="full", agents=agents,
            contacts=contacts, queues=list(view.queues.values()), agents_n=len(agents),
            waiting_n=len(contacts), choices=choices,
        )
    )  # fmt: skip


ROOT = Path(__file__).parents[3]
LAST = {"policy": "last_idle"}
SETTINGS: dict[str, dict[str, object]] = {
    "explore": {"epsilon": 0.9, "share": 1.0, "policy": "least_busy"},
    "explore_batch": {"scale": 2.0, "draws": 20},
    "shadow": {"shadows": [LAST], "budget_s": 3_600.0},
    "ramp": {"candidate": LAST, "share": 0.5, "experiment": "new"},
    "labelled": {**LAST, "experiment": "new"},
    "switchback": {"candidate": LAST, "seed": 2, "experiment": "both"},
}


@pytest.mark.parametrize("name", SETTINGS)
def test_what_a_composed_policy_decides_is_a_sound_decision_log(name: str) -> None:
    told = []
    for seed, view in centres(n=30):
        told += check(rows(name, SETTINGS[name], view, seed), "log")
    assert len(told) > 20
    drawn = [row for row in told if row.propensity < 1]
    assert bool(drawn) == name.startswith("explore")
    assert all(bool(row.shadow) == (name == "shadow") for row in told)
    assert {row.experiment for row in told} == {SETTINGS[name].get("experiment", "")}


def test_settings_of_what_lies_within_are_checked() -> None:
    registry.check("explore", {"policy": "fixed_cap", "parameters": {"cap": 2}})
    with pytest.raises(ParameterError, match=r"explore.*: .*no policy named 'oracle'"):
        registry.check("explore", {"policy": "oracle"})
    with pytest.raises(ParameterError, match=r"ramp\.candidate: .*fixed_cap\.cap"):
        registry.check("ramp", {"candidate": {"policy": "fixed_cap", "parameters": {"cap": 0}}})
    with pytest.raises(ParameterError, match=r"switchback.*block_s: 5000.0; allowed with hours"):
        registry.check("switchback", {"block_s": 5_000})
    with pytest.raises(ParameterError, match=r"explore\.epsilon"):
        registry.check("explore", {"epsilon": 2})


@pytest.mark.slow
def test_what_decides_live_loads_neither_the_simulator_nor_what_draws() -> None:
    script = "import sys, policies.registry; print(*sys.modules, sep='\\n')"
    told = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True
    )
    loaded = set(told.stdout.split())
    assert "policies.exploring.gumbel" in loaded
    assert loaded.isdisjoint({"numba", "policies.sim", "matplotlib", "optuna", "pyarrow", "ray"})
