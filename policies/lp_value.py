"""LP value: a linear program prices agents' time and contacts; every pair is weighed by these."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

import numpy as np

from policies.arrays import Floats
from policies.fluid import best_plan
from policies.prices import Pairs, Prices, most_worthwhile
from policies.view import Match, View

FREE_TIME = 0.95
"""Share of its shadow price that a free agent's time counts: pairs of one plan are equal in price,
and of these the one that is worth most now is right, since the agent is idle at this moment."""
HOLD_S = 300.0
"""A contact is held back no longer than this, whatever it would be worth."""


class LpValue:
    """Serve the pair of most worth after prices, unless waiting for a better agent is worth more.

    Worth of a pair: `worth` less the shadow price of the agent's time for it. A contact whose pair
    is worth less than its own shadow price, times the chance that it is reached before it gives up,
    is held back: it waits for the agents who suit it (`policies.prices`). Without knowledge it is
    longest idle. Source: the prices are bid prices (Talluri and van Ryzin, Management Science 44,
    1998) of the static plan of Harrison and Lopez (Queueing Systems 33, 1999); holding back is the
    slow-server rule of Larsen and Agrawala (IEEE Trans. Software Eng. 9, 1983).
    """

    name = "lp_value"

    def __init__(
        self,
        worth: Pairs | None = None,
        mean_s: Pairs | None = None,
        *,
        arrivals_per_s: Mapping[str, float] | None = None,
        agents: Mapping[str, float] | None = None,
        leave_per_s: Mapping[str, float] | None = None,
        hold_s: float = HOLD_S,
    ) -> None:
        """Price a centre: `worth` and `mean_s` by (group, queue), arrivals and the rate of giving
        up by queue, `agents` by group (times the contacts that one does at once)."""
        self.prices = lp_prices(
            worth or {},
            mean_s or {},
            arrivals_per_s=arrivals_per_s or {},
            agents=agents or {},
            leave_per_s=leave_per_s or {},
            hold_s=hold_s,
        )

    def decide(self, view: View, rng: Random) -> list[Match]:  # noqa: ARG002 - needs no dice
        """Return the matches; see `Policy.decide`."""
        return most_worthwhile(view, self.prices)


def lp_prices(
    worth: Pairs,
    mean_s: Pairs,
    *,
    arrivals_per_s: Mapping[str, float],
    agents: Mapping[str, float],
    leave_per_s: Mapping[str, float],
    hold_s: float = HOLD_S,
) -> Prices:
    """Return the prices of the fluid plan; nothing known: prices that hold nobody back."""
    groups, queues = list(agents), list(arrivals_per_s)
    if not groups or not queues or not worth:
        return Prices(dict(worth))
    value = np.array([[worth.get((g, q), -np.inf) for q in queues] for g in groups])
    means = np.array([[mean_s.get((g, q), 1.0) for q in queues] for g in groups])
    arrivals, work = list(arrivals_per_s.values()), list(agents.values())
    plan = best_plan(value, means, np.array(arrivals), np.array(work))
    priced = value - FREE_TIME * plan.second_price[:, None] * means
    return Prices(
        worth=_finite(priced, groups, queues),
        hope=dict(zip(queues, plan.contact_price.tolist(), strict=True)),
        flow=dict(zip(queues, plan.flow.sum(axis=0).tolist(), strict=True)),
        leave=dict(leave_per_s),
        hold_s=hold_s,
    )


def _finite(table: Floats, groups: list[str], queues: list[str]) -> dict[tuple[str, str], float]:
    """Return the entries of a (G, Q) table that are numbers, by pair."""
    return {
        (group, queue): value
        for group, row in zip(groups, table.tolist(), strict=True)
        for queue, value in zip(queues, row, strict=True)
        if np.isfinite(value)
    }
