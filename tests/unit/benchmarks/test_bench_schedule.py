"""The open loop's send times are fixed before the run."""

from __future__ import annotations

import random
from itertools import islice

import pytest

from benchmarks.schedule import paced, poisson


def test_a_paced_schedule_is_even() -> None:
    assert list(islice(paced(4.0), 5)) == [0.0, 0.25, 0.5, 0.75, 1.0]


def test_a_poisson_schedule_keeps_its_rate_and_never_goes_back() -> None:
    times = list(islice(poisson(100.0, random.Random(7)), 20_000))
    assert times == sorted(times)
    assert len(times) / times[-1] == pytest.approx(100.0, rel=0.05)


def test_the_same_seed_gives_the_same_schedule() -> None:
    first, again = (list(islice(poisson(9.0, random.Random(3)), 50)) for _ in range(2))
    assert first == again
