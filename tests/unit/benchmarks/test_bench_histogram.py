"""Latencies are counted to within a bucket, and histograms of several loaders add up."""

from __future__ import annotations

import pytest

from benchmarks.histogram import Histogram


def filled(*durations: float) -> Histogram:
    histogram = Histogram()
    for seconds in durations:
        histogram.add(seconds)
    return histogram


def test_percentiles_are_exact_to_one_percent() -> None:
    histogram = filled(*(number / 1000 for number in range(1, 1001)))
    for p in (1, 50, 90, 99, 100):
        assert histogram.percentile(p) == pytest.approx(p / 100, rel=0.01)


def test_one_slow_answer_among_hundred_is_the_maximum_but_not_the_median() -> None:
    summary = filled(*[0.001] * 99, 2.0).summary_ms()
    assert summary["p50"] == pytest.approx(1.0, rel=0.01)
    assert summary["p99"] == pytest.approx(1.0, rel=0.01)
    assert summary["max"] == pytest.approx(2000.0, rel=0.01)


def test_merging_two_loaders_is_counting_in_one() -> None:
    left, right = filled(0.001, 0.5), filled(0.02, 0.5)
    left.merge(right)
    assert left.counts == filled(0.001, 0.5, 0.02, 0.5).counts
    assert left.n == 4


def test_an_empty_histogram_and_a_zero_duration_are_no_error() -> None:
    assert Histogram().percentile(99) == 0.0
    assert filled(0.0).percentile(50) == pytest.approx(1e-6, rel=0.01)
