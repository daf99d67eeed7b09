"""Times as people write them after `--at`, such as `tomorrow 18:00`, and as they read them: local, with the zone."""

from __future__ import annotations

import os
import re
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
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
MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
TIME = r"(?P<hour>\d{1,2})(?::(?P<minute>\d{2}))?(?::(?P<second>\d{2}))?\s*(?P<half>am|pm)?"
# The most years from a 29 February to the next one, as around 2100.
LEAP_YEARS_APART = 8
# The time of day after the day, or before it.
ORDERS = (rf"(?:(?P<day>\S.*?)(?:,? (?:at )?|(?<=\d)t)){TIME}", rf"{TIME}(?:,? (?:on )?(?P<day>\S.*))?")
# 24/1/2027 is left out: some read it as a day of another month.
DATES = (
    r"(?P<year>\d{4})([-/.])(?P<month>\d{1,2})\2(?P<number>\d{1,2})",
    r"(?P<number>\d{1,2})\.(?P<month>\d{1,2})\.(?P<year>\d{4})",
    r"(?P<number>\d{1,2})(?:st|nd|rd|th)?\.? (?P<name>[a-z]{3,9})\.?,?(?: (?P<year>\d{4}))?",
    r"(?P<name>[a-z]{3,9})\.? (?P<number>\d{1,2})(?:st|nd|rd|th)?,?(?: (?P<year>\d{4}))?",
)
FORMS = 'Use a form such as "2027-01-24 18:00", "tomorrow 18:00", "fri 9:00" or "in 2 hours".'
# An instant in a text of the API.
STAMP = re.compile(r"(?<![\w-])\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z(?![\w-]|\.\w)")
ZONES = "/zoneinfo/"


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
    if match := re.fullmatch(r"in (an?|\d{1,4}(?:\.\d{1,2})?) ?([a-z]+?)(?:(?<=[a-z]{2})s)?", words):
        if match[2] not in UNITS:
            raise NotATime(f"{match[2]!r} is no unit of time. Use minutes, hours, days or weeks.")
        number = 1.0 if match[1] in ("a", "an") else float(match[1])
        found = (now + timedelta(seconds=round(number * UNITS[match[2]]))).replace(microsecond=0)
    elif read := _iso(text):
        found = read.astimezone(UTC) if read.tzinfo else _local(read, zone)
    elif match := next(filter(None, (re.fullmatch(order, words) for order in ORDERS)), None):
        found = _on_day(match["day"], _time_of_day(match, text), here, zone)
    elif _date_of(words, here.date()):
        raise NotATime(f"{text!r} has no time of day. Add one, such as 18:00.")
    else:
        raise NotATime(f"{text!r} is not a time. {FORMS}")
    if found <= now:
        then = local_time(found.isoformat(), zone_name)
        raise NotATime(f"{text!r} is {then}, which is not in the future. It is {here:%Y-%m-%d %H:%M} now.")
    return found.astimezone(zone)


def _iso(text: str) -> datetime | None:
    """Return a time that is written as ISO 8601 says; None for other text."""
    plain = text.strip().upper()
    try:
        return None if re.fullmatch(r"[\dW-]+", plain) else datetime.fromisoformat(plain)
    except ValueError:
        return None


def _zone(name: str | None) -> ZoneInfo | None:
    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (ValueError, KeyError, OSError):
        raise NotATime(f"There is no time zone {name!r}. Use an IANA name such as America/Sao_Paulo.") from None


def _time_of_day(match: re.Match[str], text: str) -> time:
    hour, minute, second = int(match["hour"]), int(match["minute"] or 0), int(match["second"] or 0)
    half = match["half"]
    # A bare number may be anything: a day, an hour or a year.
    if match["minute"] is None and half is None:
        raise NotATime(f"{text!r} has no time of day. {FORMS}")
    if half:
        if not 1 <= hour <= 12:
            raise NotATime(f"{text!r} is no time of day: {half} goes with the hours 1 to 12.")
        hour = hour % 12 + (12 if half == "pm" else 0)
    try:
        return time(hour, minute, second)
    except ValueError:
        raise NotATime(f"{text!r} is no time of day. Use one from 0:00 to 23:59.") from None


def _date_of(text: str, today: date) -> date | None:
    """Return the day that a date names: without a year, the next one. None for other text. Raises NotATime."""
    match = next(filter(None, (re.fullmatch(form, text) for form in DATES)), None)
    if match is None:
        return None
    parts = match.groupdict()
    name = parts.get("name")
    month = (
        int(parts["month"]) if name is None else next((n for n, one in enumerate(MONTHS, 1) if one.startswith(name)), 0)
    )
    if not month and name:
        return None
    years = [int(parts["year"])] if parts["year"] else range(today.year, today.year + LEAP_YEARS_APART + 1)
    days = [day for year in years if (day := _day(year, month, int(parts["number"])))]
    if not days:
        raise NotATime(f"{text!r} is not a time: there is no such day.")
    return next((day for day in days if day >= today), days[0])


def _day(year: int, month: int, number: int) -> date | None:
    try:
        return date(year, month, number)
    except ValueError:
        return None


def _on_day(name: str | None, at: time, now: datetime, zone: ZoneInfo | None) -> datetime:
    if name is None or name == "today":
        return _local(datetime.combine(now.date(), at), zone)
    if name == "tomorrow":
        return _local(datetime.combine(now.date() + timedelta(days=1), at), zone)
    if day := _date_of(name, now.date()):
        return _local(datetime.combine(day, at), zone)
    number = next((n for n, day in enumerate(DAYS) if len(str(name)) >= 3 and day.startswith(str(name))), None)
    if number is None:
        raise NotATime(
            f"{name!r} is no day. Use a date such as 2027-01-24, tomorrow, or a day of the week such as fri."
        )
    return _next(number, at, now, zone)


def _next(weekday: int, at: time, now: datetime, zone: ZoneInfo | None) -> datetime:
    """Return the next such time on a day of the week: today, if it is still to come."""
    day: date = now.date() + timedelta(days=(weekday - now.weekday()) % 7)
    found = _local(datetime.combine(day, at), zone)
    return found if found > now else _local(datetime.combine(day + timedelta(days=7), at), zone)


def local_time(instant: str, zone_name: str | None = None) -> str:
    """Return an instant of the API as people read it: the local time, and the name of the zone.

    `zone_name` is the IANA name of another zone than this machine's.
    """
    try:
        local = datetime.fromisoformat(instant).astimezone(ZoneInfo(zone_name) if zone_name else None)
    except (ValueError, OverflowError):
        return instant
    return f"{local:%Y-%m-%d %H:%M}{f':{local.second:02}' if local.second else ''} {zone_name or _own_zone(local)}"


def with_local_times(text: str) -> str:
    """Return a text with the times of the API in it as local times."""
    return STAMP.sub(lambda found: local_time(found[0]), text)


def _own_zone(local: datetime) -> str:
    """Return the name of this machine's zone: that of its settings, or the offset if they name none."""
    for name in (os.environ.get("TZ", "").removeprefix(":"), str(Path("/etc/localtime").resolve())):
        name = name.rpartition(ZONES)[2]
        try:
            if name and ZoneInfo(name).utcoffset(local.replace(tzinfo=None)) == local.utcoffset():
                return name.removeprefix("Etc/")
        except (ValueError, KeyError, OSError):
            continue
    return f"UTC{local.isoformat()[-6:]}" if local.utcoffset() else "UTC"


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
