"""The posts that need a person, found and sorted by the database alone: they may be tens of thousands."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    DateTime,
    Select,
    Subquery,
    Uuid,
    any_,
    func,
    literal,
    select,
    true,
    tuple_,
    union,
)
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.database.models.jobs import Job, JobState
from clipcast.database.models.posts import Item, Post

# So many posts are sorted by their times in well below 100 ms.
SORTED_MAX = 30_000
HELD_MAX = 5_000


def with_items(workspace_id: UUID, status: str) -> Select[UUID]:
    """Return the posts with an item of this status, by the index of items that are not published."""
    query = select(Item.post_id).where(Item.workspace_id == workspace_id, Item.status == _constant(status))
    return query.where(Item.status != _constant("published")).distinct().order_by(Item.post_id)


def _constant(status: str) -> ColumnElement[str]:
    """Return a status that is part of the statement: a plan for all values would not use the index of its condition."""
    return literal(status, literal_execute=True)


def _number(most: int) -> ColumnElement[int]:
    """Return a limit that the planner knows."""
    return literal(most, literal_execute=True)


def held(workspace_id: UUID) -> Select[UUID]:
    """Return the posts with an item that waits for its account."""
    query = select(Item.post_id).join(Job, Job.id == Item.id)
    return query.where(Job.workspace_id == workspace_id, Job.state == JobState.HELD)


def _posts(workspace_id: UUID, most: int, conditions: Collection[ColumnElement[bool]]) -> tuple[Subquery, Select[UUID]]:
    """Return the ids of at most `most` failed posts and of held ones, and these posts themselves."""
    waiting = held(workspace_id).limit(_number(HELD_MAX))
    found = union(with_items(workspace_id, "failed").limit(_number(most)), waiting).subquery("found")
    # Each post is looked up by its id. A join might read all posts.
    post = select(Post.id, Post.starts_at.label("at")).where(Post.id == found.c.post_id, *conditions)
    row = post.offset(0).correlate(found).lateral("post")
    return found, select(row.c.id, row.c.at).select_from(found.join(row, true()))


def _span(since: datetime | None, until: datetime | None) -> list[ColumnElement[bool]]:
    begins: list[ColumnElement[bool]] = [Post.starts_at >= since] if since else []
    return begins + ([Post.starts_at < until] if until else [])


async def count(
    session: AsyncSession, workspace_id: UUID, most: int, since: datetime | None = None, until: datetime | None = None
) -> int:
    """Return the number of posts that need a person. A number above `most` means more than that."""
    span = _span(since, until)
    found, posts = _posts(workspace_id, SORTED_MAX if span else most + 1, span)
    counted = posts.subquery() if span else found
    return int((await session.execute(select(func.count()).select_from(counted))).scalar_one())


async def failed_count(
    session: AsyncSession, workspace_id: UUID, most: int, accounts: Collection[UUID] | None = None
) -> int:
    """Return the number of posts with failed items, on these accounts if there are some."""
    query = with_items(workspace_id, "failed")
    if accounts is not None:
        query = query.where(Item.connection_id == any_(literal(list(accounts), ARRAY(Uuid()))))
    return int((await session.execute(select(func.count()).select_from(query.limit(most + 1).subquery()))).scalar_one())


async def page(
    session: AsyncSession,
    workspace_id: UUID,
    limit: int,
    since: datetime | None = None,
    until: datetime | None = None,
    after: tuple[datetime, UUID] | None = None,
) -> list[UUID] | None:
    """Return the next posts that need a person, the latest first. None: there are too many to sort."""
    conditions = _span(since, until)
    if after:
        place = tuple_(literal(after[0], DateTime(timezone=True)), literal(after[1], Uuid()))
        conditions.append(tuple_(Post.starts_at, Post.id) < place)
    found, posts = _posts(workspace_id, SORTED_MAX + 1, conditions)
    rows = posts.cte("rows").prefix_with("MATERIALIZED")
    number = select(func.count()).select_from(found).scalar_subquery()
    query = select(rows.c.id, number).order_by(rows.c.at.desc(), rows.c.id.desc()).limit(_number(limit))
    result = (await session.execute(query)).all()
    return None if result and result[0][1] > SORTED_MAX + HELD_MAX else [row[0] for row in result]
