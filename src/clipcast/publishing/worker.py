"""The worker: claims what is due, runs it, keeps its leases alive, and stops without losing anything."""

import asyncio
import os
import socket
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial

import asyncpg
import structlog

from clipcast.clock import clock
from clipcast.common.settings import Settings
from clipcast.common.unavailable import DatabaseUnavailable
from clipcast.common.vault import Vault
from clipcast.database import Database
from clipcast.jobs.heartbeats import SAY_EVERY, record_heartbeat, record_stop
from clipcast.jobs.queue import CHANNEL, LEASE, ClaimedItem, Lease, claim, extend, next_due
from clipcast.jobs.quotas import subject_prefix
from clipcast.publishing.helpers import Helpers, Watchdog
from clipcast.publishing.housekeeping import delete_expired
from clipcast.publishing.runner import Runner
from clipcast.storage import Storage

log = structlog.get_logger()

HEARTBEAT = LEASE / 4
# The longest an idle worker sleeps: a lost notification costs at most this.
POLL = timedelta(seconds=1)
# How long a graceful stop lets irreversible calls end.
STOP_GRACE = timedelta(seconds=10)
TIDY_EVERY = timedelta(minutes=10)
RENEW_EVERY = timedelta(minutes=5)
TROUBLE_PAUSE = 0.5
# A lease keeper that failed is back before the next heartbeat.
KEEPER_PAUSE = 0.25
HOUSEKEEPING_PAUSE = 60.0
# Stopped before the runs are handed over; until then their leases are kept.
OTHER_HELPERS = ("notifications", "housekeeping", "renewals", "presence", "stop")
# After a claim that found something: what becomes free meanwhile is filled by one claim instead of many.
BREATH = timedelta(milliseconds=20)


class Worker:
    def __init__(self, settings: Settings, database: Database, storage: Storage, vault: Vault) -> None:
        self.name = f"{socket.gethostname()}:{os.getpid()}"
        self._database = database
        self._storage = storage
        self._slots = settings.worker_concurrency
        self._quotas_of = subject_prefix(settings)
        self._runner = Runner(settings, database, storage, vault)
        self._tasks: dict[asyncio.Task[None], Lease] = {}
        self._wake = asyncio.Event()
        # When it last looked for items, on the monotonic clock.
        self.last_turn = clock.monotonic()
        # How often each helper task has failed; see helpers.py.
        self.helper_failures: Counter[str] = Counter()
        self._watchdog = Watchdog((LEASE / 2 + HEARTBEAT).total_seconds())

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set, then hand over what is under way.

        Ends the process when its leases cannot be kept; see helpers.py.
        """
        log.info("worker_started", worker=self.name, slots=self._slots)
        try:
            async with asyncio.TaskGroup() as group:
                helpers = self._start_helpers(group, stop)
                try:
                    while not stop.is_set():
                        await self._turn()
                finally:
                    helpers.stop(*OTHER_HELPERS)
                    await self._drain()
                    helpers.stop()
        finally:
            await self._runner.close()
            with suppress(DatabaseUnavailable):
                await record_stop(self._database, self.name)
            log.info("worker_stopped", worker=self.name)

    def _start_helpers(self, group: asyncio.TaskGroup, stop: asyncio.Event) -> Helpers:
        helpers = Helpers(group, self.helper_failures)
        helpers.start("leases", self._keep_leases, pause=KEEPER_PAUSE)
        helpers.start("watchdog", self._watchdog.watch)
        helpers.start("notifications", self._listen)
        tidying, renewing = partial(delete_expired, self._database, self._storage), self.renew_idle
        helpers.start("housekeeping", lambda: self._every(TIDY_EVERY, tidying), pause=HOUSEKEEPING_PAUSE)
        helpers.start("renewals", lambda: self._every(RENEW_EVERY, renewing), pause=HOUSEKEEPING_PAUSE)
        present = partial(record_heartbeat, self._database, self.name, self._slots)
        helpers.start("presence", lambda: self._every(SAY_EVERY, present))
        helpers.start("stop", lambda: self._wake_on(stop))
        return helpers

    async def close(self) -> None:
        """For those who use `run_due` instead of `run`."""
        await self._runner.close()

    async def run_due(self) -> int:
        """Claims what is due now and runs it to the end of its run; returns how many. For tests and benchmarks."""
        work = await claim(self._database, self._slots, self.name, self._quotas_of)
        await asyncio.gather(*(self._runner.run(one) for one in work))
        return len(work)

    async def renew_idle(self) -> int:
        """Renews sign-ins that nobody uses; returns how many. `run` does this by itself."""
        return await self._runner.renew_idle()

    async def _turn(self) -> None:
        self.last_turn = clock.monotonic()
        self._wake.clear()
        free = self._slots - len(self._tasks)
        pause = POLL
        try:
            if free and (work := await claim(self._database, free, self.name, self._quotas_of)):
                for one in work:
                    self._start(one)
                await asyncio.sleep(BREATH.total_seconds())
                pause = timedelta() if len(self._tasks) < self._slots else POLL
            elif free:
                due = await next_due(self._database)
                pause = min(POLL, max(timedelta(), due - clock.now())) if due else POLL
        except DatabaseUnavailable as error:
            log.error("database_unavailable", error=str(error))
            await asyncio.sleep(TROUBLE_PAUSE)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), pause.total_seconds())

    def _start(self, work: ClaimedItem) -> None:
        task = asyncio.create_task(self._runner.run(work))
        self._tasks[task] = work.lease
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.pop(task, None)
        self._wake.set()

    async def _keep_leases(self) -> None:
        """Extend the leases of all runs, and stop the runs of items that another worker has taken."""
        while True:
            await asyncio.sleep(HEARTBEAT.total_seconds())
            leases, lost = list(self._tasks.values()), list[Lease]()
            try:
                async with asyncio.timeout(HEARTBEAT.total_seconds()):
                    lost = await extend(self._database, leases) if leases else []
            except (DatabaseUnavailable, TimeoutError) as error:
                # A database that is away is no reason to end: the runs stop by themselves when their leases do.
                log.error("leases_not_extended", error=str(error) or "the database does not respond")
            # Not before: this loop is started again when it fails, and one that always fails keeps no lease.
            self._watchdog.feed()
            for task, lease in list(self._tasks.items()):
                if lease in lost and not task.done():
                    task.cancel()

    async def _listen(self) -> None:
        """Wakes the worker when a transaction that made something due commits."""
        while True:
            try:
                connection = await self._database.connect_for_notifications()
                gone = asyncio.Event()
                if connection is None:
                    log.info("polling", every_seconds=POLL.total_seconds(), reason="the pooler passes no notifications")
                    await gone.wait()  # for ever: `_turn` polls
                connection.add_termination_listener(lambda _, gone=gone: gone.set())
                await connection.add_listener(CHANNEL, lambda *_: self._wake.set())
                await gone.wait()
            except (DatabaseUnavailable, OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                pass
            await asyncio.sleep(TROUBLE_PAUSE)

    async def _wake_on(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._wake.set()
        await asyncio.Event().wait()  # nothing else is to be done

    async def _every(self, period: timedelta, act: Callable[[], Awaitable[object]]) -> None:
        while True:
            await act()
            await asyncio.sleep(period.total_seconds())

    async def _drain(self) -> None:
        """Lets the calls end that cannot be taken back, and hands over the rest."""
        for task in list(self._tasks):
            run = self._runner.runs.get(task)
            if run is None or not run.sending:
                task.cancel()
        if self._tasks:
            await asyncio.wait(list(self._tasks), timeout=STOP_GRACE.total_seconds())
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
