"""Regret: what learning costs, against the same rule that knows everything from the start."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from policies.arrays import Floats
from policies.sim.estimates import Estimate, ratio
from policies.sim.kernel.floor import SERVED
from policies.sim.scenario import Scenario
from policies.sim.simulation import Progress, Replication, Setting, replicate


class Regret(NamedTuple):
    """Expected reward lost by the first so many contacts, in all."""

    contacts_n: int
    lost: Estimate


def worth_so_far(setting: Setting, run: Replication) -> Floats:
    """Return the expected reward of the first 1, 2, ... contacts, in order of arrival."""
    fate, types = run.visits.fate[: run.rows], run.visits.type[: run.rows]
    served = fate["outcome"] == SERVED
    crew = run.agents["crew"][np.where(served, fate["agent"], 0)]
    worth = setting.centre.fit["solve"][crew, types] * setting.centre.kinds["reward"][types]
    total: Floats = np.cumsum(np.where(served, worth, 0.0))
    return total


def regret(
    scenario: Scenario,
    learner: str,
    informed: str,
    contacts: Sequence[int],
    *,
    replications: int = 16,
    seed: int = 1,
    progress: Progress | None = None,
) -> list[Regret]:
    """Return what a learner has lost after so many `contacts`, on the same dice as `informed`.

    The scenario is made long enough for the largest number.
    """
    per_s = sum(kind.arrivals[0].per_hour for kind in scenario.types.values()) / 3600.0
    length = max(contacts) / per_s * 1.05
    setting = Setting.of(scenario.model_copy(update={"length": length, "warm_up": 0.0}))
    lost = np.zeros((replications, len(contacts)))
    for number in range(replications):
        totals = [
            worth_so_far(setting, replicate(setting, policy, "auto", seed, number))
            for policy in (informed, learner)
        ]
        for column, n in enumerate(contacts):
            lost[number, column] = totals[0][n - 1] - totals[1][n - 1]
        if progress is not None:
            progress(number + 1, replications)
    ones = np.ones(replications)
    return [Regret(n, ratio(lost[:, column], ones)) for column, n in enumerate(contacts)]
