"""Reads holidays from an iCalendar file (RFC 5545): the days of its all-day events."""

from __future__ import annotations

import datetime as dt
from typing import Any

import recurring_ical_events  # type: ignore[import-untyped]  # has no stubs
from icalendar import Calendar

from infra.directory.declared import DeclarationError
from infra.directory.declared_rows import DeclaredHoliday, DeclaredHolidays

EVENTS_N = 2000
RECURRING_N = 100
DAYS_N = 4000
NAME_N = 200
"""Bounds: a small file can stand for very many days."""


def read_calendar(text: str, since: dt.date, until: dt.date) -> list[DeclaredHoliday]:
    """Return the days from `since` to before `until` that all-day events cover, closed.

    Recurring events are followed (by years only). Left out: events with a time of day, cancelled
    ones, and days marked as working ones (X-APPLE-SPECIAL-DAY: ALTERNATE-WORKDAY).

    Raises:
        DeclarationError: the text is no calendar, or stands for too much.
    """
    try:
        calendar = Calendar.from_ical(text)
        _check_bounds(calendar)
        events = recurring_ical_events.of(calendar).between(since, until)
    except DeclarationError:
        raise
    except Exception as error:  # noqa: BLE001  # the parser raises whatever its parts do
        raise DeclarationError(f"the calendar cannot be read: {error}"[:500]) from None
    days: dict[dt.date, str] = {}
    for event in events:
        if _counts(event):
            for day in _days(event, since, until):
                days.setdefault(day, _name(event))
    if len(days) > DAYS_N:
        raise DeclarationError(f"the calendar has more than {DAYS_N} days")
    return [DeclaredHoliday(date=day, name=name) for day, name in sorted(days.items())]


def with_days(holidays: DeclaredHolidays, new: list[DeclaredHoliday]) -> DeclaredHolidays:
    """Return the calendar with these days added; a date that it has already keeps what it says."""
    known = {day.date for day in holidays.days}
    days = [*holidays.days, *(day for day in new if day.date not in known)]
    return holidays.model_copy(update={"days": sorted(days, key=lambda day: day.date)})


def _check_bounds(calendar: Calendar) -> None:
    events = calendar.walk("VEVENT")
    if len(events) > EVENTS_N:
        raise DeclarationError(f"the calendar has more than {EVENTS_N} events")
    rules = [rule for event in events for rule in _rules(event)]
    if len(rules) > RECURRING_N:
        raise DeclarationError(f"the calendar has more than {RECURRING_N} recurring events")
    for rule in rules:
        if [str(one).upper() for one in rule.get("FREQ", [])] != ["YEARLY"]:
            raise DeclarationError("holidays recur by years only (FREQ=YEARLY)")


def _rules(event: Any) -> list[Any]:
    found = event.get("RRULE")
    if found is None:
        return []
    return found if isinstance(found, list) else [found]


def _counts(event: Any) -> bool:
    start = event.start
    timed = isinstance(start, dt.datetime)
    special = str(event.get("X-APPLE-SPECIAL-DAY", "")).upper()
    cancelled = str(event.get("STATUS", "")).upper() == "CANCELLED"
    return not timed and not cancelled and special != "ALTERNATE-WORKDAY"


def _days(event: Any, since: dt.date, until: dt.date) -> list[dt.date]:
    start, end = max(event.start, since), min(max(event.end, event.start + dt.timedelta(1)), until)
    return [start + dt.timedelta(n) for n in range((end - start).days)]


def _name(event: Any) -> str:
    text = str(event.get("SUMMARY", "")).replace("\x00", "")
    return text[:NAME_N]
