"""95 % intervals for a ratio of means, from one pair per decision, three ways.

| method | idea | when |
|---|---|---|
| `t` | normal theory, linearised ratio, Student's quantile | many decisions, no huge weights |
| `bootstrap` | studentised bootstrap | skewed weights |
| `empirical_likelihood` | the values that the data do not make unlikely | skewed weights, no dice |

Decisions of one cluster (a block of time, a day) are added up first: only clusters count as
independent.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from scipy.optimize import brentq  # type: ignore[import-untyped] # scipy ships no types
from scipy.special import stdtrit  # type: ignore[import-untyped]

from policies.arrays import Floats, Ints
from policies.sim.estimates import CONFIDENCE, Estimate, ratio

Method = Literal["t", "bootstrap", "empirical_likelihood"]
METHODS: tuple[Method, ...] = ("t", "bootstrap", "empirical_likelihood")
RESAMPLES_N = 2000
GROUPS_N = 2000
"""The bootstrap draws groups of decisions when there are more than this."""
_STEPS_N = 60
_TINY = 1e-300


def interval(
    above: Floats,
    below: Floats,
    *,
    method: Method = "t",
    cluster: Ints | None = None,
    seed: int = 0,
) -> Estimate:
    """Estimate E[above] / E[below] from pairs (n,) that are independent between clusters.

    Raises:
        ValueError: there is no such method.
    """
    if method not in METHODS:
        raise ValueError(f"interval: {method!r}; allowed: {', '.join(METHODS)}")
    if cluster is not None:
        above, below = _added_up(above, cluster), _added_up(below, cluster)
    plain = ratio(above, below)
    if method == "t" or not plain.se > 0:
        return plain
    if method == "bootstrap":
        low, high = _bootstrap(above, below, plain, seed)
    else:
        low, high = _empirical_likelihood(above, below, plain)
    return Estimate(plain.value, plain.se, low, high)


def _added_up(values: Floats, cluster: Ints) -> Floats:
    _, number = np.unique(cluster, return_inverse=True)
    return np.bincount(number, values).astype(np.float64)


def _bootstrap(above: Floats, below: Floats, plain: Estimate, seed: int) -> tuple[float, float]:
    """Return the studentised bootstrap's limits.

    Source: Efron and Tibshirani (1993), "An introduction to the bootstrap", section 12.5.
    """
    pairs, seen = _distinct(*_grouped(above, below))
    n, (a1, b1) = int(seen.sum()), pairs.T
    squares = np.stack([a1, b1, a1**2, a1 * b1, b1**2], axis=1)
    dice, ts = np.random.default_rng(seed), []
    for _ in range(RESAMPLES_N // 100):
        times = dice.multinomial(n, seen / n, size=100)
        a, b, aa, ab, bb = (times @ squares).T
        value = np.divide(a, b, out=np.full(100, plain.value), where=b > 0)
        squared = np.maximum(aa - 2 * value * ab + value**2 * bb, 0.0)
        spread = np.sqrt(squared) / np.maximum(b, _TINY)
        ts.append(np.divide(value - plain.value, spread, out=np.zeros(100), where=spread > 0))
    low_t, high_t = np.quantile(np.concatenate(ts), [0.5 - CONFIDENCE / 2, 0.5 + CONFIDENCE / 2])
    return float(plain.value - high_t * plain.se), float(plain.value - low_t * plain.se)


def _grouped(above: Floats, below: Floats) -> tuple[Floats, Floats]:
    if len(above) <= GROUPS_N:
        return above, below
    group = np.arange(len(above)) % GROUPS_N
    sums = np.bincount(group, above), np.bincount(group, below)
    return sums[0].astype(np.float64), sums[1].astype(np.float64)


def _distinct(above: Floats, below: Floats) -> tuple[Floats, Ints]:
    """Return (k, 2) the different pairs, and (k,) how often each is there."""
    pairs, times = np.unique(np.stack([above, below], axis=1), axis=0, return_counts=True)
    return pairs, times


def _empirical_likelihood(above: Floats, below: Floats, plain: Estimate) -> tuple[float, float]:
    """Return where the empirical likelihood ratio crosses its threshold, on either side.

    Source: Owen (2001), "Empirical likelihood", sections 2.9 and 3.4; used for contextual bandits
    by Karampatziakis, Langford and Mineiro, ICML 2020.
    """
    pairs, times = _distinct(above, below)
    threshold = float(stdtrit(len(above) - 1, 0.5 + CONFIDENCE / 2)) ** 2

    def excess(theta: float) -> float:
        return _log_ratio(pairs[:, 0] - theta * pairs[:, 1], times) - threshold

    return _crossing(excess, plain, -1.0), _crossing(excess, plain, 1.0)


def _crossing(excess: Callable[[float], float], plain: Estimate, side: float) -> float:
    far = plain.value + side * plain.se
    while excess(far) < 0:
        far += side * plain.se
    return float(brentq(excess, plain.value, far, xtol=plain.se * 1e-4))


def _log_ratio(errors: Floats, times: Ints) -> float:
    """Return twice the log likelihood that is lost when the errors' mean has to be 0."""
    least, most = float(errors.min()), float(errors.max())
    if least >= 0 or most <= 0:
        return float("inf")
    low, high = -1 / most, -1 / least
    tilt = 0.0
    for _ in range(_STEPS_N):
        scaled = errors / (1 + tilt * errors)
        slope = float(times @ scaled)
        if slope > 0:
            low = tilt
        else:
            high = tilt
        step = slope / float(times @ scaled**2)
        new = tilt + step
        tilt = new if low < new < high else (low + high) / 2
        if abs(step) * max(most, -least) < 1e-9:
            break
    return 2 * float(times @ np.log1p(tilt * errors))
