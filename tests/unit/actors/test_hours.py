"""Whether a queue is open: local days, holidays, summer time."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from actors.config import HoursConfig
from actors.hours import is_open

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
