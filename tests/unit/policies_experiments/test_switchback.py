"""Switchback designs and their analysis."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from policies.arrays import Floats
from policies.experiments.analysis import analyse, paired_blocks, randomisation_test
from policies.experiments.design import Days, Design, DesignError

DAY = 86_400.0
MONDAY = 1_767_571_200.0
"""2026-01-05, 00:00 UTC."""
FORTNIGHT = Design(start=MONDAY, end=MONDAY + 14 * DAY, block_s=7_200.0, burn_in_s=1_800.0, seed=3)


def centre(design: Design, effect: float, seed: int) -> tuple[Floats, Floats]:
    """Return arrivals and rewards: more by day than by night, worse when busy, better in arm 1."""
    dice = np.random.default_rng(seed)
    at, reward = [], []
    for block in range(design.blocks_n):
        begins = design.start + block * design.block_s
        hour = (begins - MONDAY) % DAY / 3600
        n = 5 + dice.poisson(30 * (1 + np.sin((hour - 8) / 24 * 2 * np.pi)) + 5)
        load = n / 100
        at.append(begins + dice.random(n) * design.block_s)
        shared = 0.8 - load + effect * design.arm[block] + dice.normal(0, 0.03)
        reward.append(shared + dice.normal(0, 0.2, n))
    return np.concatenate(at), np.concatenate(reward)


def test_the_same_design_gives_the_same_arms_and_a_seed_gives_others() -> None:
    again = replace(FORTNIGHT)
    assert again.arm.tolist() == FORTNIGHT.arm.tolist()
    assert replace(FORTNIGHT, seed=4).arm.tolist() != FORTNIGHT.arm.tolist()


def test_a_longer_experiment_leaves_earlier_blocks_as_they_were() -> None:
    longer = replace(FORTNIGHT, end=FORTNIGHT.end + 7 * DAY)
    assert longer.arm[: FORTNIGHT.blocks_n].tolist() == FORTNIGHT.arm.tolist()


@pytest.mark.parametrize("days", ["weekday", "weekend", "any"])
def test_pairs_are_alike_and_have_one_block_of_each_arm(days: Days) -> None:
    design = replace(FORTNIGHT, days=days)
    for pair in range(int(design.pair.max()) + 1):
        blocks = np.flatnonzero(design.pair == pair)
        assert sorted(design.arm[blocks]) == [0, 1]
        first, second = (design.start + block * design.block_s for block in blocks)
        assert (second - first) % DAY == 0
        kinds = {"weekday": lambda day: day, "weekend": lambda day: day >= 5, "any": lambda _: 0}
        assert len({kinds[days](int((t - MONDAY) // DAY % 7)) for t in (first, second)}) == 1


def test_coins_are_fair_and_the_clock_is_local() -> None:
    arms = [replace(FORTNIGHT, seed=seed).arm[0] for seed in range(200)]
    assert 75 < sum(arms) < 125
    shanghai = replace(FORTNIGHT, zone="Asia/Shanghai")
    assert shanghai._stratum(0) == (0, 4)
    assert FORTNIGHT._stratum(0) == (0, 0)


def test_burn_in_and_what_lies_outside_do_not_count() -> None:
    at = MONDAY + np.array([-1.0, 0.0, 1_799.0, 1_800.0, 7_199.0, 7_200.0, 14 * DAY])
    assert FORTNIGHT.blocks_of(at).tolist() == [-1, -1, -1, 0, 0, -1, -1]
    assert FORTNIGHT.arm_at(MONDAY - 1) == 0
    assert FORTNIGHT.arm_at(MONDAY + 10.0) == FORTNIGHT.arm[0]


def test_intervals_hold_the_true_effect_and_adjusting_for_load_makes_them_shorter() -> None:
    runs = 10
    held, widths = 0, np.zeros((runs, 3))
    for seed in range(runs):
        design = replace(FORTNIGHT, seed=seed)
        found = analyse(design, *centre(design, 0.04, seed), seed=seed)
        held += found.adjusted.low <= 0.04 <= found.adjusted.high
        ways = (found.adjusted, found.paired, found.horvitz_thompson)
        widths[seed] = [one.high - one.low for one in ways]
    assert held >= 0.8 * runs
    adjusted, paired, totals = widths.mean(axis=0)
    assert adjusted < 0.8 * paired
    assert adjusted < 0.9 * totals


def test_the_randomisation_test_rejects_no_effect_as_often_as_promised() -> None:
    p_values = []
    for seed in range(80):
        design = replace(FORTNIGHT, seed=seed, end=MONDAY + 4 * DAY)
        at, reward = centre(design, 0.0, seed)
        pairs = paired_blocks(design, at, reward)
        p_values.append(randomisation_test(pairs, seed, shuffles=99))
    assert np.mean(np.array(p_values) <= 0.1) == pytest.approx(0.1, abs=0.1)
    assert np.mean(p_values) == pytest.approx(0.5, abs=0.1)


def test_by_hand_without_covariates() -> None:
    design = Design(start=0.0, end=8.0, block_s=1.0, days="any", hours=False, seed=1)
    at = np.arange(8) + 0.5
    reward = 1.0 + 2.0 * design.arm.astype(np.float64)
    found = analyse(design, at.astype(np.float64), reward, covariates=np.zeros((8, 0)))
    assert (found.adjusted.value, found.paired.value, found.control) == (2.0, 2.0, 1.0)
    assert found.horvitz_thompson.value == pytest.approx(2.0)
    assert (found.pairs_n, found.contacts_n) == (4, 8)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"block_s": 0.0}, "block_s: 0.0; allowed: above 0"),
        ({"burn_in_s": 7_200.0}, "burn_in_s: 7200.0; allowed: 0 to less than block_s"),
        ({"block_s": 5_000.0}, "block_s: 5000.0; allowed with hours: what divides a day"),
        ({"end": MONDAY}, "end: .*; allowed: 2 to 20000 blocks after the start, not 0"),
        ({"end": 1e15}, "end: .*; allowed: 2 to 20000 blocks after the start"),
    ],
)
def test_a_design_that_cannot_be_run_is_refused(change: dict[str, Any], said: str) -> None:
    with pytest.raises(DesignError, match=said):
        replace(FORTNIGHT, **change)


def test_too_few_pairs_are_refused() -> None:
    with pytest.raises(DesignError, match="pairs: 0 pairs of blocks with contacts; allowed: 4"):
        analyse(FORTNIGHT, np.array([MONDAY + 2_000.0]), np.array([1.0]))
