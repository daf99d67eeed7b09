"""The only source of time in Clipcast, so that tests move time instead of sleeping.

Machines compare leases and due times. So each process takes the time from the database once a minute (`follow`) and
counts on by the monotonic clock. Hosts with different clocks agree on leases, and a change of a host's clock does not
publish items early or late. Workers learn a step of the database's own clock with their next heartbeat.
"""

import time
from datetime import UTC, datetime, timedelta
from math import inf

# On Linux, CLOCK_MONOTONIC stops while the machine is suspended. Leases must expire during that time.
BOOT_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
# A larger difference to the database's time is a step of its clock. Smaller ones may be the time of a response.
STEP = timedelta(seconds=3)


def _since_boot() -> float:
    return time.clock_gettime(BOOT_CLOCK)


class Clock:
    """The time of this process, which follows the database's time."""

    def __init__(self) -> None:
        self._moved = timedelta()
        self._set(datetime.now(UTC))
        # When `follow` last found a step, on the monotonic clock.
        self.stepped_at = -inf

    def now(self) -> datetime:
        """Return the current instant in UTC."""
        return self._then + timedelta(seconds=_since_boot() - self._then_monotonic) + self._moved

    def expected(self) -> datetime:
        """Return what the database's clock shows now, unless it made a step: the current instant without moves."""
        return self.now() - self._moved

    def monotonic(self) -> float:
        """Return seconds that never decrease and also count while the process or the machine sleeps.

        Only differences between two calls have a meaning.
        """
        return _since_boot() + self._moved.total_seconds()

    def follow(self, database_now: datetime, steps_only: bool = False) -> bool:
        """Continue from the database's current time, and return whether it is a step: more than STEP from this clock's.

        `steps_only`: a smaller difference changes nothing.
        """
        stepped = abs(database_now - self.expected()) > STEP
        if stepped:
            self.stepped_at = self.monotonic()
        if stepped or not steps_only:
            self._set(database_now)
        return stepped

    def _set(self, now: datetime) -> None:
        self._then, self._then_monotonic = now.astimezone(UTC), _since_boot()

    def reset(self) -> None:
        """Undo every `move`, and forget steps. For tests."""
        self._moved, self.stepped_at = timedelta(), -inf

    def move(self, by: timedelta) -> None:
        """Move the time forward by `by`. For tests and the sandbox."""
        self._moved += by


clock = Clock()
