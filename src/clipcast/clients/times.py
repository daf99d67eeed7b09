"""Posting times by the clock on the wall, and the instants that they mean."""

import hashlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
DAY = timedelta(days=1)
# A post at this time or later, but before the next minute, is on time even if the client's posts do not vary.
ON_TIME = timedelta(minutes=1)


@dataclass(frozen=True, order=True)
class PostingTime:
    """A time of the week. `weekday` is 0 for Monday."""

    weekday: int
    at: time


@dataclass(frozen=True)
class Days:
    """Days without posting times, the last one included."""

    first: date
    last: date

    def __contains__(self, day: date) -> bool:
        return self.first <= day <= self.last


def instants_between(
    times: Collection[PostingTime], zone: ZoneInfo, since: datetime, until: datetime, paused: Collection[Days] = ()
) -> Iterator[datetime]:
    """Yield the instants of these times from `since` until before `until`, in order and each once.

    18:30 stays 18:30 when clocks change. A time that the clocks skip moves forward by what they skip. A time that they
    show twice counts the first time.
    """
    by_weekday: dict[int, list[time]] = {}
    for one in times:
        by_weekday.setdefault(one.weekday, []).append(one.at)
    day, last = since.astimezone(zone).date(), until.astimezone(zone).date()
    latest = since - DAY
    while day <= last:
        at_times = () if any(day in days for days in paused) else by_weekday.get(day.weekday(), ())
        # The order of the wall can differ from that of the instants, where clocks are set forward.
        for instant in sorted({_instant(day, at, zone) for at in at_times}):
            if since <= instant < until and instant > latest:
                latest = instant
                yield instant
        day += DAY


def _instant(day: date, at: time, zone: ZoneInfo) -> datetime:
    # Of a skipped time, the former offset counts, which moves it forward; of a repeated one, the first.
    return datetime.combine(day, at, zone).astimezone(UTC)


def varied(instant: datetime, client_id: UUID, minutes: int) -> datetime:
    """Return the instant moved forward by up to `minutes`, always the same for this client and instant.

    So that what a person was shown is what is stored.
    """
    if not minutes:
        return instant
    digest = hashlib.sha256(client_id.bytes + instant.astimezone(UTC).isoformat().encode()).digest()
    return instant + timedelta(seconds=int.from_bytes(digest[:8]) % (minutes * 60 + 1))


def window_of(minutes: int) -> timedelta:
    """Return how long after its posting time a post still is in it."""
    return max(timedelta(minutes=minutes, seconds=1), ON_TIME)
