"""Estimators against answers that can be worked out by hand.

Two contexts, 1/2 each. Value: (.1*.3 + .2*.5 + .7*.8 + .5*.7 + .4*.6 + .1*.2) / 2 = 0.65.
Weights: [1/6, 2/3, 7] and [5/2, 2, 1/6]. E[w^2] = (.01/.6 + .04/.3 + .49/.1 + .25/.2 + .16/.2
+ .01/.6) / 2 = 3.558333. E[w^2 r] = (.01/.6*.3 + .04/.3*.5 + 4.9*.8 + 1.25*.7 + .8*.6 + .01/.6*.2)
/ 2 = 2.675, less .65^2: 2.2525. DR: values .69 and .61, between them .04^2 = .0016; within
E[w^2 m (1 - m)] = .639; in all .6406.
"""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from policies.offline import Logged, estimate
from policies.offline.diagnostics import diagnose
from policies.offline.estimators import ESTIMATORS
from policies.offline.intervals import Method
from policies.sim.estimates import Estimate
from policies.theory.small_bandit import THREE_ACTIONS, SmallBandit


def drawn(bandit: SmallBandit, n: int, seed: int, *, wrong: float = 0.0) -> Logged:
    """Return a log of n decisions; the model's predictions are off by `wrong`."""
    context, action, reward = bandit.draw(n, np.random.default_rng(seed))
    starts = np.arange(n + 1) * bandit.logging.shape[1]
    return Logged(
        starts=starts,
        chosen=starts[:-1] + action,
        reward=reward,
        logging=bandit.logging[context].ravel(),
        target=bandit.target[context].ravel(),
        predicted=bandit.means[context].ravel() + wrong,
    )


def test_the_exact_answers_are_those_worked_by_hand() -> None:
    assert THREE_ACTIONS.value() == pytest.approx(0.65, abs=1e-12)
    assert THREE_ACTIONS.ips_variance() == pytest.approx(2.2525, abs=1e-12)
    assert THREE_ACTIONS.snips_variance() == pytest.approx(0.700896, abs=1e-6)
    assert THREE_ACTIONS.dr_variance() == pytest.approx(0.6406, abs=1e-12)
    assert THREE_ACTIONS.ess_share() == pytest.approx(1 / 3.558333, abs=1e-6)


N, LOGS_N = 500, 1_000


@pytest.fixture(scope="module")
def thousand() -> dict[str, list[Estimate]]:
    """Estimates of a thousand logs, by estimator."""
    logs = [drawn(THREE_ACTIONS, N, seed) for seed in range(LOGS_N)]
    return {name: [estimate(log, name) for log in logs] for name in ("ips", "snips", "dr")}


@pytest.mark.parametrize(
    ("name", "exact"),
    [
        ("ips", THREE_ACTIONS.ips_variance()),
        ("snips", THREE_ACTIONS.snips_variance()),
        ("dr", THREE_ACTIONS.dr_variance()),
    ],
)
def test_n_times_the_variance_over_a_thousand_logs_is_the_exact_one(
    thousand: dict[str, list[Estimate]], name: str, exact: float
) -> None:
    values = np.array([found.value for found in thousand[name]])

    # The variance of so many values is itself known to within a few per cent.
    error = 4 * exact * np.sqrt(2 / LOGS_N)
    assert N * values.var(ddof=1) == pytest.approx(exact, abs=error)
    assert values.mean() == pytest.approx(0.65, abs=4 * np.sqrt(exact / N / LOGS_N))
    assert N * np.mean([found.se**2 for found in thousand[name]]) == pytest.approx(exact, rel=0.03)


@pytest.mark.parametrize("name", ["ips", "snips", "dr"])
def test_intervals_hold_the_truth_in_93_to_97_of_100_logs(
    thousand: dict[str, list[Estimate]], name: str
) -> None:
    held = sum(found.low <= THREE_ACTIONS.value() <= found.high for found in thousand[name])
    assert 0.93 * LOGS_N <= held <= 0.97 * LOGS_N


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "name"),
    [
        *product(("t", "empirical_likelihood"), ("ips", "snips", "dr", "switch_dr")),
        ("bootstrap", "snips"),
    ],
)
def test_every_interval_of_every_estimator_holds_the_truth_so_often(
    method: Method, name: str
) -> None:
    held = 0
    for seed in range(LOGS_N):
        found = estimate(drawn(THREE_ACTIONS, N, seed), name, method)
        held += found.low <= THREE_ACTIONS.value() <= found.high
    assert 0.93 * LOGS_N <= held <= 0.97 * LOGS_N


def test_the_doubly_robust_estimate_survives_a_wrong_model_and_the_model_does_not() -> None:
    log = drawn(THREE_ACTIONS, 20_000, 1, wrong=0.2)
    robust, believed = estimate(log, "dr"), estimate(log, "dm")

    assert robust.low <= 0.65 <= robust.high
    assert believed.value == pytest.approx(0.85, abs=0.01)


def test_the_effective_sample_size_is_a_share_of_0_281() -> None:
    found = diagnose(drawn(THREE_ACTIONS, 200_000, 1))

    assert found.ess_share == pytest.approx(THREE_ACTIONS.ess_share(), rel=0.01)
    assert found.largest_weight == pytest.approx(7.0)
    assert abs(found.mean_weight - 1) < 4 * found.mean_weight_se


def test_one_decision_by_hand() -> None:
    log = Logged.of([2.0], [1], [[0.5, 0.5]], [[0.25, 0.75]], [[1.0, 3.0]])
    found = {name: make(log).above[0] for name, make in ESTIMATORS.items()}

    # w = 1.5; the model says .25 * 1 + .75 * 3 = 2.5, and is wrong by -1 about what was done.
    assert found == {"ips": 3.0, "snips": 3.0, "dm": 2.5, "dr": 1.0, "switch_dr": 1.0}
