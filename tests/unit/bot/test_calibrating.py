"""Probabilities that mean what they say, and bands that keep their promise."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.calibrating import calibration_error, choose_calibration, isotonic, platt
from bot.combining import Combiner, calibrated, combined, fit_weights, on_top
from bot.decisions import Thresholds
from bot.thresholds import ENOUGH, Judged, choose_thresholds, forecast


def test_the_error_of_a_hand_made_example():
    sure = np.array([0.9, 0.9, 0.9, 0.9, 0.1, 0.1])
    right = np.array([True, True, True, False, False, False])
    assert calibration_error(sure, right, bins=10) == pytest.approx((4 * 0.15 + 2 * 0.1) / 6)
    assert calibration_error(np.zeros(0), np.zeros(0, bool)) == 0


@pytest.mark.parametrize("fit", [platt, isotonic])
def test_too_sure_becomes_fair(fit):
    dice = np.random.default_rng(1)
    truth = dice.uniform(0.3, 0.95, 4000)
    right = dice.random(4000) < truth
    claimed = truth ** (1 / 3)
    fair = on_top(claimed, fit(claimed, right))
    assert calibration_error(claimed, right) > 0.1
    assert calibration_error(fair, right) < 0.03
    assert np.all(np.diff(fair[np.argsort(claimed)]) >= -1e-12)


def test_few_examples_change_nothing():
    assert choose_calibration(np.array([0.9] * 10), np.array([False] * 10)) is None


def test_calibrating_keeps_the_sum_and_the_order_of_the_rest():
    chances = np.array([[0.6, 0.3, 0.1], [0.1, 0.2, 0.7]], np.float32)
    line = platt(np.array([0.6, 0.7] * 50), np.array([False, True] * 50))
    fair = calibrated(chances, line)
    assert fair.sum(axis=1) == pytest.approx([1, 1])
    assert fair[0, 1] / fair[0, 2] == pytest.approx(3, rel=1e-4)


def test_the_view_that_knows_gets_the_weight():
    dice = np.random.default_rng(0)
    right = dice.integers(0, 4, 400)
    knows = np.eye(4)[right] + dice.normal(0, 0.2, (400, 4))
    views = np.stack([knows, *(dice.normal(0, 1, (400, 4)) for _ in range(4))]).astype(np.float32)
    weights = fit_weights([(views, right)])
    assert weights[0] > 3 * max(weights[1:])
    assert (combined(views, weights).argmax(axis=1) == right).mean() > 0.95


def test_known_falls_when_nothing_is_shared():
    views = np.zeros((5, 2, 3), np.float32)
    views[:, 0] = [[0.8], [-0.1], [0.8], [0.7], [0.7]]
    views[:, 0, 1:] = 0
    views[0, 1], views[1, 1] = -1, -3
    _, known = Combiner().judge(views, np.array([1, 0], np.float32), np.array([20, 0], np.float32))
    assert known[0] > 0.6
    assert known[1] < 0.2


@st.composite
def _judged(draw) -> Judged:
    n = draw(st.integers(ENOUGH, 200))
    dice = np.random.default_rng(draw(st.integers(0, 2**32)))
    sure, known = dice.random(n).round(2), dice.random(n).round(2)
    stranger = dice.random(n) < draw(st.sampled_from([0.0, 0.1, 0.5]))
    stranger[0] = False
    right = (dice.random(n) < sure) & ~stranger
    return Judged(confidence=sure, known=known, right=right, stranger=stranger)


@settings(max_examples=60, deadline=None)
@given(_judged(), st.sampled_from([0.5, 0.8, 0.95]))
def test_chosen_bands_keep_the_target_on_what_they_were_chosen_from(judged, target):
    bands = choose_thresholds(judged, target)
    seen = forecast(judged, bands)
    assert 0 <= bands.clarify <= bands.answer <= 1
    assert seen.precision >= target or bands.answer == target
    turned = np.roll(np.arange(len(judged.right)), 7)
    again = Judged(
        confidence=judged.confidence[turned],
        known=judged.known[turned],
        right=judged.right[turned],
        stranger=judged.stranger[turned],
    )
    assert choose_thresholds(again, target) == bands


def test_too_few_reviewed_questions_leave_the_bands():
    some = Judged(
        confidence=np.ones(3), known=np.ones(3), right=np.ones(3, bool), stranger=np.zeros(3, bool)
    )
    assert choose_thresholds(some, 0.9) == Thresholds(target_precision=0.9)


def test_a_higher_target_answers_less():
    dice = np.random.default_rng(5)
    sure = dice.random(2000)
    judged = Judged(
        confidence=sure,
        known=np.ones(2000),
        right=dice.random(2000) < sure,
        stranger=np.zeros(2000, bool),
    )
    covered = [forecast(judged, choose_thresholds(judged, t)).coverage for t in (0.6, 0.8, 0.95)]
    assert covered[0] > covered[1] > covered[2] > 0
