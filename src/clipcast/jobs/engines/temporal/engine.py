"""The Temporal engine of one worker: the connection, the feeder, and a poller for each queue."""

import asyncio
from contextlib import suppress
from datetime import timedelta

import structlog
from temporalio.client import Client
from temporalio.worker import Worker as Poller

from clipcast.clock import clock
from clipcast.common.settings import Settings
from clipcast.common.unavailable import DatabaseUnavailable
from clipcast.common.words import listed
from clipcast.database import Database
from clipcast.jobs.engines import EngineHealth, backlog
from clipcast.jobs.engines.promoter import Promoter
from clipcast.jobs.engines.temporal.activities import Activities
from clipcast.jobs.engines.temporal.connection import TemporalUnavailable, connect, missing_attributes, server_version
from clipcast.jobs.engines.temporal.feeder import ATTRIBUTES, Feeder, task_queue
from clipcast.jobs.slots import WorkerSlots

log = structlog.get_logger()

# Before an unavailable server or database is used again.
PAUSE = timedelta(seconds=1)
# Before new pollers start, after the server ended one for good: it may do that at once again.
POLLER_PAUSE = timedelta(seconds=10)
# Seconds for the ends of the last runs to reach Temporal.
CLOSE_TIMEOUT = 2.0
# A lost heartbeat does not end an activity: three are sent before it times out.
HEARTBEAT_THROTTLE = timedelta(seconds=10)


class TemporalEngine:
    """An engine that offers ready jobs through a Temporal server. Other workers may use another engine meanwhile."""

    name = "temporal"

    def __init__(self, settings: Settings, database: Database) -> None:
        assert settings.temporal is not None
        self._settings = settings
        self._address = settings.temporal
        self._database = database
        self._promoter = Promoter(database)
        # When the engine last looked for jobs or for the server, on the monotonic clock.
        self.looked_at = clock.monotonic()
        # What is wrong with the server, as last logged.
        self._trouble = ""
        # Pollers that end with their last runs.
        self._tasks: list[asyncio.Task[None]] = []

    async def serve(self, slots: WorkerSlots, stop: asyncio.Event) -> None:
        stopping = asyncio.create_task(stop.wait())
        while not stop.is_set():
            self.looked_at = clock.monotonic()
            connecting = asyncio.create_task(connect(self._settings, slots.facts.name))
            await asyncio.wait({connecting, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if not connecting.done():
                connecting.cancel()
                return
            try:
                client = connecting.result()
            except TemporalUnavailable as error:
                self._report(str(error))
                pause = PAUSE
            else:
                await self._serve(client, slots, stop)
                pause = POLLER_PAUSE
            await asyncio.wait({stopping}, timeout=pause.total_seconds())
        stopping.cancel()

    async def close(self) -> None:
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=CLOSE_TIMEOUT)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def health(self) -> EngineHealth:
        number, oldest = await backlog(self._database)
        try:
            client = await connect(self._settings, "clipcast health")
            version, missing = await server_version(client), await missing_attributes(client, ATTRIBUTES)
        except TemporalUnavailable as error:
            return EngineHealth(False, number, oldest, str(error))
        attributes = " ".join(f"--name {name} --type Keyword" for name in missing)
        command = f"temporal operator search-attribute create --namespace {client.namespace} {attributes}"
        message = (
            f"the namespace lacks the search attributes {listed(missing)}, by which Temporal's UI finds activities"
        )
        return EngineHealth(
            True, number, oldest, f"Temporal {version} at {self._address} brings jobs to workers",
            [(message, f"Run: {command}")] if missing else [],
        )  # fmt: skip

    async def _serve(self, client: Client, slots: WorkerSlots, stop: asyncio.Event) -> None:
        """Poll and feed until `stop` is set, or until the server ends a poller for good. Runs go on in both cases."""
        activities = Activities(self._database, slots)
        pollers = [
            Poller(
                client,
                task_queue=task_queue(self._address.prefix, queue),
                activities=[activities.run],
                max_concurrent_activities=number,
                max_heartbeat_throttle_interval=HEARTBEAT_THROTTLE,
            )
            for queue, number in slots.facts.slots.items()
        ]
        polling = [asyncio.create_task(poller.run()) for poller in pollers]
        for task in polling:
            task.add_done_callback(lambda _: slots.woken.set())
        feeder = Feeder(self._database, client, slots, self._address.prefix)
        while not stop.is_set() and not any(task.done() for task in polling):
            self.looked_at = clock.monotonic()
            slots.woken.clear()
            pause = await self._feed(feeder, slots)
            with suppress(TimeoutError):
                await asyncio.wait_for(slots.woken.wait(), pause.total_seconds())
        for task in polling:
            if task.done() and (error := task.exception()):
                self._report(f"polling ended: {str(error).partition(chr(10))[0][:300]}")
        # A poller ends when its last run has ended.
        ending = [asyncio.create_task(poller.shutdown()) for poller in pollers]
        self._tasks = [task for task in self._tasks if not task.done()] + polling + ending

    async def _feed(self, feeder: Feeder, slots: WorkerSlots) -> timedelta:
        """Offer ready jobs, and return the pause until there may be more."""
        try:
            await self._promoter.promote(slots)
            offered = await feeder.feed()
            self._report("")
            return timedelta() if offered else await self._promoter.pause()
        except TemporalUnavailable as error:
            self._report(str(error))
        except DatabaseUnavailable as error:
            log.error("database_unavailable", error=str(error))
        return PAUSE

    def _report(self, trouble: str) -> None:
        """Log a change of the server's state."""
        if trouble and trouble != self._trouble:
            log.error("temporal_unavailable", server=str(self._address), reason=trouble)
        elif self._trouble and not trouble:
            log.warning("temporal_available", server=str(self._address))
        self._trouble = trouble
