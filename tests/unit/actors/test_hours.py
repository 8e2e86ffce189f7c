"""Whether a queue is open: local days, holidays, summer time."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from actors.config import HoursConfig
from actors.hours import is_open, next_opening

DAY = [(9 * 60, 18 * 60)]
WEEK = [DAY, DAY, DAY, DAY, DAY, [], []]


def at(text: str, zone: str, fold: int = 0) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).timestamp()


def test_a_queue_without_hours_is_always_open():
    assert is_open(None, 0.0)


@pytest.mark.parametrize(
    ("text", "open_"),
    [
        ("2027-03-01T08:59:59", False),
        ("2027-03-01T09:00:00", True),
        ("2027-03-01T17:59:59", True),
        ("2027-03-01T18:00:00", False),
        ("2027-02-27T12:00:00", False),
    ],
)
@pytest.mark.parametrize("zone", ["Asia/Shanghai", "America/New_York", "UTC"])
def test_a_day_begins_and_ends_by_the_local_clock(text, open_, zone):
    assert is_open(HoursConfig(time_zone=zone, week=WEEK), at(text, zone)) is open_


def test_a_holiday_replaces_the_day_of_the_week():
    days = {"2027-03-01": [], "2027-02-27": [(600, 660)]}
    hours = HoursConfig(time_zone="Asia/Shanghai", week=WEEK, days=days)
    assert not is_open(hours, at("2027-03-01T12:00:00", "Asia/Shanghai"))
    assert is_open(hours, at("2027-02-27T10:30:00", "Asia/Shanghai"))


def test_the_hour_that_comes_twice_in_autumn_is_open_twice():
    hours = HoursConfig(time_zone="Europe/Berlin", week=[[(120, 180)]] * 7)
    assert is_open(hours, at("2027-10-31T02:30:00", "Europe/Berlin"))
    assert is_open(hours, at("2027-10-31T02:30:00", "Europe/Berlin", fold=1))


def test_the_hour_that_is_skipped_in_spring_never_opens():
    hours = HoursConfig(time_zone="Europe/Berlin", week=[[(120, 180)]] * 7)
    start = at("2027-03-28T00:00:00", "Europe/Berlin")
    assert not any(is_open(hours, start + 60.0 * minute) for minute in range(6 * 60))


@pytest.mark.parametrize(
    ("now", "opens"),
    [
        ("2027-03-01T08:00:00", "2027-03-01T09:00:00"),
        ("2027-03-01T09:30:00", "2027-03-01T09:30:00"),
        ("2027-03-01T18:00:00", "2027-03-02T09:00:00"),
        ("2027-02-26T20:00:00", "2027-03-01T09:00:00"),
    ],
)
@pytest.mark.parametrize("zone", ["Asia/Shanghai", "America/New_York"])
def test_a_closed_queue_opens_at_the_next_span(now, opens, zone):
    hours = HoursConfig(time_zone=zone, week=WEEK)
    assert next_opening(hours, at(now, zone)) == at(opens, zone)


def test_holidays_put_the_opening_off_and_a_queue_that_never_opens_says_so():
    hours = HoursConfig(time_zone="UTC", week=WEEK, days={"2027-03-01": [], "2027-03-02": [(0, 9)]})
    assert next_opening(hours, at("2027-02-27T12:00:00", "UTC")) == at("2027-03-02T00:00:00", "UTC")
    never = HoursConfig(time_zone="UTC", week=[[] for _ in range(7)])
    assert next_opening(never, 0.0) == 0.0


def test_an_opening_in_the_hour_that_summer_time_skips_comes_after_it():
    zone = "America/New_York"
    hours = HoursConfig(time_zone=zone, week=[[(150, 600)] for _ in range(7)])
    opens = next_opening(hours, at("2027-03-14T00:00:00", zone))
    assert is_open(hours, opens)
    assert opens == at("2027-03-14T03:00:00", zone) or opens == at("2027-03-14T03:30:00", zone)
