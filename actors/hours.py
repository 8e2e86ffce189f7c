"""Whether a queue is open at an instant: time zones, holidays, summer time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from actors.config import HoursConfig

LOOK_DAYS = 400


def is_open(hours: HoursConfig | None, now: float) -> bool:
    """Tell whether a queue with these hours is open; None: it always is.

    Args:
        now: seconds since 1970. The local clock decides, so that an hour that comes twice in autumn
            counts twice and one that is skipped in spring not at all.
    """
    if hours is None:
        return True
    local = datetime.fromtimestamp(now, UTC).astimezone(_zone(hours.time_zone))
    spans = hours.days.get(local.date().isoformat(), hours.week[local.weekday()])
    minute = local.hour * 60 + local.minute
    return any(start <= minute < end for start, end in spans)


def next_opening(hours: HoursConfig | None, now: float) -> float:
    """Return the first instant from `now` on at which a queue with these hours is open; 0.0: never
    in the next 400 days."""
    if is_open(hours, now):
        return now
    assert hours is not None
    zone = _zone(hours.time_zone)
    today = datetime.fromtimestamp(now, zone).date()
    for date in (today + timedelta(days=n) for n in range(LOOK_DAYS)):
        spans = hours.days.get(date.isoformat(), hours.week[date.weekday()])
        for start, _ in sorted(spans):
            at = datetime(date.year, date.month, date.day, tzinfo=zone) + timedelta(minutes=start)
            # A local time that summer time skips is read as one an hour on: still inside, or not.
            opens = at.timestamp()
            if opens > now and is_open(hours, opens):
                return opens
    return 0.0


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
