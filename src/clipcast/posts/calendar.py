"""The calendar's posts and drafts: by day, read along an index, and at most so many of each day."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, DateTime, Uuid, any_, cast, func, literal, or_, select, true
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from clipcast.common.timestamps import format_timestamp
from clipcast.connections.repository import of_client
from clipcast.database.models.connections import Connection
from clipcast.database.models.jobs import Job
from clipcast.database.models.posts import Draft, Item, Post
from clipcast.posts.states import OF_REVIEW, item_state_sql, post_state
from clipcast.reviews.states import shown_state

# The most posts of one day that a calendar counts, and the most that it reads to find those of a filter.
DAY_MAX = 100
READ_MAX = 200
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
    """The posts of one day in the order of their times, each with its state (posts/states.py)."""

    posts: list[tuple[Post, str]] = field(default_factory=list)
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
    starts_at = Post.starts_at
    instants = ARRAY(DateTime(timezone=True))
    spans = (
        func.unnest(cast([begins for begins, _ in days], instants), cast([ends for _, ends in days], instants))
        .table_valued("begins", "ends", with_ordinality="number", name="spans")
        .render_derived()
    )
    in_span = starts_at >= spans.c.begins, starts_at < spans.c.ends
    first = select(Post).where(Post.workspace_id == workspace_id, *in_span).order_by(starts_at, Post.id)
    post = aliased(Post, first.limit(most + 1).correlate(spans).lateral("first"))
    matches: ColumnElement[bool] = literal(True)
    if filters:
        item = select(Item.id).join(Connection, Connection.id == Item.connection_id)
        matches = item.where(Item.post_id == post.id, *filters).exists()
    query = select(spans.c.number, post, matches).select_from(spans).join(post, true())
    rows = list(await session.execute(query.order_by(spans.c.number, post.starts_at, post.id)))
    read = Counter(number for number, _, _ in rows)
    states = await states_of(session, [one for _, one, is_wanted in rows if is_wanted])
    found = [Day(is_whole=read[number] <= most) for number in range(1, len(days) + 1)]
    for number, one, is_wanted in rows:
        day = found[number - 1]
        if is_wanted and wanted.state in (None, states[one.id]) and len(day.posts) < DAY_MAX:
            day.posts.append((one, states[one.id]))
    return found


async def states_of(session: AsyncSession, posts: Collection[Post]) -> dict[UUID, str]:
    """Return the state of each of these posts."""
    if not posts:
        return {}
    post_ids = [post.id for post in posts]
    state = item_state_sql()
    query = select(Item.post_id, state, func.count()).join(Job, Job.id == Item.id)
    query = query.where(Item.post_id == any_(cast(post_ids, ARRAY(Uuid)))).group_by(Item.post_id, state)
    counts: dict[UUID, dict[str, int]] = {id: {} for id in post_ids}
    for post_id, name, number in await session.execute(query):
        counts[post_id][name] = number
    return {post.id: post_state(counts[post.id], shown_state(post)) for post in posts}


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
