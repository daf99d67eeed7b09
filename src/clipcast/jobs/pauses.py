"""Pauses: an operator stops the jobs of a queue, a platform or a workspace, and resumes them later.

A worker reads the pauses with each heartbeat. It claims nothing from a paused queue. It claims the jobs of a paused
platform or workspace and sets them aside: so the cost of a claim is independent of the number of paused jobs.
"""

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.clock import clock
from clipcast.common.settings import QUEUES
from clipcast.common.timestamps import format_timestamp
from clipcast.database import Database
from clipcast.database.changes import tell
from clipcast.database.hot_queries import Statement
from clipcast.database.models.jobs import EndedPause, Pause
from clipcast.jobs.claimed import ClaimedItem, ClaimedJob
from clipcast.jobs.timeline import WRITE_EVENTS, Timeline
from clipcast.jobs.wake import wake_workers
from clipcast.platforms.errors import TransientError, as_dict
from clipcast.platforms.registry import PLATFORMS

QUEUE, PLATFORM, WORKSPACE = "queue", "platform", "workspace"
CONTINUES = "No action is needed: the item continues when the operator resumes."

READ = Statement("SELECT kind, name FROM pauses")

# The pause's row is locked until the job is paused: `resume` waits for that, then sees the job.
SET_ASIDE = Statement(f"""
    WITH pause AS (
        SELECT kind FROM pauses
        WHERE (kind = 'platform' AND name = :platform) OR (kind = 'workspace' AND name = :workspace)
        FOR SHARE
    ), held AS (
        UPDATE jobs SET
            state = 'paused', worker_id = NULL, continues_attempt = true, error = CAST(:error AS jsonb),
            updated_at = :now
        WHERE id = :id AND fence = :fence AND state = 'running' AND EXISTS (SELECT FROM pause)
        RETURNING subject_id
    ), shown AS (
        UPDATE items SET status = coalesce(:status, items.status), updated_at = :now
        FROM held WHERE items.id = held.subject_id
    ), events AS ({WRITE_EVENTS})
    SELECT kind FROM pause
""")

# By kind of pause: the paused jobs that it covers.
COVERED = {PLATFORM: "platform = :name", WORKSPACE: "workspace_id = CAST(:name AS uuid)"}
RESUME = """
    WITH resumed AS (
        UPDATE jobs SET
            state = CASE WHEN due_at <= :now THEN 'ready' ELSE 'waiting' END, error = NULL, updated_at = :now
        WHERE id IN (SELECT id FROM jobs WHERE state = 'paused' AND {covered} ORDER BY id FOR UPDATE)
        RETURNING queue, subject_id
    ), shown AS (
        UPDATE items SET updated_at = :now FROM resumed WHERE items.id = resumed.subject_id
    )
    SELECT queue, count(*) AS number FROM resumed GROUP BY queue
"""


PAUSED_TIME = Statement("""
    SELECT sum(ended_at - greatest(started_at, :since)) AS total
    FROM (
        SELECT started_at, ended_at FROM ended_pauses WHERE queue = :queue
        UNION ALL
        SELECT created_at, CAST(:now AS timestamptz) FROM pauses WHERE kind = 'queue' AND name = :queue
    ) AS of_queue
    WHERE ended_at > :since
""")


@dataclass(frozen=True)
class Pauses:
    """The pauses as a worker last read them, each as its kind and name."""

    found: frozenset[tuple[str, str]] = frozenset()

    @classmethod
    def of(cls, pairs: Collection[Collection[str]]) -> "Pauses":
        return cls(frozenset((kind, name) for kind, name in pairs))

    def has_queue(self, queue: str) -> bool:
        return (QUEUE, queue) in self.found

    def covers(self, job: ClaimedJob) -> bool:
        """Return whether the job's platform or workspace is paused."""
        return bool(self.found) and not self.found.isdisjoint(
            ((PLATFORM, job.platform), (WORKSPACE, str(job.workspace_id)))
        )


async def read_pauses(database: Database) -> Pauses:
    """Return the pauses. Raise DatabaseUnavailable."""
    return Pauses.of(await database.hot_pool.fetch(READ, {}))


async def set_aside(database: Database, job: ClaimedJob, pauses: Pauses) -> bool:
    """Pause a claimed job whose platform or workspace is paused. The attempt continues when it is resumed.

    Return False, and change nothing, if the pause has ended since the worker read it. Raise DatabaseUnavailable.
    """
    now = clock.now()
    error = _error(job, pauses)
    values: dict[str, Any] = {
        "id": job.id,
        "fence": job.lease.fence,
        "platform": job.platform,
        "workspace": str(job.workspace_id),
        "status": None,
        "error": json.dumps(as_dict(error, format_timestamp(now) or "")),
        "events": "[]",
        "now": now,
    }
    if isinstance(job, ClaimedItem):
        timeline = Timeline(job.attempt_id)
        timeline.add("wait", "paused by the operator", detail=error.message)
        values |= {"status": job.item.status, "events": timeline.take()}
    is_paused = bool(await database.hot_pool.fetch(SET_ASIDE, values))
    if is_paused:
        tell(database.hot_pool, job.subject_id)
    return is_paused


def _error(job: ClaimedJob, pauses: Pauses) -> TransientError:
    platform = job.platform or ""
    title = PLATFORMS[platform].title if platform in PLATFORMS else platform
    what = f"publishing to {title}" if (PLATFORM, platform) in pauses.found else "publishing in this workspace"
    message = f"The operator paused {what}."
    return TransientError("paused_by_operator", message, actor="operator", fix=CONTINUES)


async def pause(session: AsyncSession, kind: str, name: str, paused_by: str) -> bool:
    """Pause a queue, a platform or the workspace of this id. Return False if it is paused already.

    Workers learn it with their next heartbeat. Runs that have begun go on.
    """
    values = {"kind": kind, "name": name, "paused_by": paused_by, "created_at": clock.now()}
    made = insert(Pause).values(values).on_conflict_do_nothing().returning(Pause.kind)
    return (await session.execute(made)).first() is not None


async def resume(session: AsyncSession, kind: str, name: str) -> int | None:
    """End a pause and make its jobs ready, or waiting if they are not due. Return their number; None without a pause.

    A job that another pause covers, too, is set aside again.
    """
    ended = delete(Pause).where(Pause.kind == kind, Pause.name == name).returning(Pause.created_at)
    started_at = await session.scalar(ended)
    if started_at is None:
        return None
    if kind == QUEUE:
        session.add(EndedPause(queue=name, started_at=started_at, ended_at=clock.now()))
    # A second statement sees the jobs that were set aside while the first one waited for the lock.
    resumed: dict[str, int] = {}
    if covered := COVERED.get(kind):
        rows = await session.execute(text(RESUME.format(covered=covered)), {"name": name, "now": clock.now()})
        resumed = {row.queue: row.number for row in rows}
    for queue in resumed or QUEUES:
        wake_workers(session, queue)
    return sum(resumed.values())


async def paused_time(database: Database, queue: str, since: datetime) -> timedelta:
    """Return for how long since then an operator has paused the queue. Raise DatabaseUnavailable."""
    [row] = await database.hot_pool.fetch(PAUSED_TIME, {"queue": queue, "since": since, "now": clock.now()})
    return row["total"] or timedelta()


async def list_pauses(session: AsyncSession) -> list[Pause]:
    """Return the pauses, the oldest first."""
    return list(await session.scalars(select(Pause).order_by(Pause.created_at, Pause.kind, Pause.name)))
