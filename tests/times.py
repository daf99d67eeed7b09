"""Times that a test needs, whenever it runs: a change of clocks ahead, and an hour of the day."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from clipcast.clock import clock

HOUR = timedelta(hours=1)


def next_change(zone: ZoneInfo, least: timedelta = HOUR) -> datetime:
    """Return the first hour, at least so far ahead, that has another offset in this zone."""
    at = (clock.now() + least).replace(minute=0, second=0, microsecond=0)
    while at.astimezone(zone).utcoffset() == (at + HOUR).astimezone(zone).utcoffset():
        at += HOUR
    return at + HOUR


def move_to(hour: int, zone: ZoneInfo) -> None:
    """Move the clock to the next time when it is this hour in the zone."""
    local = clock.now().astimezone(zone)
    then = local.replace(hour=hour, minute=0, second=0, microsecond=0)
    if then <= local:
        then += timedelta(days=1)
    clock.move(then.astimezone(UTC) - clock.now())
