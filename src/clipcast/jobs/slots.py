"""The slots of one worker process: the jobs that it runs now, and its lease. They are the same for every engine."""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Coroutine, Mapping
from typing import Any
from uuid import UUID

import structlog

from clipcast.database import Database
from clipcast.jobs.claimed import ClaimedJob, WorkerLease
from clipcast.jobs.workers import WorkerFacts, heartbeat, register, stop

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
        self._database = database
        self._run = run
        self._lease: WorkerLease | None = None
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
        """Return the number of free slots of a queue."""
        return self.facts.slots.get(queue, 0) - self._busy()[queue]

    def running(self) -> Mapping[asyncio.Task[None], ClaimedJob]:
        """Return the jobs that run now, by their tasks."""
        return self._jobs

    async def open(self, id: UUID | None = None) -> None:
        """Register the worker. Raise DatabaseUnavailable."""
        self._lease = await register(self._database, self.facts, id)

    async def close(self) -> None:
        """Delete the worker's row. Raise DatabaseUnavailable: the lease then ends by itself."""
        if self._lease:
            await stop(self._database, self._lease)

    def start(self, job: ClaimedJob) -> asyncio.Task[None]:
        """Run a claimed job in a slot of its queue. A cancelled run hands its job over."""
        task = asyncio.create_task(self._run(job))
        self._jobs[task] = job
        task.add_done_callback(self._ended)
        return task

    async def beat(self) -> None:
        """Renew the lease. If the worker was declared dead, stop all runs and register again.

        Raise DatabaseUnavailable.
        """
        busy = self._busy()
        free = {queue: slots - busy[queue] for queue, slots in self.facts.slots.items()}
        lease = self.lease
        if await heartbeat(self._database, lease, free, [job.id for job in self._jobs.values()]):
            return
        log.warning("worker_declared_dead", worker=self.facts.name)
        for task, job in list(self._jobs.items()):
            if job.lease.worker is lease:
                task.cancel()
        await self.open()
        self.reopened.set()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._jobs.pop(task, None)
        self.woken.set()

    def _busy(self) -> Counter[str]:
        return Counter(job.queue for job in self._jobs.values())
