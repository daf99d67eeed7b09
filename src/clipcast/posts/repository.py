"""Queries about posts and items, always within one workspace."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg
from pydantic_core import to_json
from sqlalchemy import ColumnElement, Select, case, delete, exists, func, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload
from sqlalchemy.sql.selectable import LateralFromClause

from clipcast.audit.service import Actor
from clipcast.clients.slots import slot_taken
from clipcast.clock import clock
from clipcast.common.ids import new_id, parse_id
from clipcast.connections.repository import of_client
from clipcast.database.changes import tell
from clipcast.database.hot_queries import Executor, Statement
from clipcast.database.models.clips import Clip, Render
from clipcast.database.models.connections import Connection
from clipcast.database.models.jobs import Attempt, AttemptEvent, Job, JobState, JournalEntry, Worker
from clipcast.database.models.lists import PostLabel
from clipcast.database.models.posts import Item, Post
from clipcast.database.models.renditions import Rendition
from clipcast.database.models.reviews import ReviewState
from clipcast.jobs.kinds import KINDS, PUBLISH
from clipcast.jobs.wake import wake_router, wake_workers
from clipcast.posts.status import post_status_sql
from clipcast.renders.conforming import order_conversions_after_commit

# Inserts posts, their items and their jobs in one round trip: the caller waits for it.
ADD = Statement("""
    WITH sent AS (
        SELECT * FROM jsonb_to_recordset(CAST(:posts AS jsonb)) AS sent(
            id uuid, workspace_id uuid, scheduled_at timestamptz, slot_at timestamptz, review text, author_kind text,
            author_id uuid, author_name text, origin text, now timestamptz, status text, state text, entry_id uuid,
            subject text, actor jsonb, items jsonb)
    ), post AS (
        INSERT INTO posts (id, workspace_id, scheduled_at, review, author_kind, author_id, author_name, origin,
                           created_at, updated_at)
        SELECT id, workspace_id, scheduled_at, review, author_kind, author_id, author_name, origin, now, now FROM sent
        RETURNING id
    ), added AS (
        INSERT INTO items (id, workspace_id, post_id, position, edit_id, connection_id, platform, details, conform,
                           fingerprint, goes_at, slot_at, by_person, status, progress, attempts, created_at,
                           updated_at)
        SELECT item.id, sent.workspace_id, sent.id, item.position, item.edit_id, item.connection_id, item.platform,
               item.details, item.conform, item.fingerprint, coalesce(sent.scheduled_at, sent.now), sent.slot_at,
               CASE WHEN sent.author_kind = 'user' THEN true END, sent.status, 0, 0, sent.now, sent.now
        FROM sent, jsonb_to_recordset(sent.items) AS item(
            id uuid, position int, edit_id uuid, connection_id uuid, platform text, details jsonb, conform text,
            fingerprint bigint)
        RETURNING id, workspace_id, post_id, platform
    ), job AS (
        INSERT INTO jobs (id, workspace_id, kind, subject_id, platform, queue, priority, state, due_at, created_at,
                          updated_at)
        SELECT added.id, added.workspace_id, :kind, added.id, added.platform, :queue, :priority, sent.state,
               coalesce(sent.scheduled_at, sent.now), sent.now, sent.now
        FROM added JOIN sent ON sent.id = added.post_id
    ), audit_entry AS (
        INSERT INTO audit_entries (id, workspace_id, actor_kind, actor_id, actor_name, address, action, subject,
                                   subject_id, details, created_at)
        SELECT sent.entry_id, sent.workspace_id, actor.kind, actor.id, actor.name, actor.address, 'post.created',
               sent.subject, sent.id, CAST('{}' AS jsonb), sent.now
        FROM sent, jsonb_to_record(sent.actor) AS actor(kind text, id uuid, name text, address text)
        WHERE actor.id IS NOT NULL
    )
    SELECT id FROM post
""")


# Posts of one account that are closer than this are named to a person who plans another one.
NEAR = timedelta(minutes=30)
NEAR_MAX = 5

# The foreign key that a render's deletion breaks.
ITEM_RENDER = "fk_items_edit_id_renders"
# The index that gives a posting time of an account to one item.
ITEM_SLOT = "ix_items_connection_id_slot_at"


class RenderGone(Exception):
    """A render was deleted while a post with it was created."""

    def __init__(self, edit_ids: set[UUID]) -> None:
        super().__init__(", ".join(map(str, edit_ids)))
        self.edit_ids = edit_ids


async def add_post(executor: Executor, post: dict[str, Any], items: list[dict[str, Any]], actor: Actor | None) -> None:
    """Insert a post and its items, and an audit entry if there is an `actor`.

    `post` has `id`, `workspace_id`, `scheduled_at`, `slot_at`, `now`, the `status` of its items, its author and origin
    (`Made.columns`), and the state of its `review`, or None. Until that is approved, the jobs are in review.

    Raise RenderGone, and insert nothing, if a render was deleted after the check; AppError 409 if another post took the
    posting time.
    """
    publish, state = KINDS[PUBLISH], _first_state(post)
    more: dict[str, Any] = {
        "items": items,
        "state": state,
        "actor": actor or {},
        "entry_id": new_id(),
        "subject": f"Post {post['id']}",
    }
    values = {
        "posts": to_json([post | more]).decode(),
        "kind": publish.name,
        "queue": publish.queue,
        "priority": publish.priority,
    }
    try:
        await executor.fetch(ADD, values)
    except asyncpg.UniqueViolationError as error:
        if error.constraint_name != ITEM_SLOT:
            raise
        raise slot_taken() from error
    except asyncpg.ForeignKeyViolationError as error:
        if error.constraint_name != ITEM_RENDER:
            raise
        detail = error.detail or ""
        raise RenderGone({item["edit_id"] for item in items if str(item["edit_id"]) in detail}) from error
    if state != JobState.READY:
        wake_router(executor)
    else:
        wake_workers(executor, publish.queue)
    order_conversions_after_commit(executor, post["id"])
    tell(executor, post["workspace_id"])


def joined(several: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Return values of `ADD` that insert at once what each of several inserts."""
    return {**several[0], "posts": f"[{','.join(one['posts'][1:-1] for one in several)}]"}


def _first_state(post: dict[str, Any]) -> JobState:
    if post["review"] not in (None, ReviewState.APPROVED):
        return JobState.REVIEW
    return JobState.WAITING if post["scheduled_at"] else JobState.READY


@dataclass(frozen=True)
class NearPost:
    """A scheduled post that goes out soon before or after another one, on the same account."""

    platform: str
    username: str
    at: datetime


async def posts_near(
    session: AsyncSession,
    workspace_id: UUID,
    connection_ids: Collection[str],
    instants: Collection[datetime],
    without: UUID | None = None,
) -> list[NearPost]:
    """Return scheduled posts of these accounts within `NEAR` of these instants, other than the post `without`."""
    ids = [id for text in connection_ids if (id := parse_id(text))]
    if not ids or not instants:
        return []
    around = or_(*(Post.scheduled_at.between(at - NEAR, at + NEAR) for at in instants))
    query = (
        select(Connection.platform, Connection.username, Post.scheduled_at)
        .distinct()
        .join(Item, Item.post_id == Post.id)
        .join(Connection, Connection.id == Item.connection_id)
        .where(Post.workspace_id == workspace_id, around, Item.connection_id.in_(ids), Item.status == "pending")
        .order_by(Post.scheduled_at)
        .limit(NEAR_MAX)
    )
    if without:
        query = query.where(Post.id != without)
    return [NearPost(platform, username, at) for platform, username, at in await session.execute(query) if at]


async def get_post(session: AsyncSession, workspace_id: UUID, post_id: str, lock: bool = False) -> Post | None:
    query = select(Post).where(Post.workspace_id == workspace_id, Post.id == parse_id(post_id))
    return (await session.execute(query.with_for_update() if lock else query)).scalar_one_or_none()


async def get_items(session: AsyncSession, post_id: UUID, lock: bool = False) -> list[Item]:
    """Return a post's items in order, with their jobs, and with their connections unless they are locked.

    Jobs are locked before items, like in the writes of a run.
    """
    query = select(Item).where(Item.post_id == post_id).order_by(Item.position)
    if lock:
        await lock_jobs(session, select(Item.id).where(Item.post_id == post_id))
        query = query.with_for_update(of=Item).options(joinedload(Item.job))
    else:
        query = query.options(joinedload(Item.connection), joinedload(Item.job), joinedload(Item.rendition))
    return list((await session.execute(query)).scalars())


class SourceOf(NamedTuple):
    """What a rendition is made of: the stored properties of the file, and the name of the clip's file."""

    media: dict[str, Any] | None
    file_name: str


async def sources_of(session: AsyncSession, items: Collection[Item]) -> dict[UUID, SourceOf]:
    """Return what these items' renditions are made of, by `edit_id`."""
    edit_ids = {item.edit_id for item in items}
    if not edit_ids:
        return {}
    media = func.coalesce(Rendition.media, Rendition.expected, Clip.media)
    query = select(Render.edit_setting_id, media, Clip.file_name).join(Clip, Clip.id == Render.clip_id)
    query = query.outerjoin(Rendition, Rendition.id == Render.rendition_id)
    rows = await session.execute(query.where(Render.edit_setting_id.in_(edit_ids)))
    return {edit_id: SourceOf(facts, file_name) for edit_id, facts, file_name in rows}


async def lock_jobs(session: AsyncSession, item_ids: Select[UUID]) -> None:
    """Lock all jobs of these items until the transaction ends."""
    query = select(Job).where(Job.subject_id.in_(item_ids)).order_by(Job.id)
    await session.execute(query.with_for_update().execution_options(populate_existing=True))


# The statuses that pages show for an item that waits for its account, and for one that is paused by the operator. The
# API shows `processing` and `pending`.
HELD, PAUSED = "held", "paused"


def _derived() -> LateralFromClause:
    """Return the columns of a post that are derived from its items."""
    return (
        select(
            Item.post_id,
            post_status_sql().label("status"),
            func.count().label("item_count"),
            func.max(Item.updated_at).label("changed_at"),
            func.bool_or(Job.state == JobState.HELD).label("held"),
        )
        .join(Job, Job.id == Item.id)
        .where(Item.post_id == Post.id)
        .group_by(Item.post_id)
        .correlate(Post)
        .lateral("derived")
    )


@dataclass(frozen=True)
class PostFilter:
    """The filters of a list of posts: by status, by platform, connection or client of an item, and by its time."""

    status: str | None = None
    platform: str | None = None
    connection_id: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None
    # True adds the posts with an item that waits for its account to be reconnected or resumed.
    or_held: bool = False
    # The id of a client of an item's account, or NO_CLIENT.
    client: str | None = None
    label_id: UUID | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """Return all conditions except the status, which is derived from a post's items."""
        starts_at = Post.starts_at
        item = exists().where(Item.post_id == Post.id)
        found: list[ColumnElement[bool]] = []
        if self.platform:
            found.append(item.where(Item.platform == self.platform))
        if self.connection_id:
            found.append(item.where(Item.connection_id == self.connection_id))
        if self.client:
            account = exists().where(Connection.id == Item.connection_id, of_client(self.client))
            found.append(item.where(account))
        if self.label_id:
            found.append(exists().where(PostLabel.post_id == Post.id, PostLabel.label_id == self.label_id))
        if self.since:
            found.append(starts_at >= self.since)
        if self.until:
            found.append(starts_at < self.until)
        return found


async def list_posts(
    session: AsyncSession, workspace_id: UUID, wanted: PostFilter, offset: int, limit: int
) -> tuple[list[tuple[Post, str, int, datetime]], int]:
    """Return a page of posts, newest first, with status, number of items and last change, and the number of all."""
    derived = _derived()
    columns = Post, derived.c.status, derived.c.item_count, derived.c.changed_at
    query = select(*columns).join(derived, derived.c.post_id == Post.id)
    conditions = [Post.workspace_id == workspace_id, *wanted.conditions()]
    query = query.where(*conditions)
    if wanted.status:
        matches = derived.c.status == wanted.status
        query = query.where(matches | derived.c.held if wanted.or_held else matches)
        total_query = select(func.count()).select_from(query.with_only_columns(Post.id).subquery())
    else:
        total_query = select(func.count()).select_from(Post).where(*conditions)
    total = (await session.execute(total_query)).scalar_one()
    rows = await session.execute(query.order_by(Post.id.desc()).offset(offset).limit(limit))
    return [(post, found, count, changed_at) for post, found, count, changed_at in rows], total


class ItemHead(NamedTuple):
    """The columns of an item that lists show, with the number of its warnings."""

    platform: str
    username: str
    status: str
    warnings: int


async def heads_of(session: AsyncSession, post_ids: list[UUID]) -> dict[UUID, list[ItemHead]]:
    """Return the heads of each post's items, in order."""
    aside = (Job.state == JobState.HELD, literal(HELD)), (Job.state == JobState.PAUSED, literal(PAUSED))
    status = case(*aside, else_=Item.status)
    warnings = func.jsonb_array_length(Item.warnings)
    query = (
        select(Item.post_id, Item.platform, Connection.username, status, warnings)
        .join(Connection, Connection.id == Item.connection_id)
        .join(Job, Job.id == Item.id)
        .where(Item.post_id.in_(post_ids))
        .order_by(Item.post_id, Item.position)
    )
    heads: dict[UUID, list[ItemHead]] = {id: [] for id in post_ids}
    for post_id, *head in await session.execute(query):
        heads[post_id].append(ItemHead(*head))
    return heads


async def attempts_of(session: AsyncSession, item_id: UUID) -> list[tuple[Attempt, list[AttemptEvent]]]:
    """Return the item's attempts in order, each with its events in order."""
    attempts = list(
        (await session.execute(select(Attempt).where(Attempt.item_id == item_id).order_by(Attempt.number))).scalars()
    )
    query = select(AttemptEvent).where(AttemptEvent.attempt_id.in_([attempt.id for attempt in attempts]))
    events: dict[UUID, list[AttemptEvent]] = {attempt.id: [] for attempt in attempts}
    for event in (await session.execute(query.order_by(AttemptEvent.id))).scalars():
        events[event.attempt_id].append(event)
    return [(attempt, events[attempt.id]) for attempt in attempts]


def had_failed(item_id: ColumnElement[UUID]) -> ColumnElement[bool]:
    """Return whether an attempt of the item has failed for good, so that a person retried or confirmed it."""
    return exists().where(Attempt.item_id == item_id, Attempt.decision == "failed")


async def failed_before(session: AsyncSession, post_id: UUID) -> set[UUID]:
    """Return the items of the post of which an attempt has failed for good, also if they are published now."""
    query = select(Item.id).where(Item.post_id == post_id, had_failed(Item.id.expression))
    return set((await session.scalars(query)).all())


async def sent_items(session: AsyncSession, item_ids: list[UUID]) -> set[UUID]:
    """Return the items that may have sent their video in this round."""
    query = select(Job.id).where(
        JournalEntry.job_id == Job.id,
        JournalEntry.round == Job.round,
        JournalEntry.intended_at.is_not(None),
        Job.id.in_(item_ids),
    )
    return set((await session.execute(query)).scalars())


async def lock_renders(session: AsyncSession, edit_ids: Collection[UUID]) -> None:
    """Lock these renders against deletion until the transaction ends."""
    query = select(Render.id).where(Render.edit_setting_id.in_(edit_ids))
    await session.execute(query.with_for_update(read=True, key_share=True))


async def removed_connections(session: AsyncSession, ids: Collection[UUID]) -> set[UUID]:
    """Return the connections of these that were removed from the workspace."""
    query = select(Connection.id).where(Connection.id.in_(ids), Connection.removed_at.is_not(None))
    return set(await session.scalars(query))


async def delete_items(session: AsyncSession, item_ids: list[UUID]) -> None:
    await session.execute(delete(Item).where(Item.id.in_(item_ids)))
    tell(session, *item_ids)


async def running_items(session: AsyncSession, item_ids: list[UUID]) -> set[UUID]:
    """Return the items of which a live worker runs a job now.

    While the database's clock and that of this process differ, a worker lives that does so by either.
    """
    query = select(Job.subject_id).join(Worker, Worker.id == Job.worker_id)
    behind = func.least(timedelta(), func.clock_timestamp() - clock.expected())
    live = Worker.lease_until > literal(clock.now()) + behind
    running = query.where(Job.subject_id.in_(item_ids), Job.state == JobState.RUNNING, live)
    return set((await session.execute(running)).scalars())
