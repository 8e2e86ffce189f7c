"""One trial: a policy with its knobs somewhere, on the contacts that every trial gets."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from policies.sim.estimates import Estimate, difference
from policies.sim.results import MEASURES, Result
from policies.sim.scenario import Scenario
from policies.sim.simulation import simulate
from policies.sim.sweep import cost_of, with_agents
from policies.tuning.knobs import AGENTS, Values, policy_at

COST = "cost"
OCCUPANCY = "occupancy"
MORE_IS_BETTER = frozenset({"service_level", "solved", "worth", "contacts_n"})
"""Of everything else, less is better; `max:NAME` or `min:NAME` says otherwise."""
Columns = dict[str, tuple[list[float], list[float]]]
"""Objective -> sums above and below the line, one entry per replication."""


class Objective(NamedTuple):
    """What to push, and which way."""

    name: str
    maximise: bool

    @classmethod
    def named(cls, text: str) -> Objective:
        """Return the objective that a command line means.

        Raises:
            ValueError: there is no such measure.
        """
        way, _, name = text.rpartition(":")
        allowed = [*MEASURES, COST, OCCUPANCY]
        if name not in allowed or way not in {"", "max", "min"}:
            raise ValueError(f"objective: {text!r}; allowed: {', '.join(allowed)}, max:NAME")
        return cls(name, way == "max" or (not way and name in MORE_IS_BETTER))


class Task(NamedTuple):
    """What all trials of a search have in common; travels to other processes."""

    scenario: Scenario
    policy: str
    objectives: tuple[Objective, ...]
    replications: int
    seed: int


class Trial(NamedTuple):
    """What came out."""

    values: dict[str, float]
    columns: Columns

    def estimate(self, objective: str) -> Estimate:
        """Estimate an objective."""
        above, below = (np.array(column) for column in self.columns[objective])
        nothing = np.zeros(len(above)), np.ones(len(above))
        return difference(above, below, *nothing)

    def gain(self, other: Trial, objective: str) -> Estimate:
        """Estimate this trial's objective less the other's; both had the same contacts."""
        mine = [np.array(column) for column in self.columns[objective]]
        theirs = [np.array(column) for column in other.columns[objective]]
        return difference(*mine, *theirs)


def run_trial(task: Task, values: Values) -> Trial:
    """Simulate the centre with the knobs at `values`."""
    scenario = with_agents(task.scenario, values[AGENTS]) if AGENTS in values else task.scenario
    result = simulate(
        scenario,
        policy_at(task.policy, scenario, values),
        replications=task.replications,
        seed=task.seed,
    )
    columns = {o.name: _columns(result, scenario, o.name) for o in task.objectives}
    return Trial(dict(values), columns)


def _columns(result: Result, scenario: Scenario, name: str) -> tuple[list[float], list[float]]:
    runs = len(result.sums)
    if name == COST:
        return [cost_of(scenario)] * runs, [1.0] * runs
    if name == OCCUPANCY:
        return result.busy_s.sum(axis=1).tolist(), [float(result.staffed_s.sum())] * runs
    above, below = (
        result.sums[column].sum(axis=(1, 2)).tolist() if column else [1.0] * runs
        for column in MEASURES[name]
    )
    return above, below
