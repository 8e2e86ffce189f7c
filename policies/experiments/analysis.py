"""What a switchback experiment found: estimates, intervals, and a randomisation test."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy.special import stdtrit  # type: ignore[import-untyped] # scipy ships no types

from policies.arrays import Floats
from policies.experiments.design import Design, DesignError
from policies.sim.estimates import CONFIDENCE, Estimate

SHUFFLES_N = 2_000
FEWEST_PAIRS = 4


class Pairs(NamedTuple):
    """(P,) one row per pair of blocks, in the order in which the pairs were complete."""

    treated: Floats
    """Mean reward of the block of arm 1 ..."""
    control: Floats
    """... and of the block of arm 0."""
    weight: Floats
    """Contacts, the harmonic mean of both blocks."""
    covariate: Floats
    """(P, K) covariates of the block of arm 1 less those of arm 0."""
    completed: Floats
    """(P,) when the second block ended."""


class Finding(NamedTuple):
    """The effect of arm 1 against arm 0, per contact."""

    adjusted: Estimate
    """Regression on differences within pairs, at equal covariates: the one to report."""
    paired: Estimate
    """The same without covariates."""
    horvitz_thompson: Estimate
    """Totals of each arm over their probability, 1/2, per contact: unbiased, and noisier."""
    control: float
    """Mean reward under arm 0."""
    p_value: float
    """Of the randomisation test of no effect on anybody."""
    pairs_n: int
    contacts_n: int

    def table(self) -> dict[str, Any]:
        """Return everything as plain numbers."""
        return {
            name: value._asdict() if isinstance(value, Estimate) else value
            for name, value in self._asdict().items()
        }


def analyse(
    design: Design,
    at: Floats,
    reward: Floats,
    *,
    covariates: Floats | None = None,
    seed: int = 0,
) -> Finding:
    """Return what contacts that arrived at (n,) instants with (n,) rewards say of arm 1.

    `covariates` (B, K): of each block, from nothing that the policy could change; None: how many
    contacts arrived in it, which explains much of how the block went.

    Raises:
        DesignError: too few pairs of blocks have contacts.
    """
    counts, sums = block_sums(design, at, reward)
    given = np.atleast_2d(counts).T if covariates is None else covariates
    pairs = pair_up(design, counts, sums, given)
    adjusted = regressed(pairs.treated - pairs.control, pairs.covariate, pairs.weight)
    nothing = np.zeros((len(pairs.weight), 0))
    return Finding(
        adjusted=adjusted,
        paired=regressed(pairs.treated - pairs.control, nothing, pairs.weight),
        horvitz_thompson=_horvitz_thompson(design, counts, sums),
        control=float(np.average(pairs.control, weights=pairs.weight)),
        p_value=randomisation_test(pairs, seed),
        pairs_n=len(pairs.weight),
        contacts_n=int(counts[design.pair >= 0].sum()),
    )


def block_sums(design: Design, at: Floats, reward: Floats) -> tuple[Floats, Floats]:
    """Return (B,) contacts that count in each block, and (B,) sums of their rewards."""
    block = design.blocks_of(at)
    inside = block >= 0
    counts = np.bincount(block[inside], minlength=design.blocks_n)
    sums = np.bincount(block[inside], reward[inside], design.blocks_n)
    return counts.astype(np.float64), sums.astype(np.float64)


def paired_blocks(design: Design, at: Floats, reward: Floats) -> Pairs:
    """Return the pairs of blocks of (n,) contacts, with arrivals as their covariate.

    Raises:
        DesignError: there are fewer than four.
    """
    counts, sums = block_sums(design, at, reward)
    return pair_up(design, counts, sums, counts[:, None])


def pair_up(design: Design, counts: Floats, sums: Floats, covariates: Floats) -> Pairs:
    """Return the pairs both of whose blocks (B,) have contacts.

    Raises:
        DesignError: there are fewer than four.
    """
    pairs_n = int(design.pair.max()) + 1
    of = np.full((pairs_n, 2), -1)
    paired = design.pair >= 0
    of[design.pair[paired], design.arm[paired]] = np.flatnonzero(paired)
    of = of[(counts[of] > 0).all(axis=1)]
    if len(of) < FEWEST_PAIRS:
        raise DesignError(
            f"pairs: {len(of)} pairs of blocks with contacts; allowed: {FEWEST_PAIRS} and more"
        )
    of = of[np.argsort(of.max(axis=1), kind="stable")]
    control, treated = of[:, 0], of[:, 1]
    return Pairs(
        treated=sums[treated] / counts[treated],
        control=sums[control] / counts[control],
        weight=2 / (1 / counts[treated] + 1 / counts[control]),
        covariate=covariates[treated] - covariates[control],
        completed=design.start + (of.max(axis=1) + 1) * design.block_s,
    )


def regressed(difference: Floats, covariate: Floats, weight: Floats) -> Estimate:
    """Return the weighted mean of (P,) differences where the covariates do not differ.

    The intercept of weighted least squares, with a variance that allows for unequal spread (HC2).
    Source: Fogarty, "Regression-assisted inference for the average treatment effect in paired
    experiments", Biometrika 105 (2018).
    """
    fit = _Regression.of(difference, covariate, weight)
    values, errors = fit.effects(np.ones((1, len(difference))))
    value, se = float(values[0]), float(errors[0])
    free = max(1, len(difference) - 1 - fit.covariates_n)
    reach = float(stdtrit(free, 0.5 + CONFIDENCE / 2)) * se
    return Estimate(value, se, value - reach, value + reach)


class _Regression(NamedTuple):
    """Differences with the covariates' part taken out, ready for any coins."""

    y: Floats
    """(P,) residuals."""
    residual: Floats
    """(P, P) the projection that takes the covariates' part out."""
    scale: Floats
    """(P,) roots of the weights."""
    covariates_n: int

    @classmethod
    def of(cls, difference: Floats, covariate: Floats, weight: Floats) -> _Regression:
        scale = np.sqrt(weight / weight.mean())
        spread = covariate.std(axis=0)
        x = covariate[:, spread > 0] / spread[spread > 0] * scale[:, None]
        residual = np.eye(len(x)) - x @ np.linalg.pinv(x)
        return cls(residual @ (difference * scale), residual, scale, x.shape[1])

    def effects(self, signs: Floats) -> tuple[Floats, Floats]:
        """Return (R,) estimates and standard errors for (R, P) coins; all 1: those thrown.

        Turning a pair around turns its difference and its covariates, which is the same as turning
        the intercept's entry alone (Frisch and Waugh 1933; Lovell 1963).
        """
        ones = (signs * self.scale) @ self.residual
        length = (ones**2).sum(axis=1, keepdims=True)
        value = ones @ self.y / length[:, 0]
        error = self.y - value[:, None] * ones
        leverage = 1 - np.diag(self.residual) + ones**2 / length
        spread = (ones / length) ** 2 * error**2 / (1 - np.minimum(leverage, 1 - 1e-9))
        return value, np.sqrt(spread.sum(axis=1))


def randomisation_test(pairs: Pairs, seed: int = 0, shuffles: int = SHUFFLES_N) -> float:
    """Return how often other coins would have shown at least as much, had there been no effect.

    The coins of the pairs are thrown again, as the design threw them; the statistic is the
    studentised adjusted estimate. Source: Fisher (1935); studentised: Wu and Ding, JASA 116 (2021).
    """
    fit = _Regression.of(pairs.treated - pairs.control, pairs.covariate, pairs.weight)
    n = len(fit.y)
    signs = np.random.default_rng(seed).choice([-1.0, 1.0], size=(shuffles, n))
    value, se = fit.effects(np.vstack([np.ones(n), signs]))
    t = np.abs(np.divide(value, se, out=np.zeros_like(value), where=se > 0))
    return float(1 + (t[1:] >= t[0] - 1e-12).sum()) / (1 + shuffles)


def _horvitz_thompson(design: Design, counts: Floats, sums: Floats) -> Estimate:
    """Return the difference of totals over 1/2, per contact; variance between pairs."""
    paired = design.pair >= 0
    total = counts[paired].sum()
    signed = np.where(design.arm == 1, 2.0, -2.0) * sums / total
    by_pair = np.bincount(design.pair[paired], signed[paired])
    value, n = float(by_pair.sum()), len(by_pair)
    se = float(np.sqrt(n / (n - 1) * ((by_pair - by_pair.mean()) ** 2).sum())) if n > 1 else np.nan
    reach = float(stdtrit(max(1, n - 1), 0.5 + CONFIDENCE / 2)) * se
    return Estimate(value, se, value - reach, value + reach)
