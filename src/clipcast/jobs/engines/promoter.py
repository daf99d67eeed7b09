"""The promoter of an engine: it makes waiting jobs ready when they are due."""

from datetime import datetime, timedelta

from clipcast.clock import clock
from clipcast.database import Database
from clipcast.jobs.engines import POLL
from clipcast.jobs.queue import PROMOTED_AT_ONCE, next_due, promote

# A due job that another transaction locks is skipped. The engine looks again after this time.
LOCKED_PAUSE = timedelta(milliseconds=250)


class Promoter:
    """It promotes before each claim, even while many jobs are ready: they may all be of one workspace."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._next_due: datetime | None = None
        # True if all due jobs were locked by other transactions.
        self._found_nothing = False
        # When to read `_next_due` again, on the monotonic clock.
        self._look_at = clock.monotonic()

    async def promote(self) -> None:
        """Make a batch of due jobs ready. Send no statement if none is due. Raise DatabaseUnavailable."""
        if clock.monotonic() >= self._look_at:
            await self._look()
        self._found_nothing = False
        if self._next_due and self._next_due <= clock.now():
            number = await promote(self._database)
            self._found_nothing = number == 0
            if number < PROMOTED_AT_ONCE:
                await self._look()

    async def pause(self) -> timedelta:
        """Return the time until the next job is due, at most POLL. Raise DatabaseUnavailable."""
        await self._look()
        if self._next_due is None:
            return POLL
        least = LOCKED_PAUSE if self._found_nothing else timedelta()
        return min(POLL, max(least, self._next_due - clock.now()))

    async def _look(self) -> None:
        self._next_due = await next_due(self._database)
        self._look_at = clock.monotonic() + POLL.total_seconds()
