"""Who is worse off, beyond chance."""

from __future__ import annotations

import numpy as np

from policies.promotion.evidence import Comparison
from policies.promotion.health import SERVICE_LEVEL, Limits, breaches


def arms(measure: str, group: str, live: float, candidate: float, n: int = 2_000) -> Comparison:
    return Comparison(measure, group, n, live, n, candidate)


def test_a_clear_loss_is_a_breach_and_a_small_one_is_not() -> None:
    assert breaches([arms(SERVICE_LEVEL, "", 0.80, 0.70)], Limits()) == [
        "service_level: 0.700, live 0.800"
    ]
    assert breaches([arms(SERVICE_LEVEL, "", 0.80, 0.79)], Limits()) == []
    assert breaches([arms(SERVICE_LEVEL, "", 0.80, 0.70, n=60)], Limits()) == []
    assert breaches([arms(SERVICE_LEVEL, "", 0.80, 0.00, n=40)], Limits()) == []


def test_a_group_that_loses_is_a_breach_though_all_gain() -> None:
    found = breaches(
        [arms("solved", "", 0.70, 0.75, n=9_000), arms("solved", "lang=zh", 0.70, 0.60)], Limits()
    )
    assert found == ["solved of lang=zh: 0.600, live 0.700"]


def test_a_group_that_is_left_behind_is_a_breach() -> None:
    found = breaches(
        [arms("solved", "", 0.60, 0.75, n=9_000), arms("solved", "vip=yes", 0.60, 0.60)], Limits()
    )
    assert found == ["solved of vip=yes: +0.000, while all contacts got +0.150"]


def test_the_floor_holds_whatever_the_live_policy_does() -> None:
    limits = Limits(floor=0.75)
    assert breaches([arms(SERVICE_LEVEL, "", 0.60, 0.60)], limits) == [
        "service_level: 0.600, below 0.750"
    ]
    alone = Comparison(SERVICE_LEVEL, "", 0, 0.0, 2_000, 0.60)
    assert breaches([alone], limits) == ["service_level: 0.600, below 0.750"]
    assert breaches([alone], Limits()) == []


def test_alike_arms_are_taken_back_no_more_often_than_promised() -> None:
    dice, alarms, looks = np.random.default_rng(2), 0, 1_000
    groups = ["", "vip=yes", "vip=no", "lang=zh", "lang=en"]
    for _ in range(looks):
        seen = [
            Comparison("solved", g, 500, dice.binomial(500, 0.7) / 500, 100,
                       dice.binomial(100, 0.7) / 100)
            for g in groups
        ]  # fmt: skip
        alarms += bool(breaches(seen, Limits()))
    assert alarms / looks <= 0.05
