"""The id generator, without a store."""

import pytest

from infra.ids import EPOCH_MS, SEQUENCE_N, Snowflake, millis_of

START = EPOCH_MS + 10**10


class Clock:
    """Set by hand; `pause` moves it."""

    def __init__(self, now=START):
        self.now = now
        self.paused_s = []

    def __call__(self):
        return self.now

    def pause(self, seconds):
        self.paused_s.append(seconds)
        self.now += round(seconds * 1000)


def test_an_id_carries_its_time_as_a_decimal_string():
    new = Snowflake(5, Clock()).next()
    assert new.isdecimal()
    assert millis_of(new) == START
    assert int(new) < 2**63


def test_a_clock_a_few_ms_behind_is_waited_for():
    clock = Clock()
    snowflake = Snowflake(1, clock, pause=clock.pause)
    snowflake.next()
    clock.now -= 3
    assert millis_of(snowflake.next()) == START
    assert clock.paused_s == [0.003]


def test_a_clock_an_hour_behind_is_not_waited_for():
    clock = Clock()
    snowflake = Snowflake(1, clock, pause=clock.pause)
    first = snowflake.next()
    clock.now -= 3_600_000
    second = snowflake.next()
    assert int(second) == int(first) + 1
    assert clock.paused_s == []


def test_a_full_millisecond_is_followed_by_the_next():
    snowflake = Snowflake(1, Clock(), pause=lambda _: None)
    ids = [snowflake.next() for _ in range(SEQUENCE_N + 1)]
    assert len(set(ids)) == SEQUENCE_N + 1
    assert millis_of(ids[-1]) == START + 1


def test_a_restart_goes_on_after_the_earlier_holder():
    clock = Clock()
    old = Snowflake(1, clock, horizon_ms=START + 50)
    ids = {old.next() for _ in range(10)}
    clock.now -= 3_600_000
    new = Snowflake(1, clock, after_ms=START + 50)
    later = {new.next() for _ in range(10)}
    assert not ids & later
    assert min(map(int, later)) > max(map(int, ids))


@pytest.mark.parametrize("worker", [-1, 1024])
def test_a_worker_number_out_of_range_is_refused(worker):
    with pytest.raises(ValueError, match=r"0\.\.1023"):
        Snowflake(worker)
