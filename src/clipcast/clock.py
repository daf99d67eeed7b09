"""The one clock. Every instant in Clipcast comes from here, so that tests can move time instead of sleeping.

Leases, due times and quiet periods are compared between machines, so each process takes the present from the database
(`follow`, once a minute) and counts on from there by the monotonic clock: two hosts whose own clocks disagree still
agree about who holds an item, and a host whose clock is set publishes nothing early or late by it.
"""

import time
from datetime import UTC, datetime, timedelta

# On Linux the monotonic clock stands still while the machine is suspended, and a lease must not.
AWAKE_OR_NOT = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def _awake_or_not() -> float:
    return time.clock_gettime(AWAKE_OR_NOT)


class Clock:
    def __init__(self) -> None:
        self._moved = timedelta()
        self.follow(datetime.now(UTC))

    def now(self) -> datetime:
        """The current instant, in UTC."""
        return self._then + timedelta(seconds=_awake_or_not() - self._then_monotonic) + self._moved

    def monotonic(self) -> float:
        """Seconds that never run backwards and go on while the process, or the machine, sleeps.

        Only differences mean anything.
        """
        return _awake_or_not() + self._moved.total_seconds()

    def follow(self, database_now: datetime) -> None:
        """Adopts the database's idea of the present."""
        self._then, self._then_monotonic = database_now.astimezone(UTC), _awake_or_not()

    def reset(self) -> None:
        """Back to the present; for tests."""
        self._moved = timedelta()

    def move(self, by: timedelta) -> None:
        """Moves time; for tests and the sandbox."""
        self._moved += by


clock = Clock()
