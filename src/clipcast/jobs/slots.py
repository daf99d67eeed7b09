"""The slots of one worker process: the jobs that it runs now, and its lease. They are the same for every engine."""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Coroutine, Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

import structlog

from clipcast.clock import clock
from clipcast.common.unavailable import DatabaseUnavailable
from clipcast.database import Database
from clipcast.jobs.claimed import LEASE, ClaimedJob, WorkerLease
from clipcast.jobs.pauses import read_pauses, set_aside
from clipcast.jobs.workers import Orders, WorkerFacts, heartbeat, register, stop

log = structlog.get_logger()

Run = Callable[[ClaimedJob], Coroutine[Any, Any, None]]


class WorkerSlots:
    """The slots of a worker by queue. Use it between `open` and `close`."""

    def __init__(self, database: Database, facts: WorkerFacts, run: Run, quotas_of: str = "") -> None:
        """Run each job by `run`, which hands the job over when it is cancelled. `quotas_of`: see `queue.claim`."""
        self.facts = facts
        self.quotas_of = quotas_of
        # Set when an engine should look for jobs: by a notification, a freed slot, or the end of the worker.
        self.woken = asyncio.Event()
        # Set when the worker has another id than before.
        self.reopened = asyncio.Event()
        # As of the last heartbeat.
        self.orders = Orders()
        self._database = database
        self._run = run
        self._lease: WorkerLease | None = None
        # The first heartbeat since the last one that failed, on the monotonic clock.
        self._steady_since: float | None = None
        self._jobs: dict[asyncio.Task[None], ClaimedJob] = {}

    @property
    def lease(self) -> WorkerLease:
        """The worker's lease. It has another id after the worker was declared dead."""
        assert self._lease is not None
        return self._lease

    @property
    def queues(self) -> Collection[str]:
        return self.facts.slots.keys()

    def free(self, queue: str) -> int:
        """Return the number of free slots of a queue; none while an operator pauses it or drains the worker."""
        if self.orders.drain or self.orders.pauses.has_queue(queue):
            return 0
        return max(0, self.facts.slots.get(queue, 0) - self._busy()[queue])

    def running(self) -> Mapping[asyncio.Task[None], ClaimedJob]:
        """Return the jobs that run now, by their tasks."""
        return self._jobs

    async def open(self, id: UUID | None = None) -> None:
        """Register the worker. Raise DatabaseUnavailable."""
        pauses = await read_pauses(self._database)
        self._lease = await register(self._database, self.facts, id, self._lease.id if self._lease else None)
        self.orders = Orders(pauses, self.orders.drain)  # an order to drain outlives the worker's id

    async def close(self) -> None:
        """Delete the worker's row. Raise DatabaseUnavailable: the lease then ends by itself."""
        if self._lease:
            await stop(self._database, self._lease)

    def start(self, job: ClaimedJob) -> asyncio.Task[None]:
        """Run a claimed job in a slot of its queue. A cancelled run hands its job over."""
        task = asyncio.create_task(self._run_or_set_aside(job))
        self._jobs[task] = job
        task.add_done_callback(self._ended)
        return task

    async def beat(self) -> None:
        """Renew the lease, and read the orders. If the worker was declared dead, stop all runs and register again.

        Raise DatabaseUnavailable.
        """
        free = {queue: self.free(queue) for queue in self.queues}
        lease = self.lease
        try:
            orders = await heartbeat(self._database, lease, free, [job.id for job in self._jobs.values()])
        except BaseException:
            self._steady_since = None
            raise
        if self._steady_since is None:
            self._steady_since = clock.monotonic()
        if orders:
            orders = replace(orders, drain=orders.drain or self.orders.drain)
            if orders != self.orders:
                self.orders = orders
                self.woken.set()
            return
        log.warning("worker_declared_dead", worker=self.facts.name)
        for task, job in list(self._jobs.items()):
            if job.lease.worker is lease:
                task.cancel()
        await self.open()
        self.reopened.set()

    def is_steady(self) -> bool:
        """Return whether every heartbeat of the last LEASE / 2 has succeeded, and the database's clock made no step.

        After an outage of the database, or a step, all workers have time for a heartbeat before one declares another
        one dead.
        """
        now = clock.monotonic()
        if self._steady_since is None or now >= self.lease.good_until:  # the machine has slept
            return False
        return now - max(self._steady_since, clock.stepped_at) >= LEASE.total_seconds() / 2

    async def _run_or_set_aside(self, job: ClaimedJob) -> None:
        pauses = self.orders.pauses
        try:
            if pauses.covers(job) and await set_aside(self._database, job, pauses):
                return
        except DatabaseUnavailable as error:
            # The job stays claimed. A heartbeat releases it.
            log.error("database_unavailable", error=str(error), job_id=str(job.id))
            return
        await self._run(job)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._jobs.pop(task, None)
        self.woken.set()

    def _busy(self) -> Counter[str]:
        return Counter(job.queue for job in self._jobs.values())
