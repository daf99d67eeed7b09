"""Blocked jobs: each waits for the end of another job, and becomes ready with it."""

from uuid import UUID

from clipcast.clock import clock
from clipcast.database import Database
from clipcast.database.hot_queries import Executor, Statement
from clipcast.jobs.wake import wake_workers

# Locks the job that another one is to wait for, so that its end sees that one.
UNFINISHED = Statement("SELECT FROM jobs WHERE id = :id AND state NOT IN ('done', 'dead') FOR SHARE")
UNBLOCK = Statement("""
    UPDATE jobs SET state = CASE WHEN due_at <= :now THEN 'ready' ELSE 'waiting' END, updated_at = :now
    WHERE id IN (SELECT id FROM jobs WHERE after_id = :id AND state = 'blocked' ORDER BY id FOR UPDATE)
    RETURNING queue
""")
# Those whose job ended without them: it is dead, or was deleted.
UNBLOCK_LEFT = Statement("""
    UPDATE jobs SET state = CASE WHEN due_at <= :now THEN 'ready' ELSE 'waiting' END, updated_at = :now
    WHERE id IN (
        SELECT jobs.id FROM jobs LEFT JOIN jobs AS before ON before.id = jobs.after_id
        WHERE jobs.state = 'blocked' AND (before.id IS NULL OR before.state IN ('done', 'dead'))
        FOR UPDATE OF jobs SKIP LOCKED
    )
    RETURNING queue
""")


async def unblock(executor: Executor, job_id: UUID) -> None:
    """Make the jobs ready that wait for this one, which has just ended. Wake workers after the commit."""
    for queue in {row["queue"] for row in await executor.fetch(UNBLOCK, {"id": job_id, "now": clock.now()})}:
        wake_workers(executor, queue)


async def unblock_left(database: Database) -> None:
    """Make the jobs ready whose job is dead or was deleted. Raise DatabaseUnavailable."""
    for queue in {row["queue"] for row in await database.hot_pool.fetch(UNBLOCK_LEFT, {"now": clock.now()})}:
        wake_workers(database.hot_pool, queue)
