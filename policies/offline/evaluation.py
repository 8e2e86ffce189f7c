"""One evaluation: every estimator, its interval, the lift over what was done, and warnings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from policies.arrays import Floats
from policies.offline.diagnostics import Diagnostics, diagnose, warnings_of
from policies.offline.estimators import ESTIMATORS, best_threshold, usable
from policies.offline.intervals import Method, interval
from policies.offline.logged import Logged
from policies.sim.estimates import Estimate


@dataclass(frozen=True)
class Evaluation:
    """What a log says about a target policy."""

    method: Method
    logged: Estimate
    """Mean reward of what was done."""
    estimates: dict[str, Estimate]
    lifts: dict[str, Estimate]
    """Each estimate less `logged`, of the same decisions."""
    threshold: float | None
    """Largest weight that `switch_dr` trusts."""
    diagnostics: Diagnostics
    warnings: tuple[str, ...]

    def table(self) -> dict[str, Any]:
        """Return everything as plain numbers, ready for JSON."""
        return {
            "interval": self.method,
            "logged": self.logged._asdict(),
            "estimates": {name: found._asdict() for name, found in self.estimates.items()},
            "lifts": {name: found._asdict() for name, found in self.lifts.items()},
            "switch_threshold": self.threshold,
            "diagnostics": self.diagnostics._asdict(),
            "warnings": list(self.warnings),
        }


FEW_N, MUCH_SHARE = 200, 0.02
"""With fewer effective decisions, or more of all weight on one, `auto` trusts no normal theory."""


def evaluate(
    log: Logged,
    *,
    interval_method: Method | Literal["auto"] = "auto",
    seed: int = 0,
    warnings: Sequence[str] = (),
) -> Evaluation:
    """Return every estimate that the log has the columns for; `warnings` come first in its own.

    Raises:
        LogError: the log cannot be evaluated.
    """
    log.check("log")
    diagnostics = diagnose(log)
    method = _chosen(diagnostics) if interval_method == "auto" else interval_method
    found, lifts = {}, {}
    ones = np.ones(log.n)
    for name in usable(log):
        above, below = ESTIMATORS[name](log)
        found[name] = interval(above, below, method=method, cluster=log.cluster, seed=seed)
        gain = _gains(above, below, log.reward)
        lifts[name] = interval(gain, ones, method=method, cluster=log.cluster, seed=seed)
    return Evaluation(
        method=method,
        logged=interval(log.reward, ones, method=method, cluster=log.cluster, seed=seed),
        estimates=found,
        lifts=lifts,
        threshold=best_threshold(log) if "switch_dr" in found else None,
        diagnostics=diagnostics,
        warnings=(*warnings, *warnings_of(diagnostics, whole=log.complete and not log.taken_only)),
    )


def _chosen(found: Diagnostics) -> Method:
    normal = found.effective_n >= FEW_N and found.largest_share <= MUCH_SHARE
    return "t" if normal else "empirical_likelihood"


def _gains(above: Floats, below: Floats, reward: Floats) -> Floats:
    """Return (n,) terms whose mean is the ratio less the mean reward, linearised."""
    value = above.sum() / below.sum() if below.sum() else np.nan
    gains: Floats = value + (above - value * below) / below.mean() - reward
    return gains
