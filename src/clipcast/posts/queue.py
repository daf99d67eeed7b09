"""The queue of a client: posts that move to posting times, and posts that exchange their times.

All run in the caller's transaction and never commit. They hold the client, like everything that takes a posting time.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.clients.repository import get_client
from clipcast.clients.slots import FreeTime, load_times, lock_client, next_free_times, slot_taken
from clipcast.clients.times import Days
from clipcast.common.ids import parse_id
from clipcast.common.problems import AppError, Problem, ValidationFailed
from clipcast.common.settings import Settings
from clipcast.common.versions import IfMatch
from clipcast.database.hot_queries import from_session
from clipcast.database.limits import SEES_ALL
from clipcast.database.models.clients import Client
from clipcast.database.models.posts import Item, Post
from clipcast.posts.clients import clients_of
from clipcast.posts.editing import update_post
from clipcast.posts.moving import BEGUN, Moved, move_post, slot_of
from clipcast.posts.repository import ITEM_SLOT
from clipcast.posts.schemas import UpdatePost
from clipcast.posts.service import get_pending

# Which posts stay where they are, instead of moving to a posting time.
Keep = Literal["nothing", "queued", "time"]


class HasTime(Exception):
    """An error: the post has a time already, a posting time (`in_queue`) or another one, and was to keep it."""

    def __init__(self, in_queue: bool) -> None:
        super().__init__(in_queue)
        self.in_queue = in_queue


async def move_to_next_time(
    session: AsyncSession, workspace_id: UUID, post_id: str, settings: Settings, keep: Keep = "nothing"
) -> Moved:
    """Move a pending post to the next free posting time of its accounts.

    `keep` names the posts that stay: those with any `time`, or those in a posting time (`queued`). They raise HasTime.
    Raise NotFound, ValidationFailed, or AppError 409: the post is not pending, an account has several clips of it, its
    accounts belong to no client or to several, or they have no free posting time.
    """
    client_id = await _hold_client(session, workspace_id, post_id)
    executor = await from_session(session)
    post, items = await get_pending(session, workspace_id, post_id, "post_not_editable")
    before, slot_at = post.scheduled_at, slot_of(items)
    if (keep != "nothing" and slot_at) or (keep == "time" and before):
        raise HasTime(slot_at is not None)
    if client_id is None:
        message = "Posting times are of one client, but the post's accounts belong to none, or to several."
        raise AppError(409, "no_posting_time", message)
    accounts = [item.connection_id for item in items]
    if len(set(accounts)) < len(accounts):
        message = (
            "A posting time takes one clip of each account, and the post has several. Make one post for each clip."
        )
        raise AppError(409, "several_clips", message)
    client = (await load_times(executor, workspace_id, [client_id], accounts))[client_id]
    found = await next_free_times(executor, client, accounts, 1)
    if not found:
        message = "The post's accounts have no free posting time. Add posting times to the client."
        raise AppError(409, "no_posting_time", message)
    await _move(session, post, items, found[0], settings)
    return Moved(before, found[0].at, post.version, slot_at)


async def move_back(
    session: AsyncSession,
    workspace_id: UUID,
    post_id: str,
    at: datetime,
    slot_at: datetime | None,
    settings: Settings,
    if_match: IfMatch | None = None,
) -> Moved:
    """Move a pending post back to the time that it had, and into its posting time of then, if it was in one.

    It stays without a posting time if the accounts do not have this one any more, or if another post has taken it.
    Raise as `move_post`.
    """
    client_id = await _hold_client(session, workspace_id, post_id) if slot_at else None
    moved = await move_post(session, workspace_id, post_id, lambda _: at, settings, if_match)
    if client_id and slot_at:
        post, items = await get_pending(session, workspace_id, post_id, BEGUN)
        accounts = [item.connection_id for item in items]
        times = await load_times(await from_session(session), workspace_id, [client_id], accounts)
        is_offered = times[client_id].has(FreeTime(slot_at, at), accounts)
        if is_offered and await _is_free(session, post, accounts, slot_at):
            await _take(session, items, slot_at)
    return moved


async def _hold_client(session: AsyncSession, workspace_id: UUID, post_id: str) -> UUID | None:
    """Hold the posting times of the post's client, and return it; None if its accounts are of none, or of several."""
    id = parse_id(post_id)
    client_id = (await clients_of(session, [id])).get(id) if id else None
    if client_id:
        await lock_client(await from_session(session), workspace_id, client_id)
    return client_id


async def swap_posts(
    session: AsyncSession, workspace_id: UUID, client_id: str, post_ids: Sequence[str], settings: Settings
) -> list[Post]:
    """Exchange the times of two pending posts of a client's queue. Return them.

    Raise NotFound, ValidationFailed, or AppError 409: a post is not pending or not in the queue, or an account of one
    has another post at the other's time.
    """
    # The lock is not narrowed to clients that the session sees (database/limits.py), but this query is.
    client = (await get_client(session, workspace_id, client_id, lock=True)).id
    if len({parse_id(id) for id in post_ids}) != len(post_ids):
        raise ValidationFailed([Problem("/post_ids/1", "not_unique", "A post cannot exchange its time with itself.")])
    found: dict[str, tuple[Post, list[Item], FreeTime]] = {}
    for id in sorted(post_ids):  # in one order, so that two exchanges do not wait for each other
        post, items = await get_pending(session, workspace_id, id, "post_not_editable")
        slot_at = slot_of(items)
        own = (await clients_of(session, [post.id])).get(post.id)
        if own != client or slot_at is None or post.scheduled_at is None:
            message = f"The post {id} is not in a posting time of this client. Move it first."
            raise AppError(409, "not_in_queue", message)
        found[id] = post, items, FreeTime(slot_at, post.scheduled_at)
    (one, ones, first), (other, others, second) = (found[id] for id in post_ids)
    for item in (*ones, *others):
        item.slot_at = None
    await session.flush()
    for post, items, slot in ((one, ones, second), (other, others, first)):
        if not await _is_free(session, post, [item.connection_id for item in items], slot.slot_at):
            raise slot_taken()
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
    await _take(session, items, slot.slot_at)


async def _take(session: AsyncSession, items: list[Item], slot_at: datetime) -> None:
    """Put locked items into a posting time. Raise AppError 409 if another post took it at the same moment."""
    for item in items:
        item.slot_at = slot_at
    try:
        await session.flush()
    except IntegrityError as error:
        if ITEM_SLOT not in str(error.orig):
            raise
        raise slot_taken() from error


async def _is_free(session: AsyncSession, post: Post, account_ids: Sequence[UUID], slot_at: datetime) -> bool:
    """Return whether no other post has the posting time of an account of these."""
    query = select(Item.id).where(Item.connection_id.in_(account_ids), Item.slot_at == slot_at, Item.post_id != post.id)
    return (await session.scalars(query.limit(1).execution_options(**SEES_ALL))).first() is None
