"""Many posts, written to the tables at once."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select

from clipcast.common.ids import new_id
from clipcast.database import Database
from clipcast.database.models.jobs import Job
from clipcast.database.models.posts import Item, Post


async def copy_post(
    database: Database, post_id: UUID | str, times: list[datetime], status: str = "pending", error: Any = None
) -> list[UUID]:
    """Add copies of the first item of a post at these times, and return their ids."""
    job_state = "waiting" if status == "pending" else "done"
    async with database.begin() as session:
        item = (await session.scalars(select(Item).where(Item.post_id == UUID(str(post_id))).limit(1))).one()
        posts = [{"id": new_id(), "workspace_id": item.workspace_id, "scheduled_at": at} for at in times]
        same = {"workspace_id": item.workspace_id, "position": 0, "edit_id": item.edit_id, "details": item.details,
                "connection_id": item.connection_id, "platform": item.platform, "status": status,
                "error": error}  # fmt: skip
        items = [{"id": new_id(), "post_id": post["id"]} | same for post in posts]
        of_job = {"workspace_id": item.workspace_id, "kind": "publish", "queue": "network", "priority": 5,
                  "state": job_state}  # fmt: skip
        jobs = [
            {"id": one["id"], "subject_id": one["id"], "due_at": at} | of_job
            for one, at in zip(items, times, strict=True)
        ]
        await session.execute(insert(Post), posts)
        await session.execute(insert(Item), items)
        await session.execute(insert(Job), jobs)
        return [post["id"] for post in posts]
