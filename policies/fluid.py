"""The fluid model of a centre: a linear program for what agents could be worth at best."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.optimize import linprog  # type: ignore[import-untyped] # scipy ships no types
from scipy.sparse import csr_array  # type: ignore[import-untyped] # the same

from policies.arrays import Floats

TIME_LIMIT_S = 2.0
"""A plan is made while contacts wait; 10,000 pairs take a tenth of it."""


class Fluid(NamedTuple):
    """The best plan when chance is left out. Q queues, G groups."""

    worth_per_s: float
    """No policy earns more in the long run: an upper bound."""
    flow: Floats
    """(G, Q) contacts per second that each group serves."""
    contact_price: Floats
    """(Q,) what one more contact would be worth."""
    second_price: Floats
    """(G,) what one more second of an agent's work would be worth."""


def best_plan(worth: Floats, mean_s: Floats, arrivals_per_s: Floats, work: Floats) -> Fluid:
    """Return the plan of the most reward per second, and its shadow prices.

    `worth` (G, Q): expected reward of serving one, minus infinity where the group may not;
    `mean_s` (G, Q) seconds of work for it; `arrivals_per_s` (Q,); `work` (G,) seconds of work that
    the group does per second: its agents, for agents with one contact at a time. Maximises the sum
    of worth x flow, flows at most the arrivals of each queue and the work of each group. Source:
    Harrison and Lopez (1999), "Heavy traffic resource pooling in parallel-server systems";
    Talluri and van Ryzin (1998), "An analysis of bid-price controls", for the prices.

    Raises:
        ValueError: there is no plan, or none within `TIME_LIMIT_S`.
    """
    groups, queues = worth.shape
    allowed = np.isfinite(worth)
    found = linprog(
        -np.where(allowed, worth, 0.0).ravel(),
        A_ub=_used_by(mean_s),
        b_ub=np.concatenate([arrivals_per_s, work]),
        bounds=[(0.0, None if may else 0.0) for may in allowed.ravel()],
        method="highs",
        options={"time_limit": TIME_LIMIT_S},
    )
    if found.x is None:
        raise ValueError(f"no plan of {groups} groups and {queues} queues: {found.message}")
    prices = -np.asarray(found.ineqlin.marginals, dtype=np.float64)
    return Fluid(
        worth_per_s=-float(found.fun),
        flow=np.asarray(found.x, dtype=np.float64).reshape(groups, queues),
        contact_price=prices[:queues],
        second_price=prices[queues:],
    )


def _used_by(mean_s: Floats) -> csr_array:
    """Return (Q + G, G x Q) what each flow takes of each queue's arrivals and each group's work."""
    groups, queues = mean_s.shape
    flow = np.arange(groups * queues)
    rows = np.concatenate([flow % queues, queues + flow // queues])
    values = np.concatenate([np.ones(len(flow)), mean_s.ravel()])
    return csr_array((values, (rows, np.tile(flow, 2))), shape=(queues + groups, len(flow)))
