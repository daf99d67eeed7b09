"""Times on the pages: in the viewer's zone, with its name."""

import difflib
import re
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from clipcast.clock import clock
from clipcast.common.timestamps import in_utc, known_zones, parse_instant, plain_zone

ZONE_COOKIE = "clipcast_zone"
DEFAULT_ZONE = "UTC"
LOCAL_INPUT = "%Y-%m-%dT%H:%M"
SUGGESTIONS = 3
# An instant as messages of the API write it.
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


@cache
def zone_names() -> list[str]:
    """Return the IANA names that people choose from."""
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
    return ["UTC", *sorted(name for name in known_zones() if name.partition("/")[0] in areas)]


def city_of(name: str) -> str:
    """Return the city by which people search a zone: `Buenos Aires` for `America/Argentina/Buenos_Aires`."""
    return name.rpartition("/")[2].replace("_", " ")


def zone_named(*names: str | None) -> ZoneInfo:
    """Return the zone of the first valid name; UTC without one."""
    return ZoneInfo(next((name for name in names if name and name in known_zones()), DEFAULT_ZONE))


def read_zone(text: str) -> ZoneInfo:
    """Return the zone of this name. Raises ValueError with a sentence for people that suggests similar names."""
    if text in known_zones():
        return ZoneInfo(text)
    if not text:
        raise ValueError("Choose a time zone from the list, such as Asia/Tokyo.")
    near = near_zones(text)
    hint = f"Did you mean {' or '.join(near)}?" if near else "Choose one from the list, such as Asia/Tokyo."
    raise ValueError(f"The time zone {text[:60]!r} does not exist. {hint}")


def near_zones(text: str) -> list[str]:
    """Return the zones whose city or name is similar to the text."""
    wanted = plain_zone(text[:100])
    by_word: dict[str, str] = {}
    for name in zone_names():
        by_word.setdefault(plain_zone(city_of(name)), name)
        by_word.setdefault(plain_zone(name), name)
    found = [name for word, name in by_word.items() if wanted and word.startswith(wanted)]
    found += [by_word[word] for word in difflib.get_close_matches(wanted, by_word, SUGGESTIONS, 0.75)]
    return list(dict.fromkeys(found))[:SUGGESTIONS]


def shown(instant: datetime, zone: ZoneInfo, seconds: bool = False) -> str:
    """Return the day, the time and the zone's abbreviation, such as `24 Dec 2026, 18:00 -03`."""
    local = instant.astimezone(zone)
    year = f" {local.year}" if local.year != clock.now().astimezone(zone).year else ""
    return f"{local.day} {local:%b}{year}, {local:{'%H:%M:%S' if seconds else '%H:%M'}} {local.tzname()}"


def planned(instant: datetime, zone: ZoneInfo) -> str:
    """Return the day with its name, and the time, such as `Thu 24 Dec, 18:00`."""
    local = instant.astimezone(zone)
    year = f" {local.year}" if local.year != clock.now().astimezone(zone).year else ""
    return f"{local:%a} {local.day} {local:%b}{year}, {local:%H:%M}"


def ago(instant: datetime) -> str:
    """Return the distance of an instant from now in one unit: `3 minutes ago`, `in 2 days`."""
    away = instant - clock.now()
    seconds = abs(away.total_seconds())
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= size:
            number = int(seconds // size)
            words = f"{number} {unit}{'s' if number > 1 else ''}"
            return f"in {words}" if away > timedelta() else f"{words} ago"
    return "in a moment" if away > timedelta() else "just now"


def day_title(day: date, zone: ZoneInfo) -> str:
    """Return the name of a day: `Today, Friday 27 November`; with the year if it is another one than now."""
    today = clock.now().astimezone(zone).date()
    near = {-1: "Yesterday, ", 0: "Today, ", 1: "Tomorrow, "}.get((day - today).days, "")
    return f"{near}{day:%A} {day.day} {day:%B}" + (f" {day.year}" if day.year != today.year else "")


def days_in_words(since: str, until: str, zone: ZoneInfo) -> str:
    """Return the days of two `date` fields in words: `From 24 Nov`, `To 30 Nov`; empty without any."""
    this_year = clock.now().astimezone(zone).year

    def name(day: date) -> str:
        return f"{day.day} {day:%b}" + (f" {day.year}" if day.year != this_year else "")

    first, last = (date.fromisoformat(text) if text else None for text in (since, until))
    if first and last:
        if first == last:
            return name(last)
        is_same_month = (first.year, first.month) == (last.year, last.month)
        return f"{first.day if is_same_month else name(first)} – {name(last)}"
    return f"From {name(first)}" if first else f"To {name(last)}" if last else ""


def localized(message: str, zone: ZoneInfo) -> str:
    """Return a message with its instants in this zone."""
    return INSTANT.sub(lambda match: shown(parse_instant(match[0]), zone), message)


def passed(instant: datetime, zone: ZoneInfo) -> str:
    """Return the sentence that an instant has passed, with the time that it is now."""
    return f"{shown(instant, zone)} has passed: it is {shown(clock.now(), zone)}."


def near(instant: datetime, zone: ZoneInfo) -> str:
    """Return when something happens, in a sentence: `today at 18:30`, `on Monday 30 November at 09:00`."""
    local = instant.astimezone(zone)
    name, comma, _ = day_title(local.date(), zone).partition(", ")
    return f"{name.lower() if comma else 'on ' + name} at {local:%H:%M}"


def to_input(instant: datetime, zone: ZoneInfo) -> str:
    """Return the value of a `datetime-local` field, with seconds only if they are not 0."""
    local = instant.astimezone(zone).replace(tzinfo=None)
    if local.microsecond:
        return local.isoformat(timespec="milliseconds")
    return local.strftime(LOCAL_INPUT if not local.second else "%Y-%m-%dT%H:%M:%S")


def from_input(value: str, zone: ZoneInfo, second: bool = False) -> datetime:
    """Return the instant of a `datetime-local` field's value in this zone.

    Where clocks go back, a local time occurs twice; `second` selects the second one. Raises ValueError with a sentence
    for people if the value is not a time, or one that clocks skip.
    """
    try:
        local = datetime.fromisoformat(value)
        if local.tzinfo is not None:
            raise ValueError(value)
        instant = in_utc(local.replace(tzinfo=zone, fold=int(second)))
        back = instant.astimezone(zone).replace(tzinfo=None)
    except (ValueError, OverflowError):
        raise ValueError("Choose a day and a time.") from None
    if back != local:
        after = max(local.replace(tzinfo=zone, fold=fold).astimezone(UTC).astimezone(zone) for fold in (0, 1))
        raise ValueError(
            f"{local:%H:%M} does not exist on {local.day} {local:%b %Y} in {zone.key}: clocks go forward then. "
            f"Choose another time, such as {after:%H:%M}."
        )
    return instant


def comes_twice(value: str, zone: ZoneInfo) -> tuple[datetime, datetime] | None:
    """Return the two instants of a local time that occurs twice, where clocks go back; None for any other time."""
    try:
        first, second = (from_input(value, zone, later) for later in (False, True))
    except ValueError:
        return None
    return (first, second) if first != second else None


def day(value: str, zone: ZoneInfo) -> tuple[datetime, datetime] | None:
    """Return the start and the end of a `date` field's day in this zone; None if the value is not a day."""
    try:
        first = date.fromisoformat(value)
        begins, ends = (datetime.combine(one, time(), zone) for one in (first, first + timedelta(days=1)))
        return begins.astimezone(UTC), ends.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
