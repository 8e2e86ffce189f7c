"""How a trained version comes out: every way that a roll-out can go."""

import itertools

import pytest

from bot import rollout as r

GOOD = r.Gate(items=40, accuracy=0.9, live_accuracy=0.9, calibration_error=0.01)
BAD = r.Gate(reasons=["accuracy fell"], items=40)


def go(*commands, automatic=True):
    """Return a roll-out after the commands, an hour apart."""
    found = r.begin(0.0, by="ann", automatic=automatic)
    for n, command in enumerate(commands, 1):
        following = r.step(found, command, n * 3600.0)
        assert isinstance(following, r.Rollout), following
        found = following
    return found


TRAINED = (r.Claim("gw"), r.Finish(GOOD, 7, 6))


def test_the_good_way_is_gate_shadow_tenth_all():
    found = go(*TRAINED, r.Advance("ann"), r.Advance("ann"))
    assert [one.stage for one in found.steps] == [
        "queued",
        "training",
        "shadow",
        "tenth",
        "all",
    ]
    assert (found.version, found.was_live, found.gate) == (7, 6, GOOD)
    assert found.is_over


def test_who_does_not_pass_the_gate_is_never_tried():
    found = go(r.Claim(), r.Finish(BAD, 0, 6))
    assert (found.stage, found.steps[-1].why) == ("rejected", "accuracy fell")
    assert isinstance(r.step(found, r.Advance(), 9.0), r.NotNow)


@pytest.mark.parametrize("n", range(5))
def test_it_can_be_rolled_back_from_everywhere_on_the_way(n):
    way = (*TRAINED, r.Advance(), r.Advance())[:n]
    found = go(*way, r.RollBack("ann", "complaints"))
    assert (found.stage, found.steps[-1].by) == ("rolled_back", "ann")


def test_a_command_that_comes_twice_or_late_changes_nothing():
    commands: tuple[r.Command, ...] = (
        r.Claim(),
        r.Finish(GOOD, 7, 6),
        r.Fail("x"),
        r.Advance(),
        r.RollBack(),
    )
    for way in itertools.product(commands, repeat=3):
        found = r.begin(0.0, by="ann")
        for command in way:
            following = r.step(found, command, 1.0)
            if isinstance(following, r.Rollout):
                assert following.steps[:-1] == found.steps
                found = following
            else:
                assert following.why == f"it is {found.stage}"
    over = go(r.Fail("no draft"))
    assert all(isinstance(r.step(over, one, 9.0), r.NotNow) for one in commands)


def test_a_training_whose_process_died_is_claimed_again_after_a_while():
    found = go(r.Claim("dead"))
    early = r.step(found, r.Claim("other"), found.since + r.CLAIM_S - 1)
    assert isinstance(early, r.NotNow)
    late = r.step(found, r.Claim("other"), found.since + r.CLAIM_S)
    assert late.steps[-1].by == "other"


def seen(n=1000, **more):
    return r.Figures(n=n, **more)


@pytest.mark.parametrize(
    ("way", "figures", "expected"),
    [
        (0, seen(r.SHADOW_N - 1), None),
        (0, seen(disagreed=300), r.Advance),
        (0, seen(disagreed=301), r.RollBack),
        (1, seen(r.TENTH_N - 1), None),
        (1, seen(failed=120, live_n=9000, live_failed=900), r.Advance),
        (1, seen(failed=121, live_n=9000, live_failed=900), r.RollBack),
        (1, seen(failed=30), r.RollBack),
        (2, seen(), None),
    ],
)
def test_an_automatic_one_goes_on_or_back_by_what_was_seen(way, figures, expected):
    commands = (*TRAINED, r.Advance(), r.Advance())[: 2 + way]
    told = r.judge(go(*commands), figures)
    assert told is None if expected is None else type(told) is expected
    assert r.judge(go(*commands, automatic=False), figures) is None


@pytest.mark.parametrize(
    ("accuracy", "live", "error", "passes"),
    [
        (0.900, 0.905, 0.03, True),
        (0.899, 0.905, 0.0, False),
        (0.95, 0.9, 0.031, False),
        (0.1, None, 0.0, True),
    ],
)
def test_the_gate_allows_half_a_point_and_three_percent(accuracy, live, error, passes):
    found = r.gate(items=200, accuracy=accuracy, live_accuracy=live, calibration_error=error)
    assert found.passed is passes
    few = r.gate(items=49, accuracy=accuracy, live_accuracy=accuracy, calibration_error=1.0)
    assert few.passed
    assert r.gate(items=0, accuracy=0.0, live_accuracy=live, calibration_error=1.0).passed
