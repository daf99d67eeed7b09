"""The queue of a client: posts that move to posting times, and posts that exchange their times.

All run in the caller's transaction and never commit. They hold the client, like everything that takes a posting time.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.clients.slots import FreeTime, load_times, lock_client, next_free_times, slot_taken
from clipcast.clients.times import Days
from clipcast.common.ids import parse_id
from clipcast.common.problems import AppError, Problem, ValidationFailed
from clipcast.common.settings import Settings
from clipcast.database.hot_queries import from_session
from clipcast.database.limits import SEES_ALL
from clipcast.database.models.clients import Client
from clipcast.database.models.posts import Item, Post
from clipcast.posts.clients import clients_of
from clipcast.posts.editing import update_post
from clipcast.posts.repository import ITEM_SLOT
from clipcast.posts.schemas import UpdatePost
from clipcast.posts.service import get_pending


async def move_to_next_time(
    session: AsyncSession, workspace_id: UUID, post_id: str, settings: Settings, after: datetime | None = None
) -> FreeTime:
    """Move a pending post to the next free posting time of its accounts, and return it.

    Raise NotFound, ValidationFailed, or AppError 409: the post is not pending, its accounts belong to no client or to
    several, or they have no free posting time.
    """
    id = parse_id(post_id)
    client_id = (await clients_of(session, [id])).get(id) if id else None
    executor = await from_session(session)
    if client_id:
        await lock_client(executor, workspace_id, client_id)
    post, items = await get_pending(session, workspace_id, post_id, "post_not_editable")
    if client_id is None:
        message = "Posting times are of one client, but the post's accounts belong to none, or to several."
        raise AppError(409, "no_posting_time", message)
    accounts = [item.connection_id for item in items]
    client = (await load_times(executor, workspace_id, [client_id], accounts))[client_id]
    found = await next_free_times(executor, client, accounts, 1, after)
    if not found:
        message = "The post's accounts have no free posting time. Add posting times to the client."
        raise AppError(409, "no_posting_time", message)
    await _move(session, post, items, found[0], settings)
    return found[0]


async def swap_posts(
    session: AsyncSession, workspace_id: UUID, client_id: str, post_ids: Sequence[str], settings: Settings
) -> list[Post]:
    """Exchange the times of two pending posts of a client's queue. Return them.

    Raise NotFound, ValidationFailed, or AppError 409: a post is not pending or not in the queue, or an account of one
    has another post at the other's time.
    """
    client = parse_id(client_id)
    if client:
        await lock_client(await from_session(session), workspace_id, client)
    if len({parse_id(id) for id in post_ids}) != len(post_ids):
        raise ValidationFailed([Problem("/post_ids/1", "not_unique", "A post cannot exchange its time with itself.")])
    found: dict[str, tuple[Post, list[Item], FreeTime]] = {}
    for id in sorted(post_ids):  # in one order, so that two exchanges do not wait for each other
        post, items = await get_pending(session, workspace_id, id, "post_not_editable")
        slot_at = next((item.slot_at for item in items if item.slot_at), None)
        own = (await clients_of(session, [post.id])).get(post.id)
        if own != client or slot_at is None or post.scheduled_at is None:
            message = f"The post {id} is not in a posting time of this client. Move it first."
            raise AppError(409, "not_in_queue", message)
        found[id] = post, items, FreeTime(slot_at, post.scheduled_at)
    (one, ones, first), (other, others, second) = (found[id] for id in post_ids)
    for item in (*ones, *others):
        item.slot_at = None
    await session.flush()
    for items, slot in ((ones, second), (others, first)):
        await _require_free(session, items, slot.slot_at)
    await _move(session, one, ones, second, settings)
    await _move(session, other, others, first, settings)
    return [one, other]


async def leave_paused_days(session: AsyncSession, client: Client, paused: Days, settings: Settings) -> int:
    """Move the queued posts of these days to the next free posting times after them. Return their number.

    The days must be paused already. A post that cannot be moved stays.
    """
    day = func.date(func.timezone(client.timezone, Item.slot_at))
    query = select(Post.id).join(Item, Item.post_id == Post.id).where(
        Post.workspace_id == client.workspace_id, day >= paused.first, day <= paused.last, Item.status == "pending"
    )  # fmt: skip
    ids = list(await session.scalars(query.group_by(Post.id).order_by(func.min(Item.slot_at), Post.id)))
    clients, moved = await clients_of(session, ids), 0
    for id in ids:
        if clients.get(id) != client.id:
            continue
        try:  # an error comes before any change
            await move_to_next_time(session, client.workspace_id, str(id), settings)
        except AppError:
            continue
        moved += 1
    return moved


async def _move(session: AsyncSession, post: Post, items: list[Item], slot: FreeTime, settings: Settings) -> None:
    """Move a pending post, whose items are locked, into a posting time that is free for them.

    Raise AppError 409 if another post took it at the same moment.
    """
    await update_post(session, post.workspace_id, str(post.id), UpdatePost(scheduled_at=slot.at), settings)
    for item in items:
        item.slot_at = slot.slot_at
    try:
        await session.flush()
    except IntegrityError as error:
        if ITEM_SLOT not in str(error.orig):
            raise
        raise slot_taken() from error


async def _require_free(session: AsyncSession, items: list[Item], slot_at: datetime) -> None:
    """Raise AppError 409 if an account of these items has another item in the posting time."""
    accounts = [item.connection_id for item in items]
    query = select(Item.id).where(Item.connection_id.in_(accounts), Item.slot_at == slot_at)
    if (await session.scalars(query.limit(1).execution_options(**SEES_ALL))).first():
        raise slot_taken()
