"""Whether a log can answer the question at all: weights and support."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from policies.offline.logged import Logged

FEW_EFFECTIVE_N = 100
LOW_ESS = 0.05
HIGH_SHARE = 0.05
WRONG_MEAN_SES = 4.0


class Diagnostics(NamedTuple):
    """What the weights look like."""

    decisions_n: int
    effective_n: float
    """Kish's effective sample size: the squared sum of weights over the sum of squares."""
    ess_share: float
    """Of the decisions."""
    largest_weight: float
    largest_share: float
    """Of all weights, that the largest has."""
    mean_weight: float
    """1 on average if propensities are right and support is full."""
    mean_weight_se: float
    unsupported_n: int
    """Decisions with a candidate that the target may take and the logging policy never did."""
    unsupported_mass: float
    """The target's probability of such candidates, averaged over decisions."""


def diagnose(log: Logged) -> Diagnostics:
    """Return the diagnostics of a log.

    A log that tells propensities of actions taken alone cannot show which candidates have no
    support: the mass is what the mean weight misses of 1, and its decisions are not counted.
    """
    weight = log.weight
    total, squares = float(weight.sum()), float((weight**2).sum())
    lost = log.per_decision(np.where(log.logging <= 0, log.target, 0.0))
    whole = log.complete and not log.taken_only
    mass = float(lost.mean()) if whole else max(0.0, 1.0 - total / log.n)
    return Diagnostics(
        decisions_n=log.n,
        effective_n=total**2 / squares if squares else 0.0,
        ess_share=total**2 / squares / log.n if squares else 0.0,
        largest_weight=float(weight.max()),
        largest_share=float(weight.max()) / total if total else 0.0,
        mean_weight=total / log.n,
        mean_weight_se=float(weight.std(ddof=1) / np.sqrt(log.n)) if log.n > 1 else float("nan"),
        unsupported_n=int((lost > 0).sum()),
        unsupported_mass=mass,
    )


def warnings_of(found: Diagnostics, *, whole: bool) -> list[str]:
    """Return what a reader must know before trusting an estimate, in sentences.

    `whole`: the log tells the propensity of every candidate.
    """
    said = []
    if found.unsupported_n:
        said.append(
            f"support: in {found.unsupported_n} of {found.decisions_n} decisions the target may "
            f"do what the logging policy never did ({100 * found.unsupported_mass:.2f} % of its "
            "probability): ips and snips say nothing about that part"
        )
    if found.effective_n < FEW_EFFECTIVE_N or found.ess_share < LOW_ESS:
        said.append(
            f"effective sample size: {found.effective_n:.0f} of {found.decisions_n} decisions: "
            "the target does other things than the log; explore more, or ask a nearer policy"
        )
    if found.largest_share > HIGH_SHARE:
        said.append(
            f"largest weight: one decision has {100 * found.largest_share:.1f} % of all weight"
        )
    off = abs(found.mean_weight - 1) - (found.unsupported_mass if whole else 0.0)
    if off > WRONG_MEAN_SES * found.mean_weight_se:
        said.append(
            f"mean weight: {found.mean_weight:.4f}, where 1 is expected: propensities are wrong "
            "or support is missing"
        )
    return said
