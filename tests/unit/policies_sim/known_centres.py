"""Centres whose exact answers are known, as scenario data."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from policies.sim import Scenario, make_scenario
from policies.sim.simulation import Engine

ENGINES: tuple[Engine, ...] = ("compiled", "python")
both_engines = pytest.mark.parametrize(
    "engine", ["compiled", pytest.param("python", marks=pytest.mark.slow)]
)


def scenario(
    types: dict[str, Any], groups: dict[str, Any], *, length: float, **more: Any
) -> Scenario:
    """Return a scenario that watches the last nine tenths of `length` seconds, or as told."""
    data = {"types": types, "groups": groups, "length": length, "warm_up": length / 10}
    return make_scenario({**data, "period_s": length, **more})


def one_type(
    *,
    arrivals: float,
    mean_s: float,
    agents: int,
    contacts: float,
    patience_s: float | None = None,
    **kind: Any,
) -> Scenario:
    """Return one type served by equal agents; `arrivals` per second."""
    given: dict[str, Any] = {
        "arrivals": {"per_hour": arrivals * 3600},
        "handle": {"mean_s": mean_s},
        **kind,
    }
    if patience_s is not None:
        given["patience"] = {"mean_s": patience_s}
    return scenario(
        {"help": given},
        {"all": {"agents": agents, "skills": {"help": 1}}},
        length=contacts / arrivals,
    )


def unequal_agents(contacts: float) -> Scenario:
    """Return three agents with rates 0.5, 1 and 1.5 per second, arrivals 2.4."""
    groups = {
        name: {"agents": 1, "skills": {"help": 1}, "handle_factor": {"help": 1 / rate}}
        for name, rate in {"slow": 0.5, "even": 1.0, "fast": 1.5}.items()
    }
    types = {"help": {"arrivals": {"per_hour": 2.4 * 3600}, "handle": {"mean_s": 1}}}
    return scenario(types, groups, length=contacts / 2.4)


def six_skills(per_agent: int, contacts: float) -> Scenario:
    """Return Wallace and Whitt's centre: 6 types, 90 agents with `per_agent` skills, 120 lines."""
    names = [f"t{n}" for n in range(6)]
    types = {
        name: {"arrivals": {"per_hour": 84}, "handle": {"mean_s": 600}, "service_level_s": 30}
        for name in names
    }
    sets = list(permutations(names, min(per_agent, 2))) if per_agent < 6 else [tuple(names)]
    groups = {
        "-".join(s): {
            "agents": 90 // len(sets),
            "skills": dict.fromkeys(s, 1),
            "priority": {name: place + 1 for place, name in enumerate(s)} if len(s) < 6 else {},
        }
        for s in sets
    }
    length = contacts / 504 * 3600
    return scenario(types, groups, length=length, warm_up=length * 0.4, lines=120)


def chats(rates: list[float], contacts: float) -> Scenario:
    """Return ten agents with up to `len(rates)` chats, arrivals 14 per minute, patience 2 min."""
    types = {
        "chat": {
            "arrivals": {"per_hour": 14 * 60},
            "handle": {"mean_s": 60},
            "patience": {"mean_s": 120},
        }
    }
    groups = {"all": {"agents": 10, "skills": {"chat": 1}, "capacity": len(rates), "rates": rates}}
    return scenario(types, groups, length=contacts / 14 * 60)
