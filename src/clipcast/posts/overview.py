"""The data of the overview page: the next posts, the items that need a person, and the last 30 days."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, DateTime, ScalarSelect, String, bindparam, exists, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from clipcast.clock import clock
from clipcast.database.models.jobs import Job, JobState
from clipcast.database.models.posts import Item, Post
from clipcast.jobs.kinds import ALL_QUEUES

NEXT = 8
NEEDY = 20
DAYS = 30


@dataclass(frozen=True)
class Day:
    """One day in the viewer's zone. Seconds are from a post's due time until its item was live."""

    date: str
    published: int
    failed: int
    seconds_p50: float | None
    seconds_p95: float | None


async def due_next(session: AsyncSession, workspace_id: UUID) -> list[tuple[Post, int]]:
    """Return the next scheduled posts with pending items, earliest first, each with its number of items."""
    waits = exists().where(Item.post_id == Post.id, Item.status == "pending")
    number = select(func.count()).where(Item.post_id == Post.id).scalar_subquery()
    query = select(Post, number).where(Post.workspace_id == workspace_id, Post.scheduled_at.is_not(None), waits)
    return [(post, count) for post, count in await session.execute(query.order_by(Post.scheduled_at).limit(NEXT))]


async def stuck_items(session: AsyncSession, workspace_id: UUID) -> list[Item]:
    """Return the latest items that need a person: failed, or waiting for their account or a worker that knows them."""
    found: list[Item] = []
    held = select(Job.subject_id).where(Job.workspace_id == workspace_id, Job.state == JobState.HELD)
    # The condition of the index.
    stranded = select(Job.subject_id).where(Job.state == JobState.STRANDED, Job.program.is_not(None))
    shown = Item.id.in_(stranded) & Item.error.is_not(None)
    for needy in (Item.status == "failed", Item.id.in_(held), shown):  # an index each
        query = select(Item).where(Item.workspace_id == workspace_id, needy)
        query = query.options(joinedload(Item.connection), joinedload(Item.job))
        found += await session.scalars(query.order_by(Item.id.desc()).limit(NEEDY))
    return sorted(found, key=lambda item: item.id, reverse=True)[:NEEDY]


# All days of the viewer's zone, days without items included.
BY_DAY = text("""
    WITH days AS (
        SELECT generate_series(0, :days - 1) AS number
    ), live AS (
        SELECT CAST(items.published_at AT TIME ZONE :zone AS date) AS day, count(*) AS number,
               percentile_cont(0.5) WITHIN GROUP (ORDER BY late) AS p50,
               percentile_cont(0.95) WITHIN GROUP (ORDER BY late) AS p95
        FROM items JOIN posts ON posts.id = items.post_id
        CROSS JOIN LATERAL (
            SELECT extract(epoch FROM items.published_at - coalesce(posts.scheduled_at, items.created_at)) AS late
        ) AS lateness
        WHERE items.workspace_id = :workspace_id AND items.published_at > :since GROUP BY day
    ), dead AS (
        SELECT CAST(updated_at AT TIME ZONE :zone AS date) AS day, count(*) AS number
        FROM items WHERE workspace_id = :workspace_id AND status = 'failed' AND updated_at > :since GROUP BY day
    )
    SELECT CAST(CAST(:now AT TIME ZONE :zone AS date) - days.number AS text), coalesce(live.number, 0),
           coalesce(dead.number, 0), live.p50, live.p95
    FROM days
    LEFT JOIN live ON live.day = CAST(:now AT TIME ZONE :zone AS date) - days.number
    LEFT JOIN dead ON dead.day = CAST(:now AT TIME ZONE :zone AS date) - days.number
    ORDER BY days.number DESC
""").bindparams(
    bindparam("zone", type_=String()),
    bindparam("now", type_=DateTime(timezone=True)),
    bindparam("since", type_=DateTime(timezone=True)),
)


async def by_day(session: AsyncSession, workspace_id: UUID, zone: ZoneInfo) -> list[Day]:
    """Return the last 30 days, oldest first."""
    now = clock.now()
    values: dict[str, Any] = {"workspace_id": workspace_id, "zone": zone.key, "now": now, "days": DAYS}
    rows = await session.execute(BY_DAY, values | {"since": now - timedelta(days=DAYS + 1)})
    return [
        Day(date, published, failed, p50 and float(p50), p95 and float(p95))
        for date, published, failed, p50, p95 in rows
    ]


async def queue_depth(session: AsyncSession, workspace_id: UUID, now: datetime) -> tuple[int, int]:
    """Return the number of the workspace's jobs that wait for a worker, and of those that run."""
    mine = Job.workspace_id == workspace_id
    # The indexes of ready and running jobs begin with these.
    place = Job.queue.in_(ALL_QUEUES) & (Job.ring == func.uuid_hash_extended(workspace_id, 0))

    def number(*conditions: ColumnElement[bool]) -> ScalarSelect[int]:
        return select(func.count()).where(mine, *conditions).scalar_subquery()

    due = number(Job.state == JobState.WAITING, Job.due_at <= now)
    ready = number(Job.state == JobState.READY, place) + number(Job.state == JobState.OFFERED)
    running = number(Job.state == JobState.RUNNING, place)
    waiting, runs = (await session.execute(select(due + ready, running))).one()
    return waiting, runs
