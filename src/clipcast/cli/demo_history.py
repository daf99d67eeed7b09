"""Moves the demo's first posts into the past, so that its calendar and its reports have one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Interval, bindparam, text

from clipcast.database import Database
from clipcast.database.changes import tell
from clipcast.database.models.posts import Post

# How long before they went out they were planned.
PLANNED_BEFORE = timedelta(days=2)
MOVE = text("""
    WITH moved AS (
        UPDATE posts SET scheduled_at = :at, created_at = :planned_at, updated_at = updated_at - :by
        WHERE id = :id RETURNING id
    ), of_items AS (
        UPDATE items SET created_at = :planned_at, updated_at = updated_at - :by, published_at = published_at - :by,
               goes_at = goes_at - :by
        FROM moved WHERE items.post_id = moved.id RETURNING items.id
    ), of_attempts AS (
        UPDATE attempts SET started_at = started_at - :by, ended_at = ended_at - :by
        FROM of_items WHERE attempts.item_id = of_items.id RETURNING attempts.id
    )
    UPDATE attempt_events SET started_at = started_at - :by, ended_at = ended_at - :by
    FROM of_attempts WHERE attempt_events.attempt_id = of_attempts.id
""").bindparams(bindparam("by", type_=Interval()))


async def move_back(database: Database, workspace_id: UUID, times: Mapping[UUID, datetime]) -> None:
    """Let these posts, which were published now, have been planned for these times and published then."""
    async with database.begin() as session:
        for id, at in times.items():
            post = await session.get_one(Post, id)
            values = {"id": id, "at": at, "planned_at": at - PLANNED_BEFORE, "by": post.created_at - at}
            await session.execute(MOVE, values)
        tell(session, workspace_id)
