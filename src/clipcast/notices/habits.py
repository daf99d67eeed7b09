"""When a person's notices are sent: urgent ones at once, the others outside of quiet hours, or in a digest."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from clipcast.common.timestamps import known_zones

NONE, DAILY, WEEKLY = "none", "daily", "weekly"
DIGESTS = (NONE, DAILY, WEEKLY)
# The channels whose notices a digest gathers. The others show one line, which a digest would cut.
DIGESTED = ("email",)
# The wait of a first notice for others: the items of a post often fail together.
GATHER = timedelta(seconds=10)
WEEK = 7
UTC_NAME = "UTC"


@dataclass(frozen=True)
class Habits:
    """When a person gets the notices that are not urgent, by the wall clock of a zone.

    `quiet` begins and ends at different times, and may go past midnight. `digest_day` is the day of a weekly digest:
    0 is Monday.
    """

    zone: ZoneInfo
    quiet: tuple[time, time] | None = None
    digest: str = NONE
    digest_at: time = time(8)
    digest_day: int = 0
    # Whether the person has chosen them.
    is_chosen: bool = True

    def due_at(self, channel: str, urgent: bool, now: datetime) -> datetime:
        """Return when a notice of an event of now is sent."""
        if urgent:
            return now + GATHER
        at = self.next_digest(now) if self.digest != NONE and channel in DIGESTED else now + GATHER
        return self.quiet_end(at) or at

    def quiet_end(self, now: datetime) -> datetime | None:
        """Return the end of the quiet hours of now; None outside of them."""
        if self.quiet is None:
            return None
        begins, ends = self.quiet
        today = now.astimezone(self.zone).date()
        for day in (today - timedelta(days=1), today):
            end = self._instant(day if begins < ends else day + timedelta(days=1), ends)
            if self._instant(day, begins) <= now < end:
                return end
        return None

    def next_digest(self, now: datetime) -> datetime:
        """Return the time of the first digest after now."""
        today = now.astimezone(self.zone).date()
        days = (today + timedelta(days=number) for number in range(WEEK + 1))
        times = (
            self._instant(day, self.digest_at)
            for day in days
            if self.digest == DAILY or day.weekday() == self.digest_day
        )
        return next(at for at in times if at > now)

    def _instant(self, day: date, wall: time) -> datetime:
        """Return the instant of a wall-clock time. One that a clock change skips is as much later."""
        return datetime.combine(day, wall, self.zone).astimezone(UTC)


def habits_of_row(row: Mapping[str, Any]) -> Habits:
    """Return the habits of a row with `own_zone` and the columns of `notice_habits`, which may be empty."""
    zone = next((name for name in (row["own_zone"], row["zone"]) if name in known_zones()), UTC_NAME)
    if row["digest"] is None:
        return Habits(ZoneInfo(zone), is_chosen=False)
    quiet = (row["quiet_from"], row["quiet_until"]) if row["quiet_from"] is not None else None
    return Habits(ZoneInfo(zone), quiet, row["digest"], row["digest_at"], row["digest_day"])
