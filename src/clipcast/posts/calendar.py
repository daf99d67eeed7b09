"""The calendar's posts and drafts: by day, read along an index, and at most so many of each day."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, DateTime, cast, func, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.common.timestamps import format_timestamp
from clipcast.connections.repository import of_client
from clipcast.database import among
from clipcast.database.models.connections import Connection
from clipcast.database.models.jobs import Job
from clipcast.database.models.posts import Draft, Item, Post
from clipcast.posts.states import OF_REVIEW, item_state_sql, post_state
from clipcast.reviews.states import shown_state

# The most posts of one day that a calendar counts, and the most that it reads to find those of a filter.
DAY_MAX = 50
READ_MAX = 100
# The states of posts that can be moved. The service knows whether one has begun.
MOVABLE = ("scheduled", "paused", *OF_REVIEW.values())
# The most drafts of a span, and of those without a time.
DRAFTS_MAX = 200
LOOSE_MAX = 24


@dataclass(frozen=True)
class Wanted:
    """The filters of a calendar: by an item's platform, connection or client, and by the shown state of a post."""

    platform: str | None = None
    connection_id: UUID | None = None
    # The id of a client, or NO_CLIENT.
    client: str | None = None
    state: str | None = None

    def of_accounts(self) -> list[ColumnElement[bool]]:
        """Return the conditions on a connection."""
        wanted: list[ColumnElement[bool]] = []
        if self.platform:
            wanted.append(Connection.platform == self.platform)
        if self.connection_id:
            wanted.append(Connection.id == self.connection_id)
        if self.client:
            wanted.append(of_client(self.client))
        return wanted


@dataclass
class Day:
    """The posts of one day in the order of their times: their ids, each with its state (posts/states.py)."""

    posts: list[tuple[UUID, str]] = field(default_factory=list)
    # False if the day has more posts than were read.
    is_whole: bool = True


async def days_of(
    session: AsyncSession, workspace_id: UUID, days: Sequence[tuple[datetime, datetime]], wanted: Wanted
) -> list[Day]:
    """Return the posts of each of these days: those that start from its first instant until before its second.

    Of a day, at most DAY_MAX posts are returned, and with a filter at most READ_MAX are examined.
    """
    filters = wanted.of_accounts()
    most = READ_MAX if filters or wanted.state else DAY_MAX
    instants = ARRAY(DateTime(timezone=True))
    spans = (
        func.unnest(cast([begins for begins, _ in days], instants), cast([ends for _, ends in days], instants))
        .table_valued("begins", "ends", with_ordinality="number", name="spans")
        .render_derived()
    )
    columns = Post.id, Post.starts_at.label("starts_at"), Post.scheduled_at, Post.review
    in_span = Post.workspace_id == workspace_id, Post.starts_at >= spans.c.begins, Post.starts_at < spans.c.ends
    first = select(*columns).where(*in_span).order_by(Post.starts_at, Post.id).limit(most + 1)
    post = first.correlate(spans).lateral("first").c
    matches: ColumnElement[bool] = literal(True)
    if filters:
        item = select(Item.id).join(Connection, Connection.id == Item.connection_id)
        matches = item.where(Item.post_id == post.id, *filters).exists()
    query = select(spans.c.number, post.id, post.scheduled_at, post.review, matches.label("matches"))
    rows = (await session.execute(query.order_by(spans.c.number, post.starts_at, post.id))).all()
    read = Counter(row.number for row in rows)
    wanted_rows = [row for row in rows if row.matches]
    states = await _states(session, {row.id: row for row in wanted_rows})
    found = [Day(is_whole=read[number] <= most) for number in range(1, len(days) + 1)]
    for row in wanted_rows:
        day = found[row.number - 1]
        if wanted.state in (None, states[row.id]) and len(day.posts) < DAY_MAX:
            day.posts.append((row.id, states[row.id]))
    return found


async def _states(session: AsyncSession, posts: Mapping[UUID, Any]) -> dict[UUID, str]:
    """Return the state of each of these posts. Only their `scheduled_at` and `review` are read: many are not shown."""
    if not posts:
        return {}
    state = item_state_sql()
    query = select(Item.post_id, state, func.count()).join(Job, Job.id == Item.id)
    query = query.where(among(Item.post_id, posts)).group_by(Item.post_id, state)
    counts: dict[UUID, dict[str, int]] = {id: {} for id in posts}
    for post_id, name, number in await session.execute(query):
        counts[post_id][name] = number
    return {id: post_state(counts[id], shown_state(post)) for id, post in posts.items()}


async def posts_of(session: AsyncSession, post_ids: Sequence[UUID]) -> list[Post]:
    """Return these posts, in no order."""
    return list(await session.scalars(select(Post).where(among(Post.id, post_ids))))


async def planned_drafts(session: AsyncSession, workspace_id: UUID, since: datetime, until: datetime) -> list[Draft]:
    """Return the unsent drafts with a time in this span, by time, at most DRAFTS_MAX.

    A draft that replaces a scheduled post is no entry of its own.
    """
    at = Draft.content["scheduled_at"].astext
    query = select(Draft).where(
        *_unsent(workspace_id),
        Draft.content["later"].astext == "true",
        at >= format_timestamp(since),
        at < format_timestamp(until),
    )
    return list((await session.scalars(query.order_by(at, Draft.id).limit(DRAFTS_MAX))).all())


async def loose_drafts(session: AsyncSession, workspace_id: UUID) -> list[Draft]:
    """Return the newest unsent drafts without a time, at most LOOSE_MAX."""
    content = Draft.content
    without = or_(content["later"].astext.is_distinct_from("true"), content["scheduled_at"].astext.is_(None))
    query = select(Draft).where(*_unsent(workspace_id), without).order_by(Draft.id.desc()).limit(LOOSE_MAX)
    return list((await session.scalars(query)).all())


def _unsent(workspace_id: UUID) -> tuple[ColumnElement[bool], ...]:
    return (
        Draft.workspace_id == workspace_id,
        Draft.post_id.is_(None),
        Draft.content["replaces"].astext.is_(None),
    )
