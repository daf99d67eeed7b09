"""Instants in callers' forms: ISO 8601 with an offset, a zone in brackets (RFC 9557), or a separate zone."""

import re
import unicodedata
from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Annotated, Any
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

TIME_MAX = 100
# RFC 9557: the time, a zone in brackets, then tags. A reader must understand parts that begin with "!".
EXTENDED = re.compile(r"([^\[\]]+)((?:\[!?[A-Za-z0-9_+\-./:=]+\])*)")
SUFFIX = re.compile(r"\[(!?)([^\]]+)\]")
# Some systems list these files beside the zones.
NO_ZONES = {"Factory", "localtime", "posixrules"}


def parse_instant(value: Any) -> datetime:
    """Return the instant that `value` names, in UTC. Raises PydanticCustomError with the problem and the right form."""
    if isinstance(value, datetime) and value.tzinfo:
        return value.astimezone(UTC)
    read, zone = _read(value)
    if read.tzinfo is None:
        raise PydanticCustomError(
            "offset_missing", "The time has no offset, so it is ambiguous. Add an offset, such as Z or -03:00."
        )
    if zone is not None:
        _require_offset_of(zone, read, str(value))
    return in_utc(read)


def resolve_local(value: Any, zone_name: Any) -> datetime:
    """Return the instant of a local time in a zone, in UTC. If the time has an offset, it must be the zone's.

    Raises PydanticCustomError. For a time that the clocks skip or show twice (`local_time_missing`,
    `local_time_ambiguous`) the message names both possible instants.
    """
    zone = _zone(zone_name)
    read, own_zone = _read(value)
    if own_zone is not None and own_zone.key != zone.key:
        raise PydanticCustomError(
            "timezone_mismatch", "The time names the zone {own}, but timezone is {zone}. Remove one of them.",
            {"own": own_zone.key, "zone": zone.key},
        )  # fmt: skip
    if read.tzinfo is not None:
        _require_offset_of(zone, read, str(value))
        return in_utc(read)
    try:
        first, second = (read.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    except (ValueError, OverflowError):
        raise _not_a_time() from None
    if first == second:
        return first
    readings = " or ".join(one.astimezone(zone).isoformat() for one in sorted((first, second)))
    context = {"time": read.isoformat(), "zone": zone.key, "readings": readings}
    if first.astimezone(zone).replace(tzinfo=None) == read:
        raise PydanticCustomError(
            "local_time_ambiguous",
            "{time} exists twice in {zone}, because clocks are set back. Write {readings}.",
            context,
        )
    raise PydanticCustomError(
        "local_time_missing",
        "{time} does not exist in {zone}, because clocks are set forward. Write {readings}.",
        context,
    )


def format_timestamp(instant: datetime | None) -> str | None:
    """Return an instant in the form of API responses: UTC with `Z` and milliseconds."""
    if instant is None:
        return None
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _read(value: Any) -> tuple[datetime, ZoneInfo | None]:
    """Return the time of `value`, with its offset if it has one, and the zone in brackets."""
    match = EXTENDED.fullmatch(value.strip()) if isinstance(value, str) and len(value) <= TIME_MAX else None
    if match is None:
        raise _not_a_time()
    try:
        # RFC 3339 allows lower case.
        read = datetime.fromisoformat(match[1].upper())
    except ValueError:
        raise _no_such_day(match[1]) or _not_a_time() from None
    if _is_day(match[1]):
        raise PydanticCustomError(
            "invalid_time", "This is a day without a time of day. Add it, such as 2026-12-24T18:00:00-03:00."
        )
    zone = None
    for is_critical, text in SUFFIX.findall(match[2]):
        if "=" not in text and zone is None:
            zone = _zone(text)
        elif is_critical or "=" not in text:
            raise PydanticCustomError("invalid_time", "The time has the unknown tag [{tag}]. Remove it.", {"tag": text})
    return read, zone


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


@cache
def known_zones() -> frozenset[str]:
    """Return every IANA name, also the aliases."""
    return frozenset(available_timezones() - NO_ZONES)


def check_zone(name: str) -> str:
    """Return `name` if it is an IANA name. Raises PydanticCustomError."""
    return _zone(name).key


def _zone(name: Any) -> ZoneInfo:
    # ZoneInfo also reads files that are no zones, such as `localtime` and those below `right`.
    if isinstance(name, str) and name in known_zones():
        return ZoneInfo(name)
    near = _near_zone(name) if isinstance(name, str) else None
    advice = f"Did you mean {near}?" if near else "Use an IANA name such as America/Sao_Paulo."
    raise PydanticCustomError(
        "unknown_timezone", "There is no time zone {name}. {advice}",
        {"name": str(name)[:60] or "without a name", "advice": advice},
    )  # fmt: skip


def _near_zone(name: str) -> str | None:
    """Return the zone whose name is this one but for case, accents, and spaces in place of low lines."""
    plain = plain_zone(name[:60])
    return next((one for one in sorted(known_zones()) if plain_zone(one) == plain), None)


def plain_zone(text: str) -> str:
    """Return the text in lower case and without accents, so that `São Paulo` finds `America/Sao_Paulo`."""
    bare = "".join(one for one in unicodedata.normalize("NFD", text) if not unicodedata.combining(one))
    return " ".join(bare.replace("_", " ").casefold().split())


def _require_offset_of(zone: ZoneInfo, read: datetime, value: str) -> None:
    """Raise PydanticCustomError unless the written offset is the zone's. Z fits every zone (RFC 9557, 2.2)."""
    expected = in_utc(read).astimezone(zone)
    written = value.partition("[")[0].strip().upper()
    if written.endswith(("Z", "-00:00")) or expected.utcoffset() == read.utcoffset():
        return
    raise PydanticCustomError(
        "offset_mismatch", "The offset does not match {zone}, where this instant is {expected}. Correct one of them.",
        {"zone": zone.key, "expected": expected.isoformat()},
    )  # fmt: skip


def in_utc(read: datetime) -> datetime:
    """Return `read` in UTC. Raises PydanticCustomError within 2 days of the first or last day of the calendar."""
    try:
        instant = read.astimezone(UTC)
        # A later conversion into any zone must stay within the calendar.
        instant + timedelta(days=2), instant - timedelta(days=2)
    except (ValueError, OverflowError):
        raise _not_a_time() from None
    return instant


def _no_such_day(text: str) -> PydanticCustomError | None:
    """Return the error of a text that begins with a day that its month does not have; None for any other."""
    if not (match := re.match(r"(\d{4})-(0[1-9]|1[0-2])-(\d\d)(?!\d)", text)) or _is_day(match[0]):
        return None
    year, month = int(match[1]), int(match[2])
    if year == 0:
        return None
    return PydanticCustomError(
        "invalid_time", "There is no day {day}: {month} has {days} days. Correct the day.",
        {"day": match[0], "month": f"{year}-{month:02}", "days": monthrange(year, month)[1]},
    )  # fmt: skip


def _not_a_time() -> PydanticCustomError:
    return PydanticCustomError(
        "invalid_time", "This is not a time. Use ISO 8601 with an offset, such as 2026-12-24T18:00:00-03:00."
    )


Instant = Annotated[datetime, BeforeValidator(parse_instant), WithJsonSchema({"type": "string", "format": "date-time"})]
