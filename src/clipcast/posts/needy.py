"""The posts that need a person, found and sorted by the database alone: they may be tens of thousands."""

from collections.abc import Collection
from datetime import datetime
from typing import cast
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    CompoundSelect,
    DateTime,
    FromClause,
    ScalarSelect,
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
# More than these are looked for among so many posts along their times, which is faster than to sort them.
SORTED_AT_ONCE = 4_000
WALKED_MAX = 100_000


def _constant(name: str) -> ColumnElement[str]:
    """Return a name that is part of the statement: a plan for all values would not use the index of its condition."""
    return literal(str(name), literal_execute=True)


# The condition of the index of items that are not published.
UNPUBLISHED = Item.status != _constant("published")


def has_status(status: str) -> ColumnElement[bool]:
    """Return whether an item has this status."""
    return Item.status == _constant(status)


def in_state(state: JobState) -> ColumnElement[bool]:
    """Return whether a job is in this state."""
    return Job.state == _constant(state)


def with_items(workspace_id: UUID, status: str) -> Select[UUID]:
    """Return the posts with an item of this status, by the index of items that are not published."""
    query = select(Item.post_id).where(Item.workspace_id == workspace_id, has_status(status))
    return query.where(UNPUBLISHED).distinct().order_by(Item.post_id)


def _number(most: int) -> ColumnElement[int]:
    """Return a limit that the planner knows."""
    return literal(most, literal_execute=True)


def held(workspace_id: UUID) -> Select[UUID]:
    """Return the posts with an item that waits for its account."""
    query = select(Item.post_id).join(Job, Job.id == Item.id)
    return query.where(Job.workspace_id == workspace_id, in_state(JobState.HELD))


def _found(workspace_id: UUID, most: int) -> CompoundSelect[UUID]:
    """Return the ids of at most `most` failed posts, and of held ones."""
    waiting = held(workspace_id).limit(_number(HELD_MAX))
    return union(with_items(workspace_id, "failed").limit(_number(most)), waiting)


def _posts(workspace_id: UUID, most: int, conditions: Collection[ColumnElement[bool]]) -> tuple[Subquery, Select[UUID]]:
    """Return the ids of at most `most` failed posts and of held ones, and these posts themselves."""
    found = _found(workspace_id, most).subquery("found")
    # Each post is looked up by its id. A join might read all posts.
    post = select(Post.id, Post.starts_at.label("at")).where(Post.id == found.c.post_id, *conditions)
    row = post.offset(0).correlate(found).lateral("post")
    return found, select(row.c.id, row.c.at).select_from(found.join(row, true()))


def _span(since: datetime | None, until: datetime | None) -> list[ColumnElement[bool]]:
    begins: list[ColumnElement[bool]] = [Post.starts_at >= since] if since else []
    return begins + ([Post.starts_at < until] if until else [])


def count_sql(
    workspace_id: UUID, most: int, since: datetime | None = None, until: datetime | None = None
) -> ScalarSelect[int]:
    """Return `count` as an SQL expression."""
    span = _span(since, until)
    found, posts = _posts(workspace_id, SORTED_MAX + HELD_MAX if span else most + 1, span)
    counted = posts.subquery() if span else found
    return select(func.count()).select_from(counted).scalar_subquery()


async def count(
    session: AsyncSession, workspace_id: UUID, most: int, since: datetime | None = None, until: datetime | None = None
) -> int:
    """Return the number of posts that need a person. A number above `most` means more than that."""
    return (await session.execute(select(count_sql(workspace_id, most, since, until)))).scalar_one()


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
    if await count(session, workspace_id, SORTED_AT_ONCE) > SORTED_AT_ONCE:
        all_found, near = await _near(session, workspace_id, limit, conditions)
        if near is not None or all_found > SORTED_MAX + HELD_MAX:
            return near
    found, posts = _posts(workspace_id, SORTED_MAX + HELD_MAX + 1, conditions)
    rows = posts.cte("rows").prefix_with("MATERIALIZED")
    of_page = select(rows.c.id).order_by(rows.c.at.desc(), rows.c.id.desc()).limit(_number(limit))
    # Without a post that fits, those that fit may be among the ones that were cut.
    all_found, ids = await read_counted(session, found, of_page)
    return None if all_found > SORTED_MAX + HELD_MAX else ids


async def read_counted(session: AsyncSession, found: FromClause, page: Select[UUID]) -> tuple[int, list[UUID]]:
    """Return the number of rows of `found`, and the ids of a page of them. An empty page has the number, too.

    Both are one row of one statement, which reads what is found once.
    """
    number = select(func.count()).select_from(found).scalar_subquery()
    ids = func.array(page.scalar_subquery(), type_=ARRAY(Uuid()))
    row = (await session.execute(select(number, ids))).one()
    return row[0], row[1]


async def _near(
    session: AsyncSession, workspace_id: UUID, limit: int, conditions: Collection[ColumnElement[bool]]
) -> tuple[int, list[UUID] | None]:
    """Return the number of posts that need a person, and the page from a walk along the times.

    The page is None if the posts are too many to sort, or if the walk does not find it within WALKED_MAX posts.
    """
    found = _found(workspace_id, SORTED_MAX + HELD_MAX + 1).cte("found").prefix_with("MATERIALIZED")
    at = cast("ColumnElement[datetime]", Post.starts_at)
    walk = select(Post.id, at.label("at")).where(Post.workspace_id == workspace_id, *conditions)
    walked = walk.order_by(at.desc(), Post.id.desc()).limit(_number(WALKED_MAX)).subquery("walked")
    # As a value, the condition is asked post by post, with a hash of the ids. A join would walk to the end.
    needs = walked.c.id.in_(select(found.c.post_id)).is_(true())
    page = select(walked.c.id).where(needs).order_by(walked.c.at.desc(), walked.c.id.desc()).limit(_number(limit))
    found_number, ids = await read_counted(session, found, page)
    if found_number > SORTED_MAX + HELD_MAX:
        return found_number, None
    if len(ids) < limit:  # right only if there are no further posts
        seen = (await session.execute(select(func.count()).select_from(walked))).scalar_one()
        return found_number, ids if seen < WALKED_MAX else None
    return found_number, ids
