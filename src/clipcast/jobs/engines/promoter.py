"""The promoter of an engine: it makes waiting jobs ready when they are due."""

from datetime import datetime, timedelta

from clipcast.clock import clock
from clipcast.database import Database
from clipcast.jobs.engines import POLL
from clipcast.jobs.queue import PROMOTED_AT_ONCE, next_due, promote


class Promoter:
    """It promotes before each claim, even while many jobs are ready: they may all be of one workspace."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._next_due: datetime | None = None
        # When to read `_next_due` again, on the monotonic clock.
        self._look_at = clock.monotonic()

    async def promote(self) -> None:
        """Make a batch of due jobs ready. Send no statement if none is due. Raise DatabaseUnavailable."""
        if clock.monotonic() >= self._look_at:
            await self._look()
        if self._next_due and self._next_due <= clock.now() and await promote(self._database) < PROMOTED_AT_ONCE:
            await self._look()

    async def pause(self) -> timedelta:
        """Return the time until the next job is due, at most POLL. Raise DatabaseUnavailable."""
        await self._look()
        return min(POLL, max(timedelta(), self._next_due - clock.now())) if self._next_due else POLL

    async def _look(self) -> None:
        self._next_due = await next_due(self._database)
        self._look_at = clock.monotonic() + POLL.total_seconds()
