"""The activity: it takes the offered job, runs it in a slot, and reports the end to Temporal, for people to see."""

import asyncio
from uuid import UUID

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from clipcast.common.unavailable import DatabaseUnavailable
from clipcast.database import Database
from clipcast.database.hot_queries import Statement
from clipcast.jobs.engines.temporal.feeder import ACTIVITY
from clipcast.jobs.queue import take
from clipcast.jobs.slots import WorkerSlots

# Seconds. Shorter runs send no heartbeat.
HEARTBEAT_EVERY = 5.0
SUPERSEDED = "superseded"

STATE = Statement("SELECT state, due_at, error FROM jobs WHERE id = :id")


class Activities:
    """The activities of one worker."""

    def __init__(self, database: Database, slots: WorkerSlots) -> None:
        self._database = database
        self._slots = slots

    @activity.defn(name=ACTIVITY)
    async def run(self) -> str:
        """Run the job that the activity's id names, and return the state in which the run left it."""
        job_id, number = _parsed(activity.info().activity_id)
        slots = self._slots
        # After a poller was replaced, the runs of the one before it still have slots.
        if slots.free(activity.info().task_queue.rpartition(".")[2]) <= 0:
            raise _failure("This worker has no free slot. The job is offered again.")
        try:
            job = await take(
                self._database, slots.lease, job_id, number, slots.facts.programs, slots.facts.name, slots.quotas_of
            )
        except DatabaseUnavailable as error:
            raise _failure(f"The database is unavailable, the job is offered again: {error}") from None
        if job is None:
            return SUPERSEDED
        task = slots.start(job)
        await _wait(task)
        try:
            [row] = await self._database.hot_pool.fetch(STATE, {"id": job_id})
        except (DatabaseUnavailable, ValueError):  # a deleted post has no job any more
            return "ended"
        until = f" until {row['due_at']:%Y-%m-%d %H:%M:%SZ}" if row["state"] in ("waiting", "held") else ""
        return f"{row['state']}{until}"


async def _wait(task: asyncio.Task[None]) -> None:
    """Wait for a run, and send heartbeats. If somebody cancels the activity, the run hands its job over.

    Nothing else that Temporal reports ends a run: not a lost activity, a lost connection or the poller's end. The lease
    decides whether a run may go on, and the worker ends its runs when it stops.
    """
    while not task.done():
        try:
            await asyncio.wait({task}, timeout=HEARTBEAT_EVERY)
        except asyncio.CancelledError:
            details = activity.cancellation_details()
            if details is None or details.cancel_requested:
                task.cancel()
                await asyncio.wait({task})
                raise
        else:
            if not task.done():
                activity.heartbeat()


def _parsed(id: str) -> tuple[UUID, int]:
    """Return the job's id and the offer's number."""
    job_id, _, rest = id.partition(".")
    try:
        return UUID(job_id), int(rest.partition(".")[2])
    except ValueError:
        raise _failure(f"{id[:100]!r} is not an id of Clipcast's. Start no activity by hand: post or retry.") from None


def _failure(message: str) -> ApplicationError:
    """Return an error for Temporal to show. The job's row decides what happens next."""
    return ApplicationError(message, non_retryable=True, category=ApplicationErrorCategory.BENIGN)
