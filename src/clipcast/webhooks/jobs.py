"""The job of each webhook: it is ready while a delivery is due, waits for the next one, or is done."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.clock import clock
from clipcast.database.hot_queries import AsyncpgPool, Statement, Transaction
from clipcast.jobs.claimed import ClaimedJob
from clipcast.jobs.kinds import DELIVER, DELIVER_QUEUE, KINDS, REDELIVER_QUEUE
from clipcast.jobs.runs import MINE, mine
from clipcast.jobs.wake import wake_workers

# The row of a running job is locked but not changed: the end of its run waits for this transaction, and then finds its
# deliveries. The job of a paused webhook becomes ready when the pause ends.
READY = text("""
    INSERT INTO jobs (id, workspace_id, kind, subject_id, queue, priority, state, due_at, created_at, updated_at)
    SELECT id, workspace_id, :kind, id, CASE WHEN failures = 0 THEN :queue ELSE :slow_queue END, :priority,
           CASE WHEN paused_until > :now THEN 'waiting' ELSE 'ready' END,
           greatest(paused_until, CAST(:now AS timestamptz)), :now, :now
    FROM webhooks WHERE id = ANY(:ids) AND disabled_at IS NULL ORDER BY id
    ON CONFLICT (id) DO UPDATE SET
        state = excluded.state, due_at = excluded.due_at, queue = excluded.queue, updated_at = excluded.updated_at
    WHERE jobs.state = 'done' OR jobs.state = 'waiting' AND jobs.due_at > excluded.due_at
""")
# A statement of its own, so that it sees the deliveries that were committed until the lock.
END = Statement("""
    UPDATE jobs SET
        state = CASE WHEN next IS NULL THEN 'done' WHEN next <= :now THEN 'ready' ELSE 'waiting' END,
        due_at = coalesce(next, :now), queue = :queue, worker_id = NULL, crash_count = 0, failures = 0, error = NULL,
        continues_attempt = false, updated_at = :now
    FROM (
        SELECT CASE WHEN min(due_at) IS NOT NULL
                    THEN greatest(min(due_at), CAST(:not_before AS timestamptz)) END AS next
        FROM deliveries WHERE webhook_id = :webhook_id AND status = 'pending'
    ) AS left_over
    WHERE id = :job_id RETURNING state
""")

# For what counts the running jobs of a queue.
LEAVE_SLOT = Statement(f"UPDATE jobs SET queue = :queue WHERE id = :job_id AND {MINE}")  # noqa: S608 - a constant


async def ready_jobs(session: AsyncSession, webhook_ids: Collection[UUID]) -> None:
    """Have the deliveries of these webhooks sent that are due. The caller wakes workers after the commit."""
    kind = KINDS[DELIVER]
    values = {"kind": kind.name, "queue": kind.queue, "slow_queue": REDELIVER_QUEUE, "priority": kind.priority}
    await session.execute(READY, values | {"ids": sorted(webhook_ids), "now": clock.now()})


async def leave_slot(pool: AsyncpgPool, claimed: ClaimedJob) -> None:
    """Move a running job to the queue of webhooks that do not respond. Raise DatabaseUnavailable."""
    await pool.fetch(LEAVE_SLOT, {"queue": REDELIVER_QUEUE} | mine(claimed))


async def end_job(transaction: Transaction, claimed: ClaimedJob, not_before: datetime, is_failing: bool) -> None:
    """End the run of a locked job. It is due again with its next delivery, at the earliest at `not_before`.

    While the webhook fails, its job has the slots of those that do not respond.
    """
    queue = REDELIVER_QUEUE if is_failing else DELIVER_QUEUE
    values = {"webhook_id": claimed.subject_id, "now": clock.now(), "not_before": not_before, "queue": queue}
    [row] = await transaction.fetch(END, values | mine(claimed))
    if row["state"] == "ready":
        wake_workers(transaction, queue)
