"""Whether a queue is open at an instant: time zones, holidays, summer time."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from actors.config import HoursConfig


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


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
