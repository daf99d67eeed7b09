"""The outcomes of the runs that make renditions: each changes the job, the rendition and the jobs that wait for it.

Each is one transaction, which raises LeaseLost and changes nothing if another renderer has the job. It locks the
rendition first, then its job. A job that waits for this one is locked last: it was blocked under a lock of this job
(`jobs/outcomes.py`), so that the last statement sees it.
"""

import json
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from clipcast.clock import clock
from clipcast.common.media import Media
from clipcast.common.storable import storable_json
from clipcast.database import Database
from clipcast.database.changes import tell
from clipcast.database.hot_queries import Statement, Transaction
from clipcast.database.models.jobs import JobState
from clipcast.jobs.claimed import ClaimedJob, LeaseLost
from clipcast.jobs.kinds import KINDS, RENDER
from clipcast.jobs.runs import end_job, shown
from clipcast.jobs.unblock import UNFINISHED, unblock
from clipcast.jobs.wake import wake_router, wake_workers
from clipcast.platforms.errors import PublishError
from clipcast.rendering.recipe import Recipe
from clipcast.renders.needed import NEEDED
from clipcast.renders.renditions import queue_of

# Whoever has just ordered a rendition may not have said yet for which item.
SETTLED_AFTER = timedelta(minutes=1)
LOCK = Statement(f"""
    SELECT status, {NEEDED} OR last_used_at > :settled_before AS needed FROM renditions WHERE id = :id
    FOR NO KEY UPDATE
""")
UPDATE = Statement("""
    UPDATE renditions SET
        status = :status, error = CAST(:error AS jsonb),
        completed_at = CASE WHEN :ended THEN CAST(:now AS timestamptz) END
    WHERE id = :id
""")
COMPLETE = Statement("""
    UPDATE renditions SET
        status = 'completed', progress = 100, error = NULL, completed_at = :now, last_used_at = :now,
        storage_key = :storage_key, thumbnail_key = :thumbnail_key, size = :size, sha256 = :sha256,
        media = CAST(:media AS jsonb), warnings = CAST(:warnings AS jsonb)
    WHERE id = :id
""")
# The key stays: it names what was ordered.
REPLAN = Statement("""
    WITH moved AS (UPDATE jobs SET kind = :kind, queue = :queue WHERE id = :id)
    UPDATE renditions SET
        recipe = CAST(:recipe AS jsonb), action = :action, status = 'queued', error = NULL, completed_at = NULL
    WHERE id = :id
""")


@dataclass(frozen=True)
class Made:
    """A stored file, with its thumbnail, and what the probe found."""

    storage_key: str
    thumbnail_key: str | None
    size: int
    sha256: str
    media: Media
    warnings: tuple[str, ...]


class RenditionOutcomes:
    """The possible ends of a run."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def completed(self, claimed: ClaimedJob, made: Made) -> bool:
        """Record the file. Return False, and do not, if the rendition was cancelled meanwhile."""
        async with self._database.hot_pool.transaction() as transaction:
            status, _ = await self._lock(transaction, claimed)
            await end_job(transaction, claimed, JobState.DONE)
            if status != "cancelled":
                values = vars(made) | {
                    "media": json.dumps(storable_json(vars(made.media))),
                    "warnings": json.dumps(storable_json(made.warnings)),
                }
                await transaction.fetch(COMPLETE, values | {"id": claimed.subject_id, "now": clock.now()})
                wake_router(transaction)
            await unblock(transaction, claimed.id)
        return bool(status != "cancelled")

    async def failed(self, claimed: ClaimedJob, error: PublishError) -> None:
        """Record why there is no file."""
        async with self._database.hot_pool.transaction() as transaction:
            status, _ = await self._lock(transaction, claimed)
            await end_job(transaction, claimed, JobState.DONE)
            if status != "cancelled":
                await self._update(transaction, claimed, "failed", error, ended=True)
                wake_router(transaction)
            await unblock(transaction, claimed.id)

    async def cancelled(self, claimed: ClaimedJob) -> bool:
        """End a run that somebody cancelled or nobody needs. Return False, and run again, if that has changed."""
        async with self._database.hot_pool.transaction() as transaction:
            status, needed = await self._lock(transaction, claimed)
            if status != "cancelled" and needed:
                await end_job(transaction, claimed, JobState.READY)
                return False
            await end_job(transaction, claimed, JobState.DONE)
            await self._update(transaction, claimed, "cancelled", None, ended=True)
            await unblock(transaction, claimed.id)
            return True

    async def again(
        self,
        claimed: ClaimedJob,
        delay: timedelta = timedelta(),
        error: PublishError | None = None,
        crashed: bool = False,
    ) -> None:
        """Run the job again after `delay`, and show `error` until then. `crashed`: its child has died."""
        state = JobState.WAITING if delay > timedelta() else JobState.READY
        async with self._database.hot_pool.transaction() as transaction:
            status, _ = await self._lock(transaction, claimed)
            await end_job(transaction, claimed, state, delay, error=error, crashes=crashed)
            if status != "cancelled":
                await self._update(transaction, claimed, "queued", error)

    async def replanned(self, claimed: ClaimedJob, recipe: Recipe, estimate: int) -> None:
        """Make the file by another recipe, which encodes the picture for about `estimate` seconds."""
        kind, queue = KINDS[RENDER], queue_of(KINDS[RENDER], estimate)
        values = {"id": claimed.subject_id, "kind": kind.name, "queue": queue, "action": recipe.action}
        async with self._database.hot_pool.transaction() as transaction:
            status, _ = await self._lock(transaction, claimed)
            await end_job(transaction, claimed, JobState.READY)
            if status != "cancelled":
                await transaction.fetch(REPLAN, values | {"recipe": json.dumps(recipe.as_dict())})
                wake_workers(transaction, queue)

    async def blocked(self, claimed: ClaimedJob, after: UUID) -> None:
        """Run the job again when the job `after` has ended, or at once to end it if it was cancelled."""
        async with self._database.hot_pool.transaction() as transaction:
            status, _ = await self._lock(transaction, claimed)
            waits = status != "cancelled" and bool(await transaction.fetch(UNFINISHED, {"id": after}))
            await end_job(transaction, claimed, JobState.BLOCKED if waits else JobState.READY, after_id=after)
            if status != "cancelled":
                await self._update(transaction, claimed, "queued", None)

    async def _lock(self, transaction: Transaction, claimed: ClaimedJob) -> tuple[str, bool]:
        values = {"id": claimed.subject_id, "settled_before": clock.now() - SETTLED_AFTER}
        rows = await transaction.fetch(LOCK, values)
        if not rows:  # it was deleted, and its job with it
            raise LeaseLost(str(claimed.id))
        tell(transaction, claimed.subject_id)
        return rows[0]["status"], rows[0]["needed"]

    async def _update(
        self,
        transaction: Transaction,
        claimed: ClaimedJob,
        status: str,
        error: PublishError | None,
        ended: bool = False,
    ) -> None:
        values = {"id": claimed.subject_id, "status": status, "error": shown(error), "ended": ended}
        await transaction.fetch(UPDATE, values | {"now": clock.now()})
