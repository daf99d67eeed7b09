"""The promoter of an engine: it makes waiting jobs ready when they are due."""

from datetime import datetime, timedelta

from clipcast.clock import clock
from clipcast.database import Database
from clipcast.jobs.engines import POLL
from clipcast.jobs.queue import PROMOTED_AT_ONCE, next_due, promote
from clipcast.jobs.slots import WorkerSlots
from clipcast.jobs.wake import wake_workers

# A due job that another transaction locks is skipped. The engine looks again after this time.
LOCKED_PAUSE = timedelta(milliseconds=250)


class Promoter:
    """It promotes before each claim, even while many jobs are ready: they may all be of one workspace.

    It promotes the jobs of all queues, and wakes other workers for those that its own has no free slots for.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._next_due: datetime | None = None
        # When to read `_next_due` again, on the monotonic clock.
        self._look_at = clock.monotonic()
        # The jobs due until then have been promoted, except locked ones.
        self._promoted_until: datetime | None = None

    async def promote(self, slots: WorkerSlots) -> None:
        """Make a batch of due jobs ready. Send no statement if none is due. Raise DatabaseUnavailable."""
        if clock.monotonic() >= self._look_at:
            await self._look()
        self._promoted_until = None
        now = clock.now()
        if self._next_due and self._next_due <= now:
            promoted = await promote(self._database)
            for queue, number in promoted.items():
                if number > slots.free(queue):
                    wake_workers(self._database.hot_pool, queue)
            if promoted.total() < PROMOTED_AT_ONCE:
                self._promoted_until = now
                await self._look()

    async def pause(self) -> timedelta:
        """Return the time until the next job is due, at most POLL. Raise DatabaseUnavailable."""
        await self._look()
        due, most = self._next_due, POLL
        if due and self._promoted_until and due <= self._promoted_until:
            due, most = await next_due(self._database, self._promoted_until), LOCKED_PAUSE
        return min(most, max(timedelta(), due - clock.now())) if due else most

    async def _look(self) -> None:
        self._next_due = await next_due(self._database)
        self._look_at = clock.monotonic() + POLL.total_seconds()
