"""Numbers with their uncertainty, from independent replications."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import stdtrit  # type: ignore[import-untyped] # scipy ships no types

from policies.arrays import Floats

CONFIDENCE = 0.95


class Estimate(NamedTuple):
    """A mean with its standard error and its 95 % confidence interval."""

    value: float
    se: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.6g} ± {(self.high - self.low) / 2:.2g}"


def _around(value: float, deviations: Floats) -> Estimate:
    n = len(deviations)
    se = float(np.sqrt((deviations**2).sum() / (n * (n - 1)))) if n > 1 else float("nan")
    reach = float(stdtrit(n - 1, 0.5 + CONFIDENCE / 2)) * se if n > 1 else float("nan")
    return Estimate(value, se, value - reach, value + reach)


def _deviations(above: Floats, below: Floats) -> tuple[float, Floats]:
    """Return the ratio of the sums, and how each replication pulls at it."""
    total = below.sum()
    if total == 0.0:
        return float("nan"), np.full(len(above), np.nan)
    value = float(above.sum() / total)
    return value, (above - value * below) / below.mean()


def ratio(above: Floats, below: Floats) -> Estimate:
    """Estimate E[above] / E[below] from one pair per replication, by the delta method.

    Source: Law (2015), "Simulation modeling and analysis", section 9.5.
    """
    value, deviations = _deviations(above, below)
    return _around(value, deviations)


def difference(above: Floats, below: Floats, other_above: Floats, other_below: Floats) -> Estimate:
    """Estimate the first ratio less the other; replications are pairs with the same dice."""
    value, deviations = _deviations(above, below)
    other, other_deviations = _deviations(other_above, other_below)
    return _around(value - other, deviations - other_deviations)
