"""The days of a calendar: whole weeks, and days of 23 to 25 hours where clocks change."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from clipcast.web.calendar_spans import bounds, name_of, read_day, span_of

TODAY = date(2026, 11, 27)


@pytest.mark.parametrize(
    ("day", "first", "last", "before", "after"),
    [
        ("2026-11-27", "2026-10-26", "2026-12-06", "2026-10-01", "2026-12-01"),
        # A month of four weeks, and the two ends of a year.
        ("2027-02-14", "2027-02-01", "2027-02-28", "2027-01-01", "2027-03-01"),
        ("2026-12-31", "2026-11-30", "2027-01-03", "2026-11-01", "2027-01-01"),
        ("2026-01-01", "2025-12-29", "2026-02-01", "2025-12-01", "2026-02-01"),
    ],
)
def test_month_has_whole_weeks_from_monday(day: str, first: str, last: str, before: str, after: str) -> None:
    span = span_of("month", date.fromisoformat(day))
    assert [str(one) for one in (span.days[0], span.days[-1], span.before, span.after)] == [first, last, before, after]
    assert all(later - earlier == timedelta(days=1) for earlier, later in zip(span.days, span.days[1:], strict=False))
    assert {one.month for one in span.days if not span.is_outside(one)} == {span.at.month}


def test_week_and_list_begin_with_the_monday_of_the_day() -> None:
    week, listed = span_of("week", TODAY), span_of("list", TODAY)
    assert (str(week.days[0]), str(week.days[-1]), len(week.days)) == ("2026-11-23", "2026-11-29", 7)
    assert listed.strip == week.days
    # The strip's days before the chosen one have dots; the list begins with the chosen one, and has two weeks.
    assert (listed.days[0], listed.days[-1]) == (week.days[0], TODAY + timedelta(days=13))
    assert (listed.before, listed.after) == (date(2026, 11, 16), date(2026, 11, 30))
    titles = [span_of("week", date.fromisoformat(day)).title for day in ("2026-11-27", "2026-12-01", "2026-12-31")]
    assert titles == ["23 – 29 November 2026", "30 Nov – 6 Dec 2026", "28 Dec 2026 – 3 Jan 2027"]


@pytest.mark.parametrize(
    ("zone", "day", "hours", "begins"),
    [
        ("Europe/Lisbon", "2026-03-29", 23, "2026-03-29T00:00"),
        ("Europe/Lisbon", "2026-10-25", 25, "2026-10-24T23:00"),
        ("Australia/Lord_Howe", "2026-10-04", 23.5, "2026-10-03T13:30"),
        # Clocks skip midnight there: the day begins at 01:00.
        ("Africa/Cairo", "2026-04-24", 23, "2026-04-23T22:00"),
        ("Asia/Kathmandu", "2026-11-27", 24, "2026-11-26T18:15"),
    ],
)
def test_day_of_a_zone_is_as_long_as_its_clocks_make_it(zone: str, day: str, hours: float, begins: str) -> None:
    first, next_one = bounds(date.fromisoformat(day), ZoneInfo(zone))
    assert (next_one - first).total_seconds() == hours * 3600
    assert first == datetime.fromisoformat(begins).replace(tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "soon", "2026-13-01", "0001-01-01", "9999-12-31", "2026-11-27T10:00"])
def test_unusable_day_in_an_address_means_today(text: str) -> None:
    assert read_day(text, TODAY) == TODAY


def test_days_near_today_have_names_and_others_dates() -> None:
    days = (TODAY, date(2026, 11, 28), date(2026, 11, 26), date(2026, 11, 29), date(2027, 1, 1))
    names = ["Today", "Tomorrow", "Yesterday", "Sunday 29 November", "Friday 1 January 2027"]
    assert [name_of(day, TODAY) for day in days] == names
