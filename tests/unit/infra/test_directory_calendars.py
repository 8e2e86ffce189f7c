"""Holidays out of iCalendar files: all-day events, recurrence, and files that mean harm."""

from datetime import date

import pytest

from infra.directory.calendars import read_calendar, with_days
from infra.directory.declared import DeclarationError
from infra.directory.declared_rows import DeclaredHoliday, DeclaredHolidays

SINCE, UNTIL = date(2026, 1, 1), date(2029, 1, 1)


def calendar(*events: str) -> str:
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//t//t//EN"]
    for n, event in enumerate(events):
        head = ["BEGIN:VEVENT", f"UID:{n}", "DTSTAMP:20260101T000000Z"]
        lines += [*head, *event.split("|"), "END:VEVENT"]
    return "\r\n".join([*lines, "END:VCALENDAR", ""])


def dates(text: str) -> list[str]:
    return [day.date.isoformat() for day in read_calendar(text, SINCE, UNTIL)]


def test_an_event_of_several_days_is_each_of_them():
    text = calendar("DTSTART;VALUE=DATE:20270206|DTEND;VALUE=DATE:20270209|SUMMARY:春节")
    assert dates(text) == ["2027-02-06", "2027-02-07", "2027-02-08"]
    assert {day.name for day in read_calendar(text, SINCE, UNTIL)} == {"春节"}


def test_a_yearly_event_is_each_year_in_the_range_but_the_excepted_ones():
    text = calendar("DTSTART;VALUE=DATE:20200501|RRULE:FREQ=YEARLY|EXDATE;VALUE=DATE:20270501")
    assert dates(text) == ["2026-05-01", "2028-05-01"]


@pytest.mark.parametrize(
    "event",
    [
        "DTSTART:20270101T090000Z|DTEND:20270101T100000Z",
        "DTSTART;VALUE=DATE:20270101|STATUS:CANCELLED",
        "DTSTART;VALUE=DATE:20270101|X-APPLE-SPECIAL-DAY:ALTERNATE-WORKDAY",
        "DTSTART;VALUE=DATE:20200101",
    ],
)
def test_what_is_no_holiday_in_the_range_is_left_out(event):
    assert dates(calendar(event)) == []


def test_a_span_of_a_thousand_years_is_cut_to_the_range():
    text = calendar("DTSTART;VALUE=DATE:20261231|DTEND;VALUE=DATE:30000101")
    assert dates(text)[0] == "2026-12-31"
    assert dates(text)[-1] == "2028-12-31"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "cannot be read"),
        ("nothing of the kind", "cannot be read"),
        (calendar("DTSTART;VALUE=DATE:20261301"), "cannot be read"),
        (calendar("DTSTART;VALUE=DATE:20260101|RRULE:FREQ=SECONDLY"), "by years only"),
        (calendar("DTSTART;VALUE=DATE:20260101|RRULE:FREQ=DAILY"), "by years only"),
        (calendar(*["DTSTART;VALUE=DATE:20260101"] * 2001), "more than 2000 events"),
        (calendar(*["DTSTART;VALUE=DATE:20260101|RRULE:FREQ=YEARLY"] * 101), "recurring"),
    ],
)
def test_a_file_that_is_wrong_or_means_harm_is_refused(text, told):
    with pytest.raises(DeclarationError, match=told):
        read_calendar(text, SINCE, UNTIL)


def test_a_day_that_is_there_already_keeps_what_it_says():
    half = DeclaredHoliday(date=date(2027, 1, 1), open=["09:00-12:00"])
    new = [DeclaredHoliday(date=date(2027, 1, 1)), DeclaredHoliday(date=date(2026, 5, 1))]
    merged = with_days(DeclaredHolidays(name="x", days=[half]), new)
    assert merged.days == [new[1], half]
