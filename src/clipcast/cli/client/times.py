"""Times as people write them after `--at`: ISO 8601, `tomorrow 18:00`, `in 2 hours`, `fri 9:00`."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from clipcast.clock import clock

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
UNITS = {
    "minute": 60,
    "min": 60,
    "m": 60,
    "hour": 3600,
    "h": 3600,
    "day": 86_400,
    "d": 86_400,
    "week": 604_800,
    "w": 604_800,
}
TIME = r"(\d{1,2})(?::(\d{2}))?(?::(\d{2}))?\s*(am|pm)?"
FORMS = 'Use a form such as "2027-01-24 18:00", "tomorrow 18:00", "fri 9:00" or "in 2 hours".'


class NotATime(Exception):
    """The text is not a time, or not one in the future. The message says why, and which forms there are."""


def parse_at(text: str, zone_name: str | None = None) -> datetime | None:
    """Return the instant that `text` means, with the offset of its zone; None for `now`. Raises NotATime.

    `zone_name` is the IANA name of the zone of local times; by default, the zone of this machine.
    """
    try:
        return _parse(text, zone_name)
    except (OverflowError, ValueError):
        # An offset can lead out of the years 1 to 9999.
        raise NotATime(f"{text!r} is no time of this calendar. {FORMS}") from None


def _parse(text: str, zone_name: str | None) -> datetime | None:
    zone = _zone(zone_name)
    words = " ".join(text.lower().split())
    now = clock.now()
    here = now.astimezone(zone)
    if words == "now":
        return None
    if match := re.fullmatch(r"in (an?|\d{1,4}(?:\.\d{1,2})?) ?([a-z]+?)s?", words):
        if match[2] not in UNITS:
            raise NotATime(f"{match[2]!r} is no unit of time. Use minutes, hours, days or weeks.")
        number = 1.0 if match[1] in ("a", "an") else float(match[1])
        found = (now + timedelta(seconds=round(number * UNITS[match[2]]))).replace(microsecond=0)
    elif match := re.fullmatch(rf"(?:([a-z]+) (?:at )?)?{TIME}", words):
        found = _on_day(match[1], _time_of_day(match, text), here, zone)
    else:
        found = _written_out(text, zone)
    if found <= now:
        past = found.astimezone(zone).isoformat()
        raise NotATime(f"{text!r} is {past}, which is not in the future. It is {here:%Y-%m-%d %H:%M} now.")
    return found.astimezone(zone)


def _zone(name: str | None) -> ZoneInfo | None:
    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (ValueError, KeyError, OSError):
        raise NotATime(f"There is no time zone {name!r}. Use an IANA name such as America/Sao_Paulo.") from None


def _time_of_day(match: re.Match[str], text: str) -> time:
    hour, minute, second, half = int(match[2]), int(match[3] or 0), int(match[4] or 0), match[5]
    # A bare number may be anything: a day, an hour or a year.
    if match[3] is None and half is None:
        raise NotATime(f"{text!r} has no time of day. {FORMS}")
    if half:
        if not 1 <= hour <= 12:
            raise NotATime(f"{text!r} is no time of day: {half} goes with the hours 1 to 12.")
        hour = hour % 12 + (12 if half == "pm" else 0)
    try:
        return time(hour, minute, second)
    except ValueError:
        raise NotATime(f"{text!r} is no time of day. Use one from 0:00 to 23:59.") from None


def _on_day(name: str | None, at: time, now: datetime, zone: ZoneInfo | None) -> datetime:
    if name in (None, "today"):
        return _local(datetime.combine(now.date(), at), zone)
    if name == "tomorrow":
        return _local(datetime.combine(now.date() + timedelta(days=1), at), zone)
    number = next((n for n, day in enumerate(DAYS) if len(str(name)) >= 3 and day.startswith(str(name))), None)
    if number is None:
        raise NotATime(f"{name!r} is no day. Use today, tomorrow, or a day of the week such as fri.")
    return _next(number, at, now, zone)


def _next(weekday: int, at: time, now: datetime, zone: ZoneInfo | None) -> datetime:
    """Return the next such time on a day of the week: today, if it is still to come."""
    day: date = now.date() + timedelta(days=(weekday - now.weekday()) % 7)
    found = _local(datetime.combine(day, at), zone)
    return found if found > now else _local(datetime.combine(day + timedelta(days=7), at), zone)


def _written_out(text: str, zone: ZoneInfo | None) -> datetime:
    plain = text.strip()
    if re.fullmatch(r"\d{4}-?\d{2}-?\d{2}", plain):
        raise NotATime(f"{plain!r} has no time of day. Add one, such as {plain} 18:00.")
    try:
        read = datetime.fromisoformat(plain.upper())
    except ValueError:
        raise NotATime(f"{text!r} is not a time. {FORMS}") from None
    return read.astimezone(UTC) if read.tzinfo else _local(read, zone)


def _local(read: datetime, zone: ZoneInfo | None) -> datetime:
    """Return the instant of a local time. Raises NotATime for one that the clocks skip or show twice."""
    first, second = (_instant(read, zone, fold) for fold in (0, 1))
    if first == second:
        return first
    choices = " or ".join(one.astimezone(zone).isoformat() for one in sorted((first, second)))
    back = first.astimezone(zone).replace(tzinfo=None)
    happens = (
        "exists twice, because clocks are set back"
        if back == read
        else "does not exist, because clocks are set forward"
    )
    raise NotATime(f"{read:%Y-%m-%d %H:%M} {happens}. Write {choices}.")


def _instant(read: datetime, zone: ZoneInfo | None, fold: int) -> datetime:
    """Return the instant in UTC, which compares and adds as instants do. `zone` None is this machine's."""
    aware = read.replace(tzinfo=zone, fold=fold) if zone else read.replace(fold=fold).astimezone()
    return aware.astimezone(UTC)
