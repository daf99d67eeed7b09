"""The days that a calendar shows: a month, a week, or a list of two weeks with the week's strip."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)
WEEK = timedelta(days=7)
VIEWS = {"month": "Month", "week": "Week", "list": "List"}
LIST_DAYS = 14
# Calendars are of these years, so that every day has neighbours.
YEARS = range(1971, 2200)


@dataclass(frozen=True)
class Span:
    """The shown days. `before` and `after` are the days at which the neighbouring spans begin."""

    view: str
    at: date
    days: list[date]
    title: str
    before: date
    after: date

    @property
    def strip(self) -> list[date]:
        """The week of the day that the list begins with."""
        return _days(_monday(self.at), 7)

    def is_outside(self, day: date) -> bool:
        """Return whether the day is of a month's grid, but of another month."""
        return self.view == "month" and day.month != self.at.month


def read_day(text: str, today: date) -> date:
    """Return the day of an address, and today if it names none."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return today
    return found if found.year in YEARS else today


def span_of(view: str, at: date) -> Span:
    """Return the span of this view that holds the day. Weeks begin on Monday."""
    if view == "month":
        first = at.replace(day=1)
        after = (first + timedelta(days=32)).replace(day=1)
        begins, last = _monday(first), after - DAY
        number = (last - begins).days + 7 - last.weekday()
        return Span(view, at, _days(begins, number), f"{at:%B %Y}", (first - DAY).replace(day=1), after)
    monday = _monday(at)
    if view == "week":
        return Span(view, at, _days(monday, 7), _week_title(monday), monday - WEEK, monday + WEEK)
    days = _days(monday, (at - monday).days + LIST_DAYS)
    return Span("list", at, days, f"{at:%B %Y}", monday - WEEK, monday + WEEK)


def bounds(day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return the first instant of a day in this zone, and that of the next one. Days of clock changes are longer or
    shorter than others."""
    begins, ends = (datetime.combine(one, time(), zone).astimezone(UTC) for one in (day, day + DAY))
    return begins, ends


def name_of(day: date, today: date) -> str:
    """Return a day in words: `Today`, `Tomorrow`, `Sunday 29 November`, with the year if it is another one."""
    near = {0: "Today", 1: "Tomorrow", -1: "Yesterday"}.get((day - today).days)
    return near or f"{day:%A} {day.day} {day:%B}" + (f" {day.year}" if day.year != today.year else "")


def address(base: str, view: str, at: date, filters: Mapping[str, str]) -> str:
    """Return the address of a calendar."""
    return f"{base}/calendar?" + urlencode({"view": view, "at": str(at)} | dict(filters))


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _days(first: date, number: int) -> list[date]:
    return [first + timedelta(days=count) for count in range(number)]


def _week_title(monday: date) -> str:
    sunday = monday + 6 * DAY
    if monday.month == sunday.month:
        return f"{monday.day} – {sunday.day} {sunday:%B %Y}"
    year = f" {monday.year}" if monday.year != sunday.year else ""
    return f"{monday.day} {monday:%b}{year} – {sunday.day} {sunday:%b %Y}"
