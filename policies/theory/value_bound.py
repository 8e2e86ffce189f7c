"""An upper bound on what a centre can be worth, for any policy."""

from __future__ import annotations

import numpy as np

from policies.fluid import Fluid, best_plan
from policies.sim import facts
from policies.sim.scenario import Scenario


def value_bound(scenario: Scenario) -> Fluid:
    """Return the fluid plan of the scenario's mean arrivals and staff.

    Its `worth_per_s` is at least what any policy earns per second in the long run, chance and
    impatience included: what a policy does on average is a plan of the program. Where rates vary
    it still is, because the program's value is concave in arrivals and staff.
    """
    worth, mean = facts.worths(scenario), facts.mean_work(scenario)
    arrivals, staff = facts.arrivals_per_s(scenario), facts.staff(scenario)
    pairs = [[(g, q) for q in scenario.types] for g in scenario.groups]
    return best_plan(
        np.array([[worth.get(pair, -np.inf) for pair in row] for row in pairs]),
        np.array([[mean.get(pair, 1.0) for pair in row] for row in pairs]),
        np.array(list(arrivals.values())),
        np.array(list(staff.values())),
    )
