"""A process that runs jobs: its slots, the engine that fills them, and the tasks that serve both until it stops.

It serves every kind of job: what runs them, and what else the process does, is handed in.
"""

import asyncio
import os
import socket
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Protocol

import asyncpg
import structlog

from clipcast import __version__
from clipcast.common.settings import Settings
from clipcast.common.unavailable import DatabaseUnavailable
from clipcast.database import Database
from clipcast.jobs.claimed import HEARTBEAT, LEASE, ClaimedJob
from clipcast.jobs.engines import POLL
from clipcast.jobs.engines.choose import make_engine
from clipcast.jobs.engines.rows import ERROR_PAUSE, RowsEngine
from clipcast.jobs.queue import promote
from clipcast.jobs.quotas import subject_prefix
from clipcast.jobs.slots import WorkerSlots
from clipcast.jobs.stranded import sort_stranded
from clipcast.jobs.supervision import RESTART_PAUSE, Supervisor, Watchdog
from clipcast.jobs.unblock import unblock_left
from clipcast.jobs.wake import CHANNEL
from clipcast.jobs.workers import WorkerFacts, reclaim_expired

log = structlog.get_logger()

RECLAIM_EVERY = timedelta(seconds=1)
SORT_EVERY = timedelta(seconds=5)
# The longest time that a graceful stop waits for runs that may end.
STOP_GRACE = timedelta(seconds=10)
# Seconds before a failed lease keeper restarts: less than HEARTBEAT.
KEEPER_PAUSE = 0.25
# The tasks that stop before the runs are handed over, with those of `background`. The lease keeper and its watchdog
# stop after that.
OTHER_TASKS = ("notifications", "reclaims", "stranded", "stop")

Loop = Callable[[], Awaitable[None]]


class Runner(Protocol):
    """What runs the jobs of a process."""

    async def run(self, claimed: ClaimedJob) -> None:
        """Run a claimed job to a decision. Save every error as its outcome. A cancelled run hands the job over."""

    def may_end(self, task: asyncio.Task[None]) -> bool:
        """Return whether a graceful stop lets the run of this task end, for at most STOP_GRACE."""

    async def close(self) -> None:
        """Release what the runs have used."""


@dataclass(frozen=True)
class Background:
    """A loop that runs beside the jobs, and restarts `pause` seconds after it has failed (supervision.py)."""

    loop: Loop
    pause: float = RESTART_PAUSE


class RunnersByKind:
    """The runner of each kind of job that a process runs."""

    def __init__(self, runners: Mapping[str, Runner]) -> None:
        self._runners = runners

    async def run(self, claimed: ClaimedJob) -> None:
        """Run a claimed job by the runner of its kind."""
        await self._runners[claimed.kind].run(claimed)

    def may_end(self, task: asyncio.Task[None]) -> bool:
        """Return whether the runner of this task lets it end."""
        return any(runner.may_end(task) for runner in self._runners.values())

    async def close(self) -> None:
        """Close all runners."""
        for runner in self._runners.values():
            await runner.close()


@dataclass(frozen=True)
class Part:
    """What another room has a worker do beside publishing."""

    # By kind of job.
    runners: Mapping[str, Runner]
    # By queue.
    slots: Mapping[str, int]
    # By name.
    background: Mapping[str, Background]
    # By channel of PostgreSQL's notifications: what each one sets.
    channels: Mapping[str, asyncio.Event]


class WorkerProcess:
    """One process that runs jobs."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        runner: Runner,
        slots: Mapping[str, int],
        programs: Mapping[str, str],
        background: Mapping[str, Background] | None = None,
    ) -> None:
        """Run jobs of the queues in `slots`, those of the `programs` and those without one."""
        self._settings = settings
        self._database = database
        self._runner = runner
        self._programs = programs
        self.engine = make_engine(settings, database)
        self.slots = self._make_slots(slots, self.engine.name)
        # Beside the tasks of every process, by name.
        self.background = dict(background or {})
        # By channel: what a notification sets, beside those about jobs.
        self.channels: dict[str, asyncio.Event] = {}
        # The number of failures of each background task (supervision.py).
        self.task_failures: Counter[str] = Counter()
        self._watchdog = Watchdog((LEASE / 2 + HEARTBEAT).total_seconds())

    async def run(self, stop: asyncio.Event) -> None:
        """Run jobs until `stop` is set, then hand over those under way. Set `stop` when an operator drains the worker.

        End the process if its lease cannot be renewed (supervision.py).
        """
        name = self.slots.facts.name
        await self._open(stop)
        log.info("worker_started", worker=name, slots=dict(self.slots.facts.slots))
        try:
            async with asyncio.TaskGroup() as group:
                supervisor = self._start_tasks(group, stop)
                try:
                    await self._serve(stop)
                finally:
                    supervisor.stop(*OTHER_TASKS, *self.background)
                    await self._drain()
                    await self.engine.close()
                    supervisor.stop()
        finally:
            await self._runner.close()
            with suppress(DatabaseUnavailable):
                await self.slots.close()
            log.info("worker_stopped", worker=name)

    async def close(self) -> None:
        """Close a worker that used `run_due` instead of `run`."""
        await self._runner.close()

    async def run_due(self, more: Mapping[str, int] | None = None, keeps_lease: bool = False) -> int:
        """Run the jobs once that are due now, as a worker of its own, and return their number. For tests.

        `more`: slots of queues that the process itself does not serve. Without `keeps_lease`, the runs must end
        within a lease.
        """
        await reclaim_expired(self._database)
        while await promote(self._database):
            pass
        # Its main queue comes last: a test that moves the loop's time while a run waits must not end the next claim.
        queues = dict(more or {}) | dict(reversed([*self.slots.facts.slots.items()]))
        slots = self._make_slots(queues, RowsEngine.name)
        await slots.open()
        await self._sort()
        runs = await RowsEngine(self._database).fill_once(slots)
        keepers = [asyncio.create_task(self._keep_lease(slots, asyncio.Event()))] if keeps_lease else []
        try:
            await asyncio.gather(*runs)
        finally:
            for keeper in keepers:
                keeper.cancel()
            await asyncio.gather(*keepers, return_exceptions=True)
        await slots.close()
        return len(runs)

    def _make_slots(self, slots: Mapping[str, int], engine: str) -> WorkerSlots:
        facts = WorkerFacts(f"{socket.gethostname()}:{os.getpid()}", engine, __version__, slots, self._programs)
        return WorkerSlots(self._database, facts, self._runner.run, subject_prefix(self._settings))

    async def _open(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                await self.slots.open()
                return
            except DatabaseUnavailable as error:
                log.error("database_unavailable", error=str(error))
                await asyncio.sleep(ERROR_PAUSE)

    async def _serve(self, stop: asyncio.Event) -> None:
        """Serve by the engine until `stop`, also after its unexpected errors.

        Without an engine, the worker would keep its lease and run nothing.
        """
        while not stop.is_set():
            try:
                await self.engine.serve(self.slots, stop)
            except Exception:
                log.exception("engine_failed", engine=self.engine.name)
                await asyncio.sleep(ERROR_PAUSE)

    def _start_tasks(self, group: asyncio.TaskGroup, stop: asyncio.Event) -> Supervisor:
        supervisor = Supervisor(group, self.task_failures)
        supervisor.start("leases", partial(self._keep_lease, self.slots, stop), pause=KEEPER_PAUSE)
        supervisor.start("watchdog", self._watchdog.watch)
        supervisor.start("notifications", self._listen)
        reclaim = partial(every, RECLAIM_EVERY, self._reclaim)
        supervisor.start("reclaims", reclaim)
        strand = partial(every, SORT_EVERY, self._strand)
        supervisor.start("stranded", strand)
        supervisor.start("stop", lambda: self._wake_on(stop))
        for name, task in self.background.items():
            supervisor.start(name, task.loop, pause=task.pause)
        return supervisor

    async def _sort(self) -> None:
        """Find the jobs that wait in vain."""
        await sort_stranded(self._database)
        await unblock_left(self._database)

    async def _strand(self) -> None:
        if self.slots.is_steady():
            await self._sort()

    async def _reclaim(self) -> None:
        if self.slots.is_steady():
            await reclaim_expired(self._database)

    async def _keep_lease(self, slots: WorkerSlots, stop: asyncio.Event) -> None:
        """Renew the worker's lease, which covers all of its runs. Set `stop` if an operator drains the worker."""
        while True:
            await asyncio.sleep(HEARTBEAT.total_seconds())
            try:
                async with asyncio.timeout(HEARTBEAT.total_seconds()):
                    await slots.beat()
            except (DatabaseUnavailable, TimeoutError) as error:
                # An unavailable database does not end the process: each run stops when the lease expires.
                log.error("lease_not_renewed", error=str(error) or "the database does not respond")
            # Feed the watchdog only at this point: the supervisor restarts a failed loop, and a loop that always
            # fails renews no lease.
            self._watchdog.feed()
            if slots.orders.drain and not stop.is_set():
                log.info("worker_drained", worker=slots.facts.name)
                stop.set()

    async def _listen(self) -> None:
        """Wake the engine at each notification that a job may be ready."""
        while True:
            self.slots.reopened.clear()
            try:
                await self._listen_once()
            except (DatabaseUnavailable, OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                await asyncio.sleep(ERROR_PAUSE)

    async def _listen_once(self) -> None:
        """Listen until the connection is lost or the worker has another id."""
        connection = await self._database.connect_for_notifications()
        if connection is None:
            log.info("polling", every_seconds=POLL.total_seconds(), reason="the pooler passes no notifications")
            await asyncio.Event().wait()  # never set: the engine polls
        try:
            # Termination ends the wait like another id: the caller connects again in both cases.
            connection.add_termination_listener(lambda _: self.slots.reopened.set())
            woken = {f"{CHANNEL}{self.slots.lease.id}": self.slots.woken} | self.channels
            for channel, event in woken.items():
                await connection.add_listener(channel, lambda *_, event=event: event.set())
            await self.slots.reopened.wait()
        finally:
            connection.terminate()

    async def _wake_on(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self.slots.woken.set()
        await asyncio.Event().wait()  # do not return: the supervisor would restart this task

    async def _drain(self) -> None:
        """Let the runs end that may end, for at most STOP_GRACE, and hand over all other jobs."""
        running = self.slots.running()
        for task in list(running):
            if not self._runner.may_end(task):
                task.cancel()
        if running:
            await asyncio.wait(list(running), timeout=STOP_GRACE.total_seconds())
        for task in list(running):
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def every(period: timedelta, act: Callable[[], Awaitable[object]]) -> None:
    """Call `act` again and again, with this time between two calls."""
    while True:
        await act()
        await asyncio.sleep(period.total_seconds())
