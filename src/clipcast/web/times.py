"""Instants as the pages show and take them: in the viewer's zone, with its name."""

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from clipcast.clock import clock

ZONE_COOKIE = "clipcast_zone"
DEFAULT_ZONE = "UTC"
LOCAL_INPUT = "%Y-%m-%dT%H:%M"


@cache
def zone_names() -> list[str]:
    """The IANA names that people choose from."""
    areas = (
        "Africa",
        "America",
        "Antarctica",
        "Arctic",
        "Asia",
        "Atlantic",
        "Australia",
        "Europe",
        "Indian",
        "Pacific",
    )
    return ["UTC", *sorted(name for name in available_timezones() if name.partition("/")[0] in areas)]


def zone_named(*names: str | None) -> ZoneInfo:
    """The first of these names that is one."""
    return ZoneInfo(next((name for name in names if name and name in available_timezones()), DEFAULT_ZONE))


def shown(instant: datetime, zone: ZoneInfo) -> str:
    """Such as `24 Dec 2026, 18:00 -03`: the day, the time, and what the zone calls itself then."""
    local = instant.astimezone(zone)
    year = f" {local.year}" if local.year != clock.now().astimezone(zone).year else ""
    return f"{local.day} {local:%b}{year}, {local:%H:%M} {local.tzname()}"


def ago(instant: datetime) -> str:
    """How far away an instant is, in one unit: `3 minutes ago`, `in 2 days`."""
    away = instant - clock.now()
    seconds = abs(away.total_seconds())
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= size:
            number = int(seconds // size)
            words = f"{number} {unit}{'s' if number > 1 else ''}"
            return f"in {words}" if away > timedelta() else f"{words} ago"
    return "in a moment" if away > timedelta() else "just now"


def to_input(instant: datetime, zone: ZoneInfo) -> str:
    """The value of a `datetime-local` field."""
    return instant.astimezone(zone).strftime(LOCAL_INPUT)


def from_input(value: str, zone: ZoneInfo) -> datetime | None:
    """The instant that a `datetime-local` field of this zone means; None when it is none.

    Of a local time that comes twice the first is meant; one that the clocks skip is the instant just as far after
    the change.
    """
    try:
        return datetime.fromisoformat(value).replace(tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def day(value: str, zone: ZoneInfo) -> tuple[datetime, datetime] | None:
    """When the day of a `date` field begins and ends in this zone; None when it is none."""
    try:
        first = date.fromisoformat(value)
        begins, ends = (datetime.combine(one, time(), zone) for one in (first, first + timedelta(days=1)))
        return begins.astimezone(UTC), ends.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
