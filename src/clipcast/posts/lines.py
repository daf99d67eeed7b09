"""A post as lists show it: its title, pictures, accounts and state, for many posts in a few queries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Integer, Select, Uuid, any_, bindparam, case, cast, func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.clips.pictures import picture_version
from clipcast.database import among
from clipcast.database.models.clients import Client
from clipcast.database.models.clips import Clip, Render
from clipcast.database.models.connections import Connection
from clipcast.database.models.jobs import Job
from clipcast.database.models.posts import Item, Post
from clipcast.database.models.renditions import Rendition
from clipcast.posts.labels import labels_of
from clipcast.posts.states import ITEM_STATES, item_state_sql, post_state, progress_note
from clipcast.posts.titles import title_of
from clipcast.reviews.states import shown_state

# The most accounts and pictures of a line. Further ones are counted.
MARKS_MAX = 5
PICTURES_MAX = 3
# Of an account with several items, the state that is shown.
WORST_FIRST = ("check", "failed", "held", "paused", "waiting", "publishing", "scheduled", "published")


@dataclass(frozen=True)
class Picture:
    """A clip's picture: the clip's id, and the version of its thumbnail (empty without one)."""

    render_id: UUID
    name: str
    version: str = ""


@dataclass(frozen=True)
class Mark:
    """An account of a post, with the worst state of its items and the number of their warnings."""

    platform: str
    username: str
    state: str
    items: int
    warnings: int


@dataclass(frozen=True)
class PostLine:
    """A post as lists show it. `starts_at` is its scheduled time, or when it was published at once."""

    id: UUID
    version: int
    scheduled_at: datetime | None
    starts_at: datetime
    title: str
    state: str
    counts: dict[str, int]
    marks: list[Mark] = field(default_factory=list)
    accounts: int = 0
    pictures: list[Picture] = field(default_factory=list)
    clips: int = 0
    # The client of all its accounts; none if they are of several clients, or of none.
    client: Client | None = None
    several_clients: bool = False
    labels: tuple[str, ...] = ()
    # Who made it, by name: a person, or an API key (`author_kind`). `origin`: `csv`, `repeat`, or nothing.
    author: str = ""
    author_kind: str = ""
    origin: str = ""

    @property
    def items(self) -> int:
        """The number of the post's items."""
        return sum(self.counts.values())

    @property
    def note(self) -> str:
        """How many items are published, of a post that is going out or partly published."""
        return progress_note(self.state, self.counts)


async def lines_of(session: AsyncSession, posts: Sequence[Post]) -> list[PostLine]:
    """Return the lines of these posts of one workspace, in order."""
    ids = [post.id for post in posts]
    if not ids:
        return []
    values = {"ids": ids}
    counts: dict[UUID, dict[str, int]] = {id: {} for id in ids}
    client_ids: dict[UUID, set[UUID | None]] = {id: set() for id in ids}
    for post_id, state, number, of_accounts in await session.execute(_counts(), values):
        counts[post_id][state] = number
        client_ids[post_id].update(of_accounts)
    marks: dict[UUID, list[Mark]] = {id: [] for id in ids}
    accounts: dict[UUID, int] = {}
    for post_id, platform, username, worst, items, warnings, of_post in await session.execute(_marks(), values):
        marks[post_id].append(Mark(platform, username, WORST_FIRST[worst], items, warnings))
        accounts[post_id] = of_post
    pictures: dict[UUID, list[Picture]] = {id: [] for id in ids}
    clips: dict[UUID, int] = {}
    for post_id, render_id, name, thumbnail, of_post in await session.execute(_pictures(), values):
        pictures[post_id].append(Picture(render_id, name, picture_version(thumbnail) if thumbnail else ""))
        clips[post_id] = of_post
    clients = await _clients(session, client_ids)
    labels = await labels_of(session, ids)
    titles = {
        post_id: title_of(platform, details, pictures[post_id][0].name if pictures[post_id] else "")
        for post_id, platform, details in await session.execute(_first_items(), values)
    }
    return [
        PostLine(
            post.id,
            post.version,
            post.scheduled_at,
            post.starts_at,
            titles.get(post.id, "Untitled clip"),
            post_state(counts[post.id], shown_state(post)),
            counts[post.id],
            marks[post.id],
            accounts.get(post.id, 0),
            pictures[post.id],
            clips.get(post.id, 0),
            *clients[post.id],
            tuple(labels.get(post.id, ())),
            post.author_name or "",
            post.author_kind or "",
            post.origin or "",
        )
        for post in posts
    ]


async def _clients(
    session: AsyncSession, of_posts: Mapping[UUID, set[UUID | None]]
) -> dict[UUID, tuple[Client | None, bool]]:
    """Return the client of each post, and whether its accounts are of several clients."""
    named = {id for client_ids in of_posts.values() for id in client_ids if id}
    query = select(Client).where(among(Client.id, named))
    clients = {client.id: client for client in await session.scalars(query)} if named else {}
    return {
        post_id: (clients.get(next(iter(client_ids)) or post_id) if len(client_ids) == 1 else None, len(client_ids) > 1)
        for post_id, client_ids in of_posts.items()
    }


# The statements are built once: to build one takes longer than PostgreSQL needs for it.
_is_of_posts = Item.post_id == any_(bindparam("ids", type_=ARRAY(Uuid())))


@cache
def _counts() -> Select[UUID, str, int, Sequence[UUID | None]]:
    """Return the number of each post's items by state, with the clients of their accounts."""
    state, clients = item_state_sql(), func.array_agg(Connection.client_id.distinct())
    query = select(Item.post_id, state, func.count(), clients).join(Job, Job.id == Item.id)
    query = query.join(Connection, Connection.id == Item.connection_id)
    return query.where(_is_of_posts).group_by(Item.post_id, state)


@cache
def _marks() -> Select[*tuple[Any, ...]]:
    """Return the first accounts of each post, with the number of all."""
    rank = case({state: WORST_FIRST.index(state) for state in ITEM_STATES}, value=item_state_sql())
    position = func.min(Item.position)
    accounts = (
        select(
            Item.post_id,
            Item.connection_id,
            func.min(cast(rank, Integer)).label("worst"),
            func.count().label("item_count"),
            func.sum(func.jsonb_array_length(Item.warnings)).label("warnings"),
            func.row_number().over(partition_by=Item.post_id, order_by=position).label("place"),
            func.count().over(partition_by=Item.post_id).label("of_post"),
        )
        .join(Job, Job.id == Item.id)
        .where(_is_of_posts)
        .group_by(Item.post_id, Item.connection_id)
        .subquery()
    )
    shown = accounts.c
    query = select(
        shown.post_id,
        Connection.platform,
        Connection.username,
        shown.worst,
        shown.item_count,
        shown.warnings,
        shown.of_post,
    )
    query = query.join(Connection, Connection.id == shown.connection_id).where(shown.place <= MARKS_MAX)
    return query.order_by(shown.post_id, shown.place)


@cache
def _pictures() -> Select[*tuple[Any, ...]]:
    """Return the first clips of each post, with the number of all."""
    clips = (
        select(
            Item.post_id,
            Item.edit_id,
            func.row_number().over(partition_by=Item.post_id, order_by=func.min(Item.position)).label("place"),
            func.count().over(partition_by=Item.post_id).label("of_post"),
        )
        .where(_is_of_posts)
        .group_by(Item.post_id, Item.edit_id)
        .subquery()
    )
    thumbnail = func.coalesce(Rendition.thumbnail_key, Clip.thumbnail_key)
    query = select(clips.c.post_id, Render.id, Render.name, thumbnail, clips.c.of_post)
    query = query.join(Render, Render.edit_setting_id == clips.c.edit_id).join(Clip, Clip.id == Render.clip_id)
    query = query.outerjoin(Rendition, Rendition.id == Render.rendition_id)
    return query.where(clips.c.place <= PICTURES_MAX).order_by(clips.c.post_id, clips.c.place)


@cache
def _first_items() -> Select[UUID, str, dict[str, Any]]:
    query = select(Item.post_id, Item.platform, Item.details).where(_is_of_posts)
    return query.ext(distinct_on(Item.post_id)).order_by(Item.post_id, Item.position)
