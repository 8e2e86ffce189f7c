"""No clock, and no order of restarts, makes the generator repeat an id or go backwards."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from infra.ids import EPOCH_MS, IdsStoppedError, Snowflake, millis_of

START = EPOCH_MS + 10**10
HOUR = 3_600_000
jumps = st.lists(
    st.one_of(st.integers(-HOUR, HOUR), st.integers(-6, 6), st.just(0)), min_size=1, max_size=60
)


class JumpingClock:
    """Moves by the next jump at every look; stands still when they are used up."""

    def __init__(self, jumps, now=START):
        self.now = now
        self._jumps = iter(jumps)

    def __call__(self):
        self.now += next(self._jumps, 0)
        return max(EPOCH_MS, self.now)


@given(jumps, st.integers(0, 1023))
def test_ids_strictly_grow_whatever_the_clock_does(jumps, worker):
    snowflake = Snowflake(worker, JumpingClock(jumps), pause=lambda _: None)
    ids = [int(snowflake.next()) for _ in range(100)]
    assert all(a < b for a, b in pairwise(ids))
    assert all((i >> 12) & 1023 == worker for i in ids)


@given(st.lists(jumps, min_size=2, max_size=4), st.integers(1, 1000))
def test_holders_of_one_worker_number_never_share_an_id(lives, span):
    """Each holder starts after the horizon of the one before, which may still be running."""
    horizon, seen = 0, set()
    holders = []
    for moves in lives:
        clock = JumpingClock(moves)
        after, horizon = horizon, max(horizon, clock.now) + span
        holders.append(
            Snowflake(7, clock, after_ms=after, horizon_ms=horizon, pause=lambda _: None)
        )
    for _ in range(40):
        for holder in holders:
            new = holder.next()
            assert new not in seen
            seen.add(new)


@settings(max_examples=20)
@given(st.integers(1, 3))
def test_ids_stop_at_the_horizon(span):
    snowflake = Snowflake(1, lambda: START + HOUR, after_ms=START, horizon_ms=START + span)
    issued = []
    try:
        while len(issued) < 4096 * 4:
            issued.append(snowflake.next())
    except IdsStoppedError:
        pass
    assert issued
    assert len(issued) < 4096 * 4
    assert max(map(millis_of, issued)) == START + span
