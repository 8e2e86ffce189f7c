"""A candidate never skips a gate, never passes without evidence, and can always be taken back."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from policies.promotion.evidence import (
    Comparison,
    Explored,
    Lift,
    Offline,
    Ramped,
    Shadowed,
    Simulator,
)
from policies.promotion.gates import ASKS, ORDER, Gates, Stage, shortcomings
from policies.promotion.health import breaches
from policies.promotion.machine import (
    Advance,
    Event,
    Promotion,
    Restart,
    RollBack,
    Submit,
    Watch,
    step,
)

GATES = Gates()
numbers = st.floats(allow_nan=True, allow_infinity=True)
near = st.sampled_from([-0.5, -0.02, 0.0, 0.01, 0.5, float("nan")])
lifts = st.builds(Lift, near, near, near)
counts = st.sampled_from([0, 1, 40, 60, 500, 5_000])
shares = st.sampled_from([0.0, 0.3, 0.78, 0.8, 0.82, 1.0])
comparisons = st.lists(
    st.builds(
        Comparison,
        st.sampled_from(["service_level", "solved"]),
        st.sampled_from(["", "vip=yes", "lang=zh"]),
        counts,
        shares,
        counts,
        shares,
    ),
    max_size=4,
).map(tuple)
good_arms = (Comparison("service_level", "", 5_000, 0.8, 500, 0.82),)
evidence = st.one_of(
    st.builds(Offline, st.just("dr"), lifts, st.sampled_from([10.0, 900.0]), near),
    st.builds(Simulator, st.just("worth"), lifts, lifts, st.sampled_from([2, 20])),
    st.builds(Shadowed, counts, counts, counts),
    st.builds(Explored, lifts, numbers, numbers),
    st.builds(Ramped, comparisons, st.sampled_from([1.0, 48.0])),
    st.sampled_from(
        [
            Offline("dr", Lift(0.1, 0.05, 0.15), 900.0, 0.0),
            Simulator("worth", Lift(0.1, 0.05, 0.15), Lift(0.0, 0.0, 0.1), 20),
            Shadowed(5_000, 5_000, 4_000),
            Explored(Lift(0.1, 0.05, 0.15), 900.0, 0.0),
            Ramped(good_arms, 48.0),
        ]
    ),
)
events = st.one_of(
    evidence.map(Submit),
    evidence.map(Submit),
    st.sampled_from(Stage).map(Advance),
    st.sampled_from(ORDER).map(Advance),
    st.just("advance"),
    st.just("advance"),
    comparisons.map(Watch),
    st.just(RollBack("because")),
    st.integers(1, 3).map(Restart),
)


def begin() -> Promotion:
    return Promotion(experiment="x", candidate="new", live="old", since=0.0)


@given(st.lists(events, max_size=60))
@settings(max_examples=80, deadline=None)
def test_no_gate_is_skipped_or_passed_without_evidence(told: list[Event | str]) -> None:
    state, proven = begin(), False
    for now, asked in enumerate(told, 1):
        event = Advance(state.stage) if isinstance(asked, str) else asked
        before = state
        done = step(state, event, float(now), GATES)
        state = done.state
        assert step(state, event, float(now), GATES).state == state or isinstance(event, Advance)
        if isinstance(event, Submit) and before.stage in ASKS:
            proven = not shortcomings(before.stage, event.evidence, GATES)
        if state.stage is before.stage:
            assert state.history == before.history
            continue
        assert state.since == now
        if state.stage is Stage.ROLLED_BACK:
            assert isinstance(event, RollBack | Watch)
            assert not isinstance(event, Watch) or before.share > 0
        elif before.stage is Stage.ROLLED_BACK:
            assert state.stage is Stage.OFFLINE
            assert state.attempt == before.attempt + 1
        else:
            assert isinstance(event, Advance)
            assert ORDER.index(state.stage) == ORDER.index(before.stage) + 1
            assert proven
        proven = False


@given(st.lists(events, max_size=30))
@settings(max_examples=25, deadline=None)
def test_it_can_be_taken_back_from_anywhere_and_once_is_enough(told: list[Event | str]) -> None:
    state = begin()
    for event in told:
        asked = Advance(state.stage) if isinstance(event, str) else event
        state = step(state, asked, 1.0, GATES).state
    back = step(state, RollBack("enough"), 2.0, GATES).state
    assert (back.stage, back.share) == (Stage.ROLLED_BACK, 0.0)
    assert step(back, RollBack("enough"), 3.0, GATES).state == back


@given(st.sampled_from(Stage), evidence)
def test_a_repeated_advance_moves_once(stage: Stage, proof: object) -> None:
    state = begin()
    passed = step(state, Submit(Offline("dr", Lift(0.1, 0.05, 0.2), 900.0, 0.0)), 1.0, GATES)
    once = step(passed.state, Advance(Stage.OFFLINE), 2.0, GATES).state
    assert once.stage is Stage.SIMULATOR
    assert step(once, Advance(Stage.OFFLINE), 3.0, GATES).state == once


@given(comparisons)
def test_a_breach_while_contacts_are_the_candidates_takes_it_back(arms: tuple[Comparison]) -> None:
    for stage in ORDER:
        state = Promotion(experiment="x", candidate="n", live="o", stage=stage, since=0.0)
        after = step(state, Watch(arms), 1.0, GATES).state
        broken = bool(breaches(arms, GATES.limits)) and state.share > 0
        assert (after.stage is Stage.ROLLED_BACK) == broken
