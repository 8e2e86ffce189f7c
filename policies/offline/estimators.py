"""The estimators: each turns a log into pairs whose ratio of sums is the target's value.

One pair (above, below) per decision: below is 1 for plain means and the weight for `snips`. The
intervals of `policies.offline.intervals` need nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from policies.arrays import Floats
from policies.offline.intervals import Method, interval
from policies.offline.logged import LogError, Logged
from policies.sim.estimates import Estimate


class Pairs(NamedTuple):
    """(n,) above and below the line, one entry per decision."""

    above: Floats
    below: Floats


Estimator = Callable[[Logged], Pairs]


def ips(log: Logged) -> Pairs:
    """Weigh each reward by target over logging probability. Unbiased where there is support.

    Source: Horvitz and Thompson, JASA 47 (1952).
    """
    return Pairs(log.weight * log.reward, np.ones(log.n))


def snips(log: Logged) -> Pairs:
    """Divide by the sum of weights instead of n: a little bias, much less variance.

    Source: Swaminathan and Joachims, "The self-normalized estimator for counterfactual learning",
    NIPS 2015.
    """
    return Pairs(log.weight * log.reward, log.weight)


def dm(log: Logged) -> Pairs:
    """Believe the model: the reward it predicts of what the target would do."""
    return Pairs(_believed(log)[0], np.ones(log.n))


def dr(log: Logged) -> Pairs:
    """Believe the model, and correct it by the weighted errors seen: right if either is.

    Source: Dudík, Langford and Li, "Doubly robust policy evaluation and learning", ICML 2011.
    """
    value, error = _believed(log)
    return Pairs(value + log.weight * error, np.ones(log.n))


def switch_dr(log: Logged, threshold: float | None = None) -> Pairs:
    """Correct the model only where the weight is at most a threshold; None: chosen by `threshold`.

    Source: Wang, Agarwal and Dudík, "Optimal and adaptive off-policy evaluation in contextual
    bandits", ICML 2017.
    """
    value, error = _believed(log)
    most = best_threshold(log) if threshold is None else threshold
    kept = np.where(log.weight <= most, log.weight, 0.0)
    return Pairs(value + kept * error, np.ones(log.n))


def best_threshold(log: Logged) -> float:
    """Return the switch with the smallest estimate of squared bias plus variance.

    The bias of a switch is at most the target's mass beyond it (the mean of the larger weights)
    times the largest error seen (section 3.3 of Wang et al.); candidates are quantiles of weights.
    """
    value, error = _believed(log)
    weight, n = log.weight, log.n
    choices = np.unique(np.quantile(weight, np.linspace(0.5, 1.0, 21)))
    largest = float(np.abs(error).max())

    def cost(most: float) -> float:
        terms = value + np.where(weight <= most, weight, 0.0) * error
        beyond = float(np.where(weight > most, weight, 0.0).mean())
        return float(terms.var() / n + (beyond * largest) ** 2)

    return float(min(choices[::-1], key=cost))


ESTIMATORS: dict[str, Estimator] = {
    "ips": ips,
    "snips": snips,
    "dm": dm,
    "dr": dr,
    "switch_dr": switch_dr,
}
"""By name; `dm` and what follows need the log's `predicted`."""
NEEDS_MODEL = frozenset({"dm", "dr", "switch_dr"})


def usable(log: Logged) -> list[str]:
    """Return the names of the estimators that the log has enough columns for."""
    modelled = log.predicted is not None and log.complete
    return [name for name in ESTIMATORS if modelled or name not in NEEDS_MODEL]


def estimate(log: Logged, name: str, method: Method = "t", seed: int = 0) -> Estimate:
    """Return one estimate of the target's value with a 95 % interval.

    Raises:
        LogError: there is no estimator of that name, or the log has no model's predictions.
    """
    if name not in ESTIMATORS:
        raise LogError(f"estimator: {name!r}; allowed: {', '.join(ESTIMATORS)}")
    above, below = ESTIMATORS[name](log)
    return interval(above, below, method=method, cluster=log.cluster, seed=seed)


def _believed(log: Logged) -> tuple[Floats, Floats]:
    """Return (n,) the target's value by the model, and how wrong it was about what was done."""
    if log.predicted is None or not log.complete:
        raise LogError("predicted: missing; allowed: a prediction for every candidate")
    value = log.per_decision(log.target * log.predicted)
    return value, log.reward - log.predicted[log.chosen]
