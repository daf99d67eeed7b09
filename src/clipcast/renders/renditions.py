"""Renditions: each is made once for all who need it, and made again if its file has expired.

A rendition and its job have the same id. Whoever locks both locks the rendition first.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
from pydantic_core import from_json

from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.common.media import Media
from clipcast.database.changes import tell
from clipcast.database.hot_queries import Executor, Statement, Transaction
from clipcast.jobs.kinds import CPU, KINDS, LONG, REMUX, RENDER, Kind
from clipcast.jobs.unblock import unblock
from clipcast.jobs.wake import wake_workers
from clipcast.rendering.recipe import Action, Recipe
from clipcast.renders.needed import NEEDED, NEEDED_BESIDES

# The priority of a job within its workspace: what a post needs soon, what one needs later, and what none needs.
FOR_A_POST_SOON, FOR_A_POST, FOR_NO_POST = 4, 5, 6
# Jobs that are estimated to take more seconds are long.
LONG_FROM = 600
# How exact `last_used_at` is for a rendition in use.
RECORDED_EVERY = timedelta(minutes=10)


@dataclass(frozen=True)
class Input:
    """A stored file that a recipe numbers. `size` is in bytes, `duration` in seconds: 0 for a picture."""

    storage_key: str
    size: int
    sha256: str
    duration: float = 0.0


@dataclass(frozen=True)
class Source:
    """A rendition whose file is the first input, made or not."""

    id: UUID
    key: str


def queue_of(kind: Kind, estimate: int) -> str:
    """Return the queue of a job that takes about so many seconds. Short ones never wait for a long one."""
    return LONG if kind.queue == CPU and estimate > LONG_FROM else kind.queue


@dataclass(frozen=True)
class Order:
    """What has to be made of a clip, or of a rendition of it: `source`.

    `inputs` are all files, or with a `source` those after the first. `expected` is the planner's prediction. The job
    starts at `due_at`.
    """

    workspace_id: UUID
    clip_id: UUID
    inputs: tuple[Input, ...]
    recipe: Recipe
    due_at: datetime
    expected: Media | None = None
    source: Source | None = None
    priority: int = FOR_A_POST
    # About how long it takes, in seconds.
    estimate: int = 0

    @property
    def key(self) -> str:
        """The name of the result in its workspace."""
        first = [self.source.key] if self.source else []
        return self.recipe.key(*first, *(one.sha256 for one in self.inputs))

    @property
    def kind(self) -> Kind:
        return KINDS[RENDER if self.recipe.action is Action.VIDEO else REMUX]

    @property
    def queue(self) -> str:
        """The queue of the job."""
        return queue_of(self.kind, self.estimate)


@dataclass(frozen=True)
class Ordered:
    """A rendition as of an order. Its columns are documented in database/models/renditions.py."""

    id: UUID
    key: str
    status: str
    progress: int
    storage_key: str | None
    size: int | None
    sha256: str | None
    media: dict[str, Any] | None
    error: dict[str, Any] | None
    started_at: datetime | None
    completed_at: datetime | None
    # Of its job, after an order of what is not made yet.
    queue: str | None = None


COLUMNS = """
    id, key, status, progress, storage_key, size, sha256, CAST(media AS text) AS media, CAST(error AS text) AS error,
    started_at, completed_at
"""
# A row that another process is making, or has made, stays as it is. The rest is queued anew. The recipe of a row stays,
# too: a run may have changed it, so that the job's kind and queue follow it, not the order.
ENSURE = Statement(f"""
    WITH wanted AS (
        SELECT * FROM jsonb_to_recordset(CAST(:orders AS jsonb)) AS wanted(
            id uuid, key text, workspace_id uuid, clip_id uuid, source_id uuid, inputs jsonb, recipe jsonb, action text,
            expected jsonb, queue text, priority int, due_at timestamptz)
    ), ensured AS (
        INSERT INTO renditions (id, workspace_id, key, clip_id, source_id, inputs, recipe, action, status, expected,
                                created_at, last_used_at)
        SELECT id, workspace_id, key, clip_id, source_id, inputs, recipe, action, 'queued', expected, :now, :now
        FROM wanted ORDER BY key
        ON CONFLICT (workspace_id, key) DO UPDATE SET
            last_used_at = excluded.last_used_at, inputs = excluded.inputs,
            clip_id = coalesce(renditions.clip_id, excluded.clip_id),
            source_id = coalesce(renditions.source_id, excluded.source_id),
            (status, progress, error, completed_at) = (
                SELECT CASE WHEN anew THEN 'queued' ELSE renditions.status END,
                       CASE WHEN anew THEN 0 ELSE renditions.progress END,
                       CASE WHEN anew THEN NULL ELSE renditions.error END,
                       CASE WHEN anew THEN NULL ELSE renditions.completed_at END
                FROM (SELECT renditions.status = 'expired' OR renditions.status IN ('failed', 'cancelled')
                             AND coalesce(renditions.completed_at < CAST(:failed_before AS timestamptz), true) AS anew
                     ) AS decided
            )
        RETURNING renditions.*
    ), queued AS (
        INSERT INTO jobs (id, workspace_id, kind, subject_id, queue, priority, state, due_at, created_at, updated_at)
        SELECT ensured.id, ensured.workspace_id,
               CASE WHEN ensured.action = '{Action.VIDEO}' THEN '{RENDER}' ELSE '{REMUX}' END, ensured.id,
               CASE WHEN ensured.action = wanted.action THEN wanted.queue
                    WHEN ensured.action = '{Action.VIDEO}' THEN '{KINDS[RENDER].queue}'
                    ELSE '{KINDS[REMUX].queue}' END, wanted.priority,
               CASE WHEN wanted.due_at <= :now THEN 'ready' ELSE 'waiting' END, wanted.due_at, :now, :now
        FROM ensured JOIN wanted ON wanted.workspace_id = ensured.workspace_id AND wanted.key = ensured.key
        WHERE ensured.status IN ('queued', 'active')
        ORDER BY ensured.id
        ON CONFLICT (id) DO UPDATE SET
            state = CASE WHEN jobs.state IN ('done', 'dead') OR jobs.state = 'waiting' AND jobs.error IS NULL
                              AND excluded.due_at < jobs.due_at THEN excluded.state ELSE jobs.state END,
            due_at = CASE WHEN jobs.state IN ('done', 'dead') THEN excluded.due_at
                          WHEN jobs.error IS NULL THEN least(jobs.due_at, excluded.due_at) ELSE jobs.due_at END,
            priority = CASE WHEN jobs.state IN ('done', 'dead') THEN excluded.priority
                            ELSE least(jobs.priority, excluded.priority) END,
            kind = CASE WHEN jobs.state IN ('done', 'dead') THEN excluded.kind ELSE jobs.kind END,
            queue = CASE WHEN jobs.state IN ('done', 'dead') AND jobs.queue <> '{LONG}' THEN excluded.queue
                         ELSE jobs.queue END,
            failures = CASE WHEN jobs.state IN ('done', 'dead') THEN 0 ELSE jobs.failures END,
            crash_count = CASE WHEN jobs.state IN ('done', 'dead') THEN 0 ELSE jobs.crash_count END,
            error = CASE WHEN jobs.state IN ('done', 'dead') THEN NULL ELSE jobs.error END,
            updated_at = CASE WHEN jobs.state = 'running' THEN jobs.updated_at ELSE excluded.updated_at END
        RETURNING jobs.id, jobs.queue
    )
    SELECT ensured.*, queued.queue FROM (SELECT {COLUMNS} FROM ensured) AS ensured LEFT JOIN queued USING (id)
""")
# Its object is gone, its file has expired, or it failed before: it is made again for what needs it.
REMAKE = Statement("""
    WITH remade AS (
        UPDATE renditions SET
            status = 'queued', progress = 0, error = NULL, completed_at = NULL, storage_key = NULL,
            thumbnail_key = NULL, last_used_at = :now
        WHERE id = :id AND (
            status IN ('completed', 'expired') AND storage_key IS NOT DISTINCT FROM CAST(:lost AS text)
            OR status IN ('failed', 'cancelled') AND completed_at < CAST(:failed_before AS timestamptz))
        RETURNING id
    )
    UPDATE jobs SET
        state = 'ready', due_at = :now, failures = 0, crash_count = 0, error = NULL, after_id = NULL, updated_at = :now
    FROM remade WHERE jobs.id = remade.id AND jobs.state IN ('done', 'dead')
    RETURNING jobs.queue
""")
# Those that wait after an error, such as for space, and those for which they wait. A locked one is being decided on.
HURRY = Statement("""
    WITH waiting AS (
        SELECT id FROM jobs
        WHERE (id = ANY(:ids) OR id IN (SELECT after_id FROM jobs AS blocked WHERE blocked.id = ANY(:ids)))
          AND state = 'waiting' AND error IS NOT NULL
          AND coalesce(updated_at < CAST(:unchanged_since AS timestamptz), true)
        FOR UPDATE SKIP LOCKED
    )
    UPDATE jobs SET state = 'ready', due_at = :now, updated_at = :now
    FROM waiting WHERE jobs.id = waiting.id
    RETURNING jobs.queue
""")
# A statement of its own, so that the next one sees what an order committed meanwhile. Orders lock by the key, too.
LOCK = Statement("SELECT FROM renditions WHERE id = ANY(:ids) ORDER BY key FOR UPDATE")
CANCEL = Statement(f"""
    UPDATE renditions SET status = 'cancelled', completed_at = :now
    WHERE id = :id AND status IN ('queued', 'active') AND NOT {NEEDED_BESIDES} RETURNING id
""")
DELETE = Statement(f"""
    DELETE FROM renditions WHERE id = ANY(:ids) AND NOT {NEEDED} RETURNING storage_key, thumbnail_key
""")
# The run of a running one sees that it was cancelled.
END_CANCELLED = Statement("""
    UPDATE jobs SET state = 'done', offers = offers + 1, error = NULL, updated_at = :now
    WHERE id = :id AND state NOT IN ('running', 'done') RETURNING id
""")
USE = Statement(f"""
    WITH used AS (UPDATE renditions SET last_used_at = :now WHERE id = :id AND last_used_at < :before)
    SELECT {COLUMNS} FROM renditions WHERE id = :id
""")


async def ensure(executor: Executor, orders: Sequence[Order], failed_before: datetime | None = None) -> list[Ordered]:
    """Have these files made, unless they exist, and return their renditions in the order of `orders`.

    An earlier order of the same file serves this one, too, and starts at the earlier of both times. One that failed or
    was cancelled is made again; with `failed_before`, if that was before this instant. Raise DatabaseUnavailable.
    """
    now = clock.now()
    rows = {
        (order.workspace_id, order.key): {
            "id": new_id(),
            "key": order.key,
            "workspace_id": order.workspace_id,
            "clip_id": order.clip_id,
            "source_id": order.source and order.source.id,
            "inputs": [asdict(one) for one in order.inputs],
            "recipe": order.recipe.as_dict(),
            "action": order.recipe.action,
            "expected": order.expected and vars(order.expected),
            "queue": order.queue,
            "priority": order.priority,
            "due_at": order.due_at.isoformat(),
        }
        for order in sorted(orders, key=lambda order: (order.due_at, order.priority), reverse=True)
    }
    if not rows:
        return []
    values = {"orders": json.dumps(list(rows.values()), default=str), "now": now, "failed_before": failed_before}
    found = {row["key"]: ordered_from(row) for row in await executor.fetch(ENSURE, values)}
    # An existing job keeps its queue, whatever the order says.
    for queue in {one.queue for one in found.values() if one.status == "queued" and one.queue}:
        wake_workers(executor, queue)
    return [found[order.key] for order in orders]


async def use(executor: Executor, rendition_id: UUID) -> Ordered | None:
    """Return a rendition, and record that it is in use; None if it was deleted. Raise DatabaseUnavailable."""
    now = clock.now()
    rows = await executor.fetch(USE, {"id": rendition_id, "now": now, "before": now - RECORDED_EVERY})
    return ordered_from(rows[0]) if rows else None


async def remake(
    executor: Executor, rendition_id: UUID, lost: str | None = None, failed_before: datetime | None = None
) -> None:
    """Have a file made again that has expired, whose object `lost` is missing, or that failed before an instant."""
    values = {"id": rendition_id, "lost": lost, "failed_before": failed_before, "now": clock.now()}
    for row in await executor.fetch(REMAKE, values):
        tell(executor, rendition_id)
        wake_workers(executor, row["queue"])


async def hurry(executor: Executor, rendition_ids: Sequence[UUID], unchanged_since: datetime | None = None) -> bool:
    """Try renditions now that wait after an error, such as for space on the disk. Return whether there were any.

    With `unchanged_since`, only those whose jobs did not change since this instant. The next pause is longer even so.
    """
    values = {"ids": list(rendition_ids), "unchanged_since": unchanged_since, "now": clock.now()}
    rows = await executor.fetch(HURRY, values)
    for queue in {row["queue"] for row in rows}:
        wake_workers(executor, queue)
    return bool(rows)


async def cancel(transaction: Transaction, rendition_id: UUID, *besides: UUID) -> bool:
    """Cancel a rendition that is not made yet, unless an item or a render other than `besides` needs it.

    Return whether it was cancelled. A run that makes it ends within seconds.
    """
    values = {"id": rendition_id, "ids": [rendition_id], "besides": list(besides), "now": clock.now()}
    await transaction.fetch(LOCK, values)
    cancelled = bool(await transaction.fetch(CANCEL, values))
    tell(transaction, rendition_id)
    if cancelled and await transaction.fetch(END_CANCELLED, values):
        await unblock(transaction, rendition_id)
    return cancelled


async def delete_unneeded(transaction: Transaction, rendition_ids: Sequence[UUID]) -> list[str]:
    """Delete those of these renditions that nobody needs, and return the storage keys of their files."""
    values = {"ids": list(rendition_ids)}
    await transaction.fetch(LOCK, values)
    return [key for row in await transaction.fetch(DELETE, values) for key in row if key]


def ordered_from(row: asyncpg.Record) -> Ordered:
    """Return the rendition in a row of COLUMNS."""
    return Ordered(**dict(row) | {name: from_json(row[name]) if row[name] else None for name in ("media", "error")})
