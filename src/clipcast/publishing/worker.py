"""The worker: it claims due items, runs them, renews their leases, and releases them when it stops."""

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
from clipcast.jobs.heartbeats import HEARTBEAT_EVERY, record_heartbeat, record_stop
from clipcast.jobs.queue import CHANNEL, LEASE, ClaimedItem, Lease, claim, extend, next_due
from clipcast.jobs.quotas import subject_prefix
from clipcast.publishing.housekeeping import delete_expired
from clipcast.publishing.runner import Runner
from clipcast.publishing.supervision import Supervisor, Watchdog
from clipcast.storage import Storage

log = structlog.get_logger()

HEARTBEAT = LEASE / 4
# The longest pause of an idle worker, and so the longest delay by a lost notification.
POLL = timedelta(seconds=1)
# The longest time that a graceful stop waits for guarded requests.
STOP_GRACE = timedelta(seconds=10)
HOUSEKEEPING_EVERY = timedelta(minutes=10)
RENEW_EVERY = timedelta(minutes=5)
# Seconds before the worker uses an unavailable database again.
ERROR_PAUSE = 0.5
# Seconds before a failed lease keeper restarts: less than HEARTBEAT.
KEEPER_PAUSE = 0.25
HOUSEKEEPING_PAUSE = 60.0
# The tasks that stop before the runs are released. The lease keeper and its watchdog stop after that.
OTHER_TASKS = ("notifications", "housekeeping", "renewals", "presence", "stop")
# The pause after a claim that found items, so that one claim fills all slots that become free meanwhile.
CLAIM_PAUSE = timedelta(milliseconds=20)


class Worker:
    """One worker: its slots, the runs in them, and the background tasks that serve them."""

    def __init__(self, settings: Settings, database: Database, storage: Storage, vault: Vault) -> None:
        self.name = f"{socket.gethostname()}:{os.getpid()}"
        self._database = database
        self._storage = storage
        self._slots = settings.worker_concurrency
        self._quotas_of = subject_prefix(settings)
        self._runner = Runner(settings, database, storage, vault)
        self._runs: dict[asyncio.Task[None], Lease] = {}
        self._wake = asyncio.Event()
        # When the worker last looked for due items, on the monotonic clock.
        self.last_turn = clock.monotonic()
        # The number of failures of each background task (supervision.py).
        self.task_failures: Counter[str] = Counter()
        self._watchdog = Watchdog((LEASE / 2 + HEARTBEAT).total_seconds())

    async def run(self, stop: asyncio.Event) -> None:
        """Run items until `stop` is set, then release those under way.

        End the process if its leases cannot be renewed (supervision.py).
        """
        log.info("worker_started", worker=self.name, slots=self._slots)
        try:
            async with asyncio.TaskGroup() as group:
                supervisor = self._start_tasks(group, stop)
                try:
                    while not stop.is_set():
                        await self._claim_due()
                finally:
                    supervisor.stop(*OTHER_TASKS)
                    await self._drain()
                    supervisor.stop()
        finally:
            await self._runner.close()
            with suppress(DatabaseUnavailable):
                await record_stop(self._database, self.name)
            log.info("worker_stopped", worker=self.name)

    def _start_tasks(self, group: asyncio.TaskGroup, stop: asyncio.Event) -> Supervisor:
        supervisor = Supervisor(group, self.task_failures)
        supervisor.start("leases", self._keep_leases, pause=KEEPER_PAUSE)
        supervisor.start("watchdog", self._watchdog.watch)
        supervisor.start("notifications", self._listen)
        housekeep = partial(delete_expired, self._database, self._storage)
        supervisor.start("housekeeping", lambda: self._every(HOUSEKEEPING_EVERY, housekeep), pause=HOUSEKEEPING_PAUSE)
        supervisor.start("renewals", lambda: self._every(RENEW_EVERY, self.renew_idle), pause=HOUSEKEEPING_PAUSE)
        heartbeat = partial(record_heartbeat, self._database, self.name, self._slots)
        supervisor.start("presence", lambda: self._every(HEARTBEAT_EVERY, heartbeat))
        supervisor.start("stop", lambda: self._wake_on(stop))
        return supervisor

    async def close(self) -> None:
        """Close a worker that used `run_due` instead of `run`."""
        await self._runner.close()

    async def run_due(self) -> int:
        """Claim the items that are due now, run each once, and return their number. For tests and benchmarks."""
        items = await claim(self._database, self._slots, self.name, self._quotas_of)
        await asyncio.gather(*(self._runner.run(claimed) for claimed in items))
        return len(items)

    async def renew_idle(self) -> int:
        """Refresh the tokens that would expire for lack of use; return the number of accounts. `run` calls this."""
        return await self._runner.renew_idle()

    async def _claim_due(self) -> None:
        """Claim due items into the free slots, then pause until one may be due or a slot becomes free."""
        self.last_turn = clock.monotonic()
        self._wake.clear()
        free = self._slots - len(self._runs)
        pause = POLL
        try:
            if free and (items := await claim(self._database, free, self.name, self._quotas_of)):
                for claimed in items:
                    self._start(claimed)
                await asyncio.sleep(CLAIM_PAUSE.total_seconds())
                pause = timedelta() if len(self._runs) < self._slots else POLL
            elif free:
                due = await next_due(self._database)
                pause = min(POLL, max(timedelta(), due - clock.now())) if due else POLL
        except DatabaseUnavailable as error:
            log.error("database_unavailable", error=str(error))
            await asyncio.sleep(ERROR_PAUSE)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), pause.total_seconds())

    def _start(self, claimed: ClaimedItem) -> None:
        task = asyncio.create_task(self._runner.run(claimed))
        self._runs[task] = claimed.lease
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._runs.pop(task, None)
        self._wake.set()

    async def _keep_leases(self) -> None:
        """Renew the leases of all runs, and stop the runs of items that another worker has reclaimed."""
        while True:
            await asyncio.sleep(HEARTBEAT.total_seconds())
            leases, lost = list(self._runs.values()), list[Lease]()
            try:
                async with asyncio.timeout(HEARTBEAT.total_seconds()):
                    lost = await extend(self._database, leases) if leases else []
            except (DatabaseUnavailable, TimeoutError) as error:
                # An unavailable database does not end the process: each run stops when its lease expires.
                log.error("leases_not_extended", error=str(error) or "the database does not respond")
            # Feed the watchdog only at this point: the supervisor restarts a failed loop, and a loop that always
            # fails renews no lease.
            self._watchdog.feed()
            for task, lease in list(self._runs.items()):
                if lease in lost and not task.done():
                    task.cancel()

    async def _listen(self) -> None:
        """Wake the worker at each notification that an item may be due."""
        while True:
            try:
                connection = await self._database.connect_for_notifications()
                gone = asyncio.Event()
                if connection is None:
                    log.info("polling", every_seconds=POLL.total_seconds(), reason="the pooler passes no notifications")
                    await gone.wait()  # never set: `_claim_due` polls
                connection.add_termination_listener(lambda _, gone=gone: gone.set())
                await connection.add_listener(CHANNEL, lambda *_: self._wake.set())
                await gone.wait()
            except (DatabaseUnavailable, OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                pass
            await asyncio.sleep(ERROR_PAUSE)

    async def _wake_on(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._wake.set()
        await asyncio.Event().wait()  # do not return: the supervisor would restart this task

    async def _every(self, period: timedelta, act: Callable[[], Awaitable[object]]) -> None:
        while True:
            await act()
            await asyncio.sleep(period.total_seconds())

    async def _drain(self) -> None:
        """Let guarded requests end, for at most STOP_GRACE, and release all other items."""
        for task in list(self._runs):
            run = self._runner.runs.get(task)
            if run is None or not run.sending:
                task.cancel()
        if self._runs:
            await asyncio.wait(list(self._runs), timeout=STOP_GRACE.total_seconds())
        for task in list(self._runs):
            task.cancel()
        await asyncio.gather(*self._runs, return_exceptions=True)
