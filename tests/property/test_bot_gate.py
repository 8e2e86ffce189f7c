"""The gate and the staged roll-out of a newly learned base, for any numbers and any commands."""

from hypothesis import given
from hypothesis import strategies as st

from bot.rollout import (
    CALIBRATED_N,
    OVER,
    Advance,
    Claim,
    Fail,
    Finish,
    NotNow,
    RollBack,
    begin,
    gate,
    step,
)

share = st.floats(0, 1)


@given(share, share, share)
def test_a_gate_opens_exactly_for_small_losses_and_small_errors(accuracy, live, error):
    stood = gate(items=CALIBRATED_N, accuracy=accuracy, live_accuracy=live, calibration_error=error)
    assert stood.passed == (accuracy >= live - 0.005 - 1e-9 and error <= 0.03)
    assert len(stood.reasons) <= 2


@given(share, st.floats(0, 0.03))
def test_a_version_as_good_as_the_live_one_passes(accuracy, error):
    assert gate(items=9, accuracy=accuracy, live_accuracy=accuracy, calibration_error=error).passed


good = gate(items=10, accuracy=1.0, live_accuracy=1.0, calibration_error=0.0)
bad = gate(items=10, accuracy=0.5, live_accuracy=1.0, calibration_error=0.0)
commands = st.sampled_from(
    [
        Claim(by="w"),
        Finish(good, 2, 1),
        Finish(bad, 2, 1),
        Fail("no"),
        Advance(),
        RollBack(),
    ]
)


@given(st.lists(commands, max_size=12))
def test_no_order_of_commands_lets_an_unproven_version_out(given_commands):
    rollout = begin(0.0, by="w")
    for now, command in enumerate(given_commands, start=1):
        was = rollout
        after = step(rollout, command, float(now))
        if isinstance(after, NotNow):
            continue
        rollout = after
        assert rollout.steps[:-1] == was.steps
        assert was.stage not in OVER or isinstance(command, RollBack)
        if rollout.stage in ("shadow", "tenth", "all"):
            assert rollout.gate is not None
            assert rollout.gate.passed
