"""Stopping early, without finding what is not there."""

from __future__ import annotations

import numpy as np
import pytest

from policies.arrays import Floats
from policies.experiments.sequential import AlphaSpending, AlwaysValid, spent

RUNS_N, PLANNED_N = 1_000, 200


def walks(effect: float) -> Floats:
    """Return (runs, pairs) differences with that effect and a standard deviation of 1."""
    return np.random.default_rng(5).normal(effect, 1.0, (RUNS_N, PLANNED_N))


def test_boundaries_are_those_published_for_five_looks() -> None:
    """Lan and DeMets's O'Brien-Fleming-like spending, two-sided 5 %: ldBounds and gsDesign print
    4.877, 3.357, 2.680, 2.290, 2.031."""
    found = AlphaSpending(PLANNED_N, (0.2, 0.4, 0.6, 0.8, 1.0)).boundaries()
    assert found == pytest.approx([4.877, 3.357, 2.680, 2.290, 2.031], abs=2e-3)


def test_one_look_at_the_end_is_the_usual_test_and_all_of_alpha_is_spent() -> None:
    assert AlphaSpending(PLANNED_N, (1.0,)).boundaries() == pytest.approx([1.960], abs=1e-3)
    assert spent(np.array([1.0]), 0.05)[0] == pytest.approx(0.05)


def test_looking_after_every_pair_errs_no_more_often_than_promised() -> None:
    rule, data = AlwaysValid(PLANNED_N), walks(0.0)
    t = np.arange(10, PLANNED_N + 1)
    mean = data.cumsum(axis=1)[:, 9:] / t
    spread = np.sqrt(((data**2).cumsum(axis=1)[:, 9:] / t - mean**2) * t / (t - 1))
    radius = np.array([rule.radius(float(n)) for n in t])
    always = (np.abs(mean) > spread * radius).any(axis=1).mean()
    naive = (np.abs(mean) > 1.96 * spread / np.sqrt(t)).any(axis=1).mean()

    assert always <= 0.05
    assert naive > 0.2
    assert rule.look(data[0]).stop == (abs(mean[0, -1]) > spread[0, -1] * radius[-1])


def test_planned_looks_err_as_often_as_promised_and_stop_early_for_what_is_there() -> None:
    shares = (0.25, 0.5, 0.75, 1.0)
    rule = AlphaSpending(PLANNED_N, shares)
    limits = rule.boundaries()
    at = [round(share * PLANNED_N) for share in shares]

    def stopped(data: Floats) -> Floats:
        z = [abs(data[:, :n].sum(axis=1)) / np.sqrt(n) for n in at]
        return np.array([one > limit for one, limit in zip(z, limits, strict=True)])

    assert stopped(walks(0.0)).any(axis=0).mean() == pytest.approx(0.05, abs=0.021)
    early = stopped(walks(0.35))
    assert early.any(axis=0).mean() > 0.98
    assert early[:2].any(axis=0).mean() > 0.7


def test_nothing_stops_before_the_first_look_or_with_a_handful_of_pairs() -> None:
    huge = np.full(30, 5.0) + np.arange(30) * 1e-3
    assert not AlphaSpending(PLANNED_N, (0.5, 1.0)).look(huge).stop
    assert AlphaSpending(PLANNED_N, (0.1, 1.0)).look(huge).stop
    assert not AlwaysValid(PLANNED_N).look(huge[:9]).stop
    assert AlwaysValid(PLANNED_N).look(huge).stop


def test_looks_that_cannot_be_planned_are_refused() -> None:
    for shares in ((), (0.5, 0.4), (0.0, 1.0), (0.5, 1.5)):
        with pytest.raises(ValueError, match=r"shares: .*; allowed: "):
            AlphaSpending(PLANNED_N, shares)
