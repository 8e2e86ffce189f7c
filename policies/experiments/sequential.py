"""When an experiment may stop early, and still be wrong no more often than promised.

Looking every day and stopping at the first "significant" day finds effects where there are none.
Two remedies, both for pairs of blocks in the order in which they are complete:

- `AlwaysValid`: an interval that holds at every instant at once: look as often as you like, stop
  when you like. Source: Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, "Time-uniform central
  limit theory and asymptotic confidence sequences", Annals of Statistics 52 (2024), theorem 2.2;
  the mixture goes back to Robbins (1970).
- `AlphaSpending`: looks planned as shares of the experiment, narrower at the end. Source: Lan and
  DeMets, "Discrete sequential boundaries for clinical trials", Biometrika 70 (1983), with spending
  like O'Brien and Fleming's; boundaries by the recursion of Armitage, McPherson and Rowe (1969).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq  # type: ignore[import-untyped] # scipy ships no types
from scipy.stats import norm  # type: ignore[import-untyped]

from policies.arrays import Floats
from policies.sim.estimates import Estimate

FEWEST = 10
"""Pairs before which the normal limit is not trusted."""
_GRID_N = 400


class Look(NamedTuple):
    """One look at a running experiment."""

    pairs_n: int
    estimate: Estimate
    """With the interval that holds in spite of other looks."""
    stop: bool
    """The interval leaves out no effect at all."""


@dataclass(frozen=True)
class AlwaysValid:
    """A confidence sequence that is tightest about `planned_n` pairs."""

    planned_n: int
    alpha: float = 0.05

    def look(self, difference: Floats) -> Look:
        """Return what (t,) differences within pairs so far say."""
        t = len(difference)
        value = float(difference.mean()) if t else 0.0
        if t < FEWEST:
            infinite = float("inf")
            return Look(t, Estimate(value, infinite, -infinite, infinite), stop=False)
        se = float(difference.std(ddof=1) / np.sqrt(t))
        reach = se * np.sqrt(t) * self.radius(t)
        return Look(t, Estimate(value, se, value - reach, value + reach), stop=abs(value) > reach)

    def radius(self, t: float) -> float:
        """Return the half width of the interval after t pairs, in standard deviations."""
        told = -2 * np.log(self.alpha)
        rho2 = (told + np.log(told) + 1) / self.planned_n
        grown = t * rho2 + 1
        return float(np.sqrt(2 * grown / (t**2 * rho2) * np.log(np.sqrt(grown) / self.alpha)))


@dataclass(frozen=True)
class AlphaSpending:
    """Looks when `shares` of `planned_n` pairs are complete; the last share is 1."""

    planned_n: int
    shares: tuple[float, ...]
    alpha: float = 0.05

    def __post_init__(self) -> None:
        if not self.shares or list(self.shares) != sorted(set(self.shares)):
            raise ValueError(f"shares: {self.shares}; allowed: ascending, up to 1")
        if not 0 < self.shares[0] <= self.shares[-1] <= 1:
            raise ValueError(f"shares: {self.shares}; allowed: above 0, up to 1")

    def boundaries(self) -> list[float]:
        """Return for each look the |z| from which the experiment may stop."""
        return _boundaries(np.array(self.shares), self.alpha)

    def look(self, difference: Floats) -> Look:
        """Return what (t,) differences so far say; between looks nothing may stop."""
        t = len(difference)
        due = [n for n, share in enumerate(self.shares) if t >= round(share * self.planned_n)]
        if not due or t < 2:
            infinite = float("inf")
            return Look(t, Estimate(float("nan"), infinite, -infinite, infinite), stop=False)
        at = max(2, min(t, round(self.shares[due[-1]] * self.planned_n)))
        seen = difference[:at]
        value, se = float(seen.mean()), float(seen.std(ddof=1) / np.sqrt(at))
        reach = self.boundaries()[due[-1]] * se
        return Look(at, Estimate(value, se, value - reach, value + reach), stop=abs(value) > reach)


def spent(share: Floats, alpha: float) -> Floats:
    """Return how much of alpha, on both sides together, may be used up by then."""
    used: Floats = 4 * norm.sf(norm.isf(alpha / 4) / np.sqrt(share))
    return used


def _boundaries(share: Floats, alpha: float) -> list[float]:
    """Carry the density of the unstopped score from look to look, and cut off what may be spent."""
    used = np.diff(np.concatenate([[0.0], spent(share, alpha)]))
    first = float(norm.isf(used[0] / 2))
    found = [first]
    grid = _grid(first * np.sqrt(share[0]))
    density = norm.pdf(grid, scale=np.sqrt(share[0]))
    for step, now, may in zip(np.diff(share), share[1:], used[1:], strict=True):
        width, spread = float(grid[1] - grid[0]), float(np.sqrt(step))

        def beyond(z: float, g: Floats = grid, d: Floats = density) -> float:
            edge = z * np.sqrt(now)  # noqa: B023 - called at once
            tail = norm.sf((edge - g) / spread) + norm.cdf((-edge - g) / spread)  # noqa: B023
            return _trapezoid(d * tail, width) - float(may)  # noqa: B023

        found.append(float(brentq(beyond, 0.1, 40.0)))
        new = _grid(found[-1] * np.sqrt(now))
        kernel = norm.pdf((new[:, None] - grid[None, :]) / spread) / spread
        weights = np.full(len(grid), width)
        weights[[0, -1]] /= 2
        grid, density = new, kernel @ (density * weights)
    return found


def _grid(edge: float) -> Floats:
    return np.linspace(-edge, edge, _GRID_N * 2 + 1)


def _trapezoid(values: Floats, width: float) -> float:
    return width * float(values[1:].sum() + values[:-1].sum()) / 2
