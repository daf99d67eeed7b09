"""The only source of time in Clipcast, so that tests move time instead of sleeping.

Machines compare leases and due times. So each process takes the time from the database once a minute (`follow`) and
counts on by the monotonic clock. Hosts with different clocks agree on leases, and a change of a host's clock does not
publish items early or late.
"""

import time
from datetime import UTC, datetime, timedelta

# On Linux, CLOCK_MONOTONIC stops while the machine is suspended. Leases must expire during that time.
BOOT_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def _since_boot() -> float:
    return time.clock_gettime(BOOT_CLOCK)


class Clock:
    """The time of this process, which follows the database's time."""

    def __init__(self) -> None:
        self._moved = timedelta()
        self.follow(datetime.now(UTC))

    def now(self) -> datetime:
        """Return the current instant in UTC."""
        return self._then + timedelta(seconds=_since_boot() - self._then_monotonic) + self._moved

    def monotonic(self) -> float:
        """Return seconds that never decrease and also count while the process or the machine sleeps.

        Only differences between two calls have a meaning.
        """
        return _since_boot() + self._moved.total_seconds()

    def follow(self, database_now: datetime) -> None:
        """Continue from the database's current time."""
        self._then, self._then_monotonic = database_now.astimezone(UTC), _since_boot()

    def reset(self) -> None:
        """Undo every `move`. For tests."""
        self._moved = timedelta()

    def move(self, by: timedelta) -> None:
        """Move the time forward by `by`. For tests and the sandbox."""
        self._moved += by


clock = Clock()
