"""The default engine: the worker claims jobs from PostgreSQL."""

import asyncio
from contextlib import suppress
from datetime import timedelta

import structlog

from clipcast.clock import clock
from clipcast.common.unavailable import DatabaseUnavailable
from clipcast.database import Database
from clipcast.jobs.engines import POLL, EngineHealth, backlog
from clipcast.jobs.engines.promoter import Promoter
from clipcast.jobs.queue import claim, random_place
from clipcast.jobs.slots import WorkerSlots

log = structlog.get_logger()

# Seconds before the worker uses an unavailable database again.
ERROR_PAUSE = 0.5
# The pause after a claim that found jobs, so that one claim fills all slots that become free meanwhile.
CLAIM_PAUSE = timedelta(milliseconds=20)


class RowsEngine:
    """An engine without a server of its own. Any number of workers on any number of machines share one database."""

    name = "rows"

    def __init__(self, database: Database) -> None:
        self._database = database
        self._promoter = Promoter(database)
        # By queue: where the next claim goes on.
        self._places: dict[str, int] = {}
        # When the engine last looked for jobs, on the monotonic clock.
        self.looked_at = clock.monotonic()

    async def serve(self, slots: WorkerSlots, stop: asyncio.Event) -> None:
        while not stop.is_set():
            self.looked_at = clock.monotonic()
            slots.woken.clear()
            try:
                pause = await self._fill(slots)
            except DatabaseUnavailable as error:
                log.error("database_unavailable", error=str(error))
                pause = timedelta(seconds=ERROR_PAUSE)
            with suppress(TimeoutError):
                await asyncio.wait_for(slots.woken.wait(), pause.total_seconds())

    async def fill_once(self, slots: WorkerSlots) -> list[asyncio.Task[None]]:
        """Claim ready jobs into the free slots and return their runs. Raise DatabaseUnavailable."""
        started = []
        for queue in slots.queues:
            if free := slots.free(queue):
                found = await claim(
                    self._database,
                    slots.lease,
                    queue,
                    free,
                    self._places.get(queue) or random_place(),
                    slots.facts.programs,
                    slots.facts.name,
                    slots.quotas_of,
                )
                self._places[queue] = found.next_place
                started += [slots.start(job) for job in found.jobs]
        return started

    async def close(self) -> None:
        pass

    async def health(self) -> EngineHealth:
        return EngineHealth(True, *await backlog(self._database), "workers claim jobs from the database")

    async def _fill(self, slots: WorkerSlots) -> timedelta:
        """Fill the free slots, and return the pause until a job may be due or a slot free."""
        if not any(slots.free(queue) for queue in slots.queues):
            return POLL
        await self._promoter.promote(slots)
        if await self.fill_once(slots):
            await asyncio.sleep(CLAIM_PAUSE.total_seconds())
            return timedelta() if any(slots.free(queue) for queue in slots.queues) else POLL
        return await self._promoter.pause()
