"""Service level against cost: one scenario at several numbers of agents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from policies.sim.centre import crews_of
from policies.sim.results import Result
from policies.sim.scenario import Scenario
from policies.sim.simulation import Engine, Progress, simulate, staffed_seconds
from policies.view import Policy


@dataclass(frozen=True)
class Point:
    """One policy at one number of agents."""

    factor: float
    agents_n: int
    cost: float
    """Of the agents' time on shift; in hours where no group has a cost per hour."""
    result: Result

    def table(self) -> dict[str, Any]:
        """Return the point as plain numbers."""
        return {
            "factor": self.factor,
            "agents": self.agents_n,
            "cost": self.cost,
            **self.result.table(),
        }


def with_agents(scenario: Scenario, factor: float) -> Scenario:
    """Return the scenario with every crew's agents multiplied, rounded, at least one."""

    def scaled(agents: int) -> int:
        return max(1, round(agents * factor))

    groups = {}
    for name, group in scenario.groups.items():
        shifts = [
            shift.model_copy(update={"agents": scaled(shift.agents)}) for shift in group.shifts
        ]
        agents = None if group.agents is None else scaled(group.agents)
        groups[name] = group.model_copy(update={"agents": agents, "shifts": shifts})
    return scenario.model_copy(update={"groups": groups})


def cost_of(scenario: Scenario) -> float:
    """Return what the agents' time costs, or the hours themselves when nothing has a price."""
    crews = crews_of(scenario)
    priced = any(crew.group.cost_per_hour for crew in crews)
    hours = staffed_seconds(scenario) / 3600
    prices = [crew.group.cost_per_hour if priced else 1.0 for crew in crews]
    return float(sum(hour * price for hour, price in zip(hours, prices, strict=True)))


def sweep(
    scenario: Scenario,
    policies: Sequence[str | Policy],
    factors: Sequence[float],
    *,
    replications: int | None = None,
    seed: int | None = None,
    engine: Engine = "auto",
    progress: Progress | None = None,
) -> list[Point]:
    """Return every policy at every number of agents, all with the same contacts."""
    points: list[Point] = []
    for policy in policies:
        for factor in factors:
            staffed = with_agents(scenario, factor)
            result = simulate(staffed, policy, replications=replications, seed=seed, engine=engine)
            agents = sum(crew.agents for crew in crews_of(staffed))
            points.append(Point(factor, agents, cost_of(staffed), result))
            if progress is not None:
                progress(len(points), len(policies) * len(factors))
    return points
