"""What a scenario tells the policies that need to know: means, ranks, worth, arrivals, staff."""

from __future__ import annotations

import numpy as np

from policies.arrays import Floats
from policies.prices import LEAST_FLOW, Prices
from policies.sim.centre import crews_of, on_spans, rate_plan
from policies.sim.kernel import floor
from policies.sim.scenario import Scenario, may_serve

Known = dict[tuple[str, str], float]
"""(group, type) -> number, for the types that the group may serve."""


def served_pairs(scenario: Scenario) -> list[tuple[str, str]]:
    """Return every (group, type) such that the group may serve the type."""
    return [
        (group, queue)
        for group, given in scenario.groups.items()
        for queue, kind in scenario.types.items()
        if may_serve(queue, kind, given)
    ]


def mean_handles(scenario: Scenario) -> Known:
    """Return mean handle times in seconds, without wrap-up."""
    types, groups = scenario.types, scenario.groups
    return {
        (g, q): types[q].handle.mean * groups[g].handle_factor.get(q, 1.0)
        for g, q in served_pairs(scenario)
    }


def mean_work(scenario: Scenario) -> Known:
    """Return mean seconds of an agent's work for a contact, wrap-up included."""
    wrap_up = {q: kind.wrap_up.mean if kind.wrap_up else 0.0 for q, kind in scenario.types.items()}
    return {(g, q): mean + wrap_up[q] for (g, q), mean in mean_handles(scenario).items()}


def ranks(scenario: Scenario) -> Known:
    """Return the order in which skills are meant to be used, 1 first."""
    return {(g, q): float(scenario.groups[g].priority.get(q, 1)) for g, q in served_pairs(scenario)}


def solve_chances(scenario: Scenario) -> Known:
    """Return the probabilities of solving."""
    return {(g, q): scenario.groups[g].solve.get(q, 1.0) for g, q in served_pairs(scenario)}


def worths(scenario: Scenario) -> Known:
    """Return the expected reward of serving."""
    return {(g, q): p * scenario.types[q].reward for (g, q), p in solve_chances(scenario).items()}


def arrivals_per_s(scenario: Scenario) -> dict[str, float]:
    """Return mean arrivals per second by type, over the whole run."""
    plan = rate_plan(scenario)
    mean = (plan.per_s * np.diff(plan.edges)[:, None]).sum(axis=0) / plan.edges[-1]
    return dict(zip(scenario.types, mean.tolist(), strict=True))


def staff(scenario: Scenario) -> dict[str, float]:
    """Return seconds of work that each group can do per second: agents on duty, on average over
    the run, times what one does with several contacts at best."""
    length, found = float(scenario.length), dict.fromkeys(scenario.groups, 0.0)
    for crew in crews_of(scenario):
        spans = on_spans(crew.spans, length) if crew.spans else [(0.0, length)]
        share = sum(min(end, length) - begin for begin, end in spans) / length
        found[crew.name] += crew.agents * share * max(crew.group.rates[: crew.group.capacity])
    return found


def leave_per_s(scenario: Scenario) -> dict[str, float]:
    """Return the rate at which one who waits gives up, by type; 0: never."""
    return {q: 1.0 / k.patience.mean if k.patience else 0.0 for q, k in scenario.types.items()}


def price_table(scenario: Scenario, prices: Prices) -> floor.Prices:
    """Return a priced rule's numbers for the compiled engine, crews and types in order."""
    crews, types = crews_of(scenario), list(scenario.types)

    def by_type(found: dict[str, float]) -> Floats:
        return np.array([found.get(q, 0.0) for q in types])

    return floor.Prices(
        worth=np.array([[prices.worth.get((c.name, q), 0.0) for q in types] for c in crews]),
        hope=by_type(dict(prices.hope)),
        flow=np.maximum(by_type(dict(prices.flow)), LEAST_FLOW),
        leave=by_type(dict(prices.leave)),
    )
