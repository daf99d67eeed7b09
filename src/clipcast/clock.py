"""The one clock. Every instant in Clipcast comes from here, so that tests can move time instead of sleeping.

Leases, due times and quiet periods are compared between machines, so each process steers its clock by the
database's (`follow`): two hosts whose own clocks disagree still agree about who holds an item.
"""

import time
from datetime import UTC, datetime, timedelta

# On Linux the monotonic clock stands still while the machine is suspended, and a lease must not.
AWAKE_OR_NOT = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class Clock:
    def __init__(self) -> None:
        self._ahead = timedelta()
        self._moved = timedelta()

    def now(self) -> datetime:
        """The current instant, in UTC."""
        return datetime.now(UTC) + self._ahead + self._moved

    def monotonic(self) -> float:
        """Seconds that never run backwards and go on while the process, or the machine, sleeps.

        Only differences mean anything.
        """
        return time.clock_gettime(AWAKE_OR_NOT) + self._moved.total_seconds()

    def follow(self, database_now: datetime) -> None:
        """Adopts the database's idea of the present."""
        self._ahead = database_now - datetime.now(UTC)

    def reset(self) -> None:
        """Back to the present; for tests."""
        self._moved = timedelta()

    def move(self, by: timedelta) -> None:
        """Moves time; for tests and the sandbox."""
        self._moved += by


clock = Clock()
