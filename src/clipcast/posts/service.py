"""What can be done with posts. Everything here runs in the caller's transaction, or by what the
caller has it sent, and never commits."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.api.problems import ApiError, NotFound, ValidationFailed
from clipcast.audit.service import Actor
from clipcast.clock import clock
from clipcast.database.direct import Sender, within
from clipcast.ids import new_id, parse_id
from clipcast.instants import show
from clipcast.posts import repository
from clipcast.posts.known import load_known
from clipcast.posts.models import Item, Post
from clipcast.posts.preflight import Findings, check_post, check_target, check_time
from clipcast.posts.schemas import ItemPatch, UpdatePost
from clipcast.posts.status import post_status
from clipcast.problems import Problem
from clipcast.publishing.queue import wake_workers
from clipcast.publishing.quotas import reopen_quotas
from clipcast.settings import Settings


async def create_post(
    sender: Sender,
    workspace_id: UUID,
    body: Any,
    settings: Settings,
    partial: bool = False,
    actor: Actor | None = None,
) -> dict[str, Any]:
    """Creates the post and its items: due now, or at `scheduled_at`. Raises ValidationFailed.

    With `partial`, problems of single videos and targets leave only those out, as long as one item is good; they are
    answered as `errors`. With `actor`, the audit log says who made it.
    """
    checked = await check_post(sender, workspace_id, body, settings)
    of_the_whole = [error for error in checked.errors if not error.path.startswith("/videos/")]
    if checked.errors and (not partial or of_the_whole or not checked.items):
        raise ValidationFailed(checked.errors)
    now = clock.now()
    post_id = new_id()
    # A post for now is in the workers' hands from the first moment: it can no longer be edited, only watched.
    status = "pending" if checked.scheduled_at else "processing"
    post = {"id": post_id, "workspace_id": workspace_id, "scheduled_at": checked.scheduled_at, "now": now}
    items = [vars(item) | {"id": new_id(), "position": position} for position, item in enumerate(checked.items)]
    await repository.add_post(sender, post | {"status": status}, items, actor)
    return {
        "post_id": str(post_id),
        "item_count": len(checked.items),
        "status": status,
        "scheduled_at": show(checked.scheduled_at),
    } | ({"errors": [error.as_dict() for error in checked.errors]} if partial else {})


async def get_post(session: AsyncSession, workspace_id: UUID, post_id: str, lock: bool = False) -> Post:
    """Raises NotFound."""
    post = await repository.get_post(session, workspace_id, post_id, lock)
    if post is None:
        raise NotFound("post", post_id)
    return post


async def update_post(
    session: AsyncSession, workspace_id: UUID, post_id: str, body: UpdatePost, settings: Settings
) -> None:
    """Changes a post that nothing has begun of. Raises NotFound, ApiError 409 or ValidationFailed."""
    post, items = await _pending(session, workspace_id, post_id, "post_not_editable")
    found = Findings()
    moved = "scheduled_at" in body.model_fields_set
    if moved and body.scheduled_at:
        check_time(show(body.scheduled_at), found)
    await _patch_items(session, post, items, body, found, settings)
    if found.errors:
        raise ValidationFailed(found.errors)
    now = clock.now()
    post.updated_at = now
    if moved:
        post.scheduled_at = body.scheduled_at
        for item in items:
            item.due_at = body.scheduled_at or now
            item.status = "pending" if body.scheduled_at else "processing"
        await wake_workers(session)


async def publish_post(session: AsyncSession, workspace_id: UUID, post_id: str) -> None:
    """Starts a pending post now. Raises NotFound, or ApiError 409."""
    post, items = await _pending(session, workspace_id, post_id, "post_not_pending")
    now = clock.now()
    post.scheduled_at, post.updated_at = None, now
    for item in items:
        item.due_at, item.status = now, "processing"
    await wake_workers(session)


async def withdraw_post(session: AsyncSession, workspace_id: UUID, post_id: str) -> None:
    """Deletes a post of which nothing has begun, so that another may replace it. Raises NotFound, or ApiError 409."""
    post, _ = await _pending(session, workspace_id, post_id, "post_not_editable")
    await session.delete(post)


async def retry_item(session: AsyncSession, workspace_id: UUID, post_id: str, item_id: str, force: bool) -> UUID:
    """Puts a failed item into the queue again; returns its id. Raises NotFound, or ApiError 409.

    The journal stays, so what was done is not done again, and what may have been done is looked for first. `force`
    starts over and sends unseen. A platform that said that nothing is left of a quota is asked again.
    """
    post = await get_post(session, workspace_id, post_id, lock=True)
    item = await get_item(session, post, item_id, lock=True)
    if item.status != "failed":
        raise ApiError(409, "item_not_failed", f"The item is {item.status}; only a failed item can be retried.")
    now = clock.now()
    item.status, item.stage, item.due_at = "processing", None, now
    item.failures, item.resuming, item.reconnect_by = 0, False, None
    await reopen_quotas(session, item.connection_id)
    if force and item.error and item.error["class"] == "outcome_unknown":
        item.round += 1
    post.updated_at = now
    await wake_workers(session)
    return item.id


async def delete_item(session: AsyncSession, workspace_id: UUID, post_id: str, item_id: str) -> None:
    """Deletes our record of one item; with the last one, the post's. Raises NotFound, or ApiError 409."""
    post = await get_post(session, workspace_id, post_id, lock=True)
    item = await get_item(session, post, item_id, lock=True)
    await _not_in_progress(session, [item])
    await repository.delete_items(session, [item.id])
    if not await repository.get_items(session, post.id):
        await session.delete(post)
    else:
        post.updated_at = clock.now()


async def delete_post(session: AsyncSession, workspace_id: UUID, post_id: str) -> None:
    """Deletes our record of the post and all its items. Raises NotFound, or ApiError 409."""
    post = await get_post(session, workspace_id, post_id, lock=True)
    await _not_in_progress(session, await repository.get_items(session, post.id, lock=True))
    await session.delete(post)


async def show_post(session: AsyncSession, post: Post) -> dict[str, Any]:
    items = await repository.get_items(session, post.id)
    status = post_status(item.status for item in items)
    changed_at = max(item.updated_at for item in items)
    return show_summary(post, status, len(items), changed_at) | {"items": [show_item(item) for item in items]}


async def show_attempts(session: AsyncSession, workspace_id: UUID, post_id: str, item_id: str) -> list[dict[str, Any]]:
    """The timeline of an item. Raises NotFound."""
    post = await get_post(session, workspace_id, post_id)
    item = await get_item(session, post, item_id)
    return [
        {
            "number": attempt.number,
            "started_at": show(attempt.started_at),
            "ended_at": show(attempt.ended_at),
            "decision": attempt.decision,
            "reason": attempt.reason,
            "error": attempt.error,
            "events": [
                {
                    "kind": event.kind,
                    "name": event.name,
                    "started_at": show(event.started_at),
                    "ended_at": show(event.ended_at),
                    "http_status": event.http_status,
                    "bytes_sent": event.bytes_sent,
                    "platform_request_id": event.platform_request_id,
                    "detail": event.detail,
                }
                for event in events
            ],
        }
        for attempt, events in await repository.attempts_of(session, item.id)
    ]


def show_summary(post: Post, status: str, item_count: int, changed_at: datetime) -> dict[str, Any]:
    """A post without its items, the last of which changed at `changed_at`."""
    return {
        "post_id": str(post.id),
        "status": status,
        "scheduled_at": show(post.scheduled_at),
        "item_count": item_count,
        "created_at": show(post.created_at),
        "updated_at": show(max(post.updated_at, changed_at)),
    }


def show_item(item: Item) -> dict[str, Any]:
    connection = item.connection
    waits = item.status == "processing" and item.lease_until is None and item.attempts > 0
    return {
        "id": str(item.id),
        "edit_id": str(item.edit_id),
        "connection_id": str(item.connection_id),
        "platform": item.platform,
        "account": {
            "username": connection.username,
            "display_name": connection.display_name,
            "avatar_url": connection.avatar_url,
        },
        "status": item.status,
        "stage": item.stage if item.status == "processing" else None,
        "progress": item.progress,
        "metadata": {item.platform: item.details},
        "attempts": item.attempts,
        "next_attempt_at": show(item.due_at) if waits else None,
        "published_at": show(item.published_at),
        "platform_post_id": item.platform_post_id,
        "platform_post_url": item.platform_post_url,
        "error": item.error,
        "created_at": show(item.created_at),
        "updated_at": show(item.updated_at),
    }


async def _pending(session: AsyncSession, workspace_id: UUID, post_id: str, code: str) -> tuple[Post, list[Item]]:
    """The post and its items, locked, when all of them still wait."""
    post = await get_post(session, workspace_id, post_id, lock=True)
    items = await repository.get_items(session, post.id, lock=True)
    status = post_status(item.status for item in items)
    if status != "pending":
        raise ApiError(409, code, f"The post is {status}; this works only while it is pending.")
    return post, items


async def get_item(session: AsyncSession, post: Post, item_id: str, lock: bool = False) -> Item:
    """Raises NotFound."""
    item = await session.get(Item, parse_id(item_id), with_for_update=lock or None) if parse_id(item_id) else None
    if item is None or item.post_id != post.id:
        raise NotFound("item", item_id)
    return item


async def _not_in_progress(session: AsyncSession, items: list[Item]) -> None:
    """Neither run by a worker now nor between sending the video and knowing what became of it."""
    now = clock.now()
    under_way = [item for item in items if item.status == "processing"]
    if any(repository.is_leased(item, now) for item in items) or (
        under_way and await repository.may_be_live(session, [item.id for item in under_way])
    ):
        raise ApiError(
            409, "item_in_progress", "An item is being published. Try again when it has ended.",
            headers={"Retry-After": "10"},
        )  # fmt: skip


async def _patch_items(
    session: AsyncSession, post: Post, items: list[Item], body: UpdatePost, found: Findings, settings: Settings
) -> None:
    """Applies the patches to the rows; what is wrong goes into `found`, and then nothing may be committed."""
    by_id = {item.id: item for item in items}
    edit_ids = {item.edit_id for item in items} | {id for p in body.items if (id := parse_id(p.editId))}
    connection_ids = {item.connection_id for item in items} | {
        id for p in body.items if (id := parse_id(p.connectionId))
    }
    known = await load_known(await within(session), post.workspace_id, edit_ids, connection_ids, settings)
    moved = "scheduled_at" in body.model_fields_set
    starts_at = (body.scheduled_at if moved else post.scheduled_at) or clock.now()
    patches: dict[UUID | None, tuple[int, ItemPatch | None]] = {
        parse_id(patch.id): (index, patch) for index, patch in enumerate(body.items)
    }
    for index, named in enumerate(body.items):
        if parse_id(named.id) not in by_id:
            found.errors.append(Problem(f"/items/{index}/id", "not_found", f"The post has no item {named.id[:60]!r}."))
        elif patches[parse_id(named.id)][0] != index:
            found.errors.append(Problem(f"/items/{index}/id", "not_unique", "The item is named twice."))
    for item in items:
        if item.id not in patches and not moved:
            continue
        # A new time is checked against items that are not named, too: it may lie after their own publishAt.
        index, patch = patches.get(item.id, (-1, None))
        path = f"/items/{index}" if patch else f"/items/{item.id}"
        edit = patch.editId if patch and patch.editId else str(item.edit_id)
        render = known.renders.get(parse_id(edit)) if parse_id(edit) else None  # type: ignore[arg-type]
        if render is None:
            found.errors.append(
                Problem(f"{path}/editId", "not_found", f"There is no render {edit[:60]!r} in this workspace.")
            )
        target = {
            "connectionId": patch.connectionId if patch and patch.connectionId else str(item.connection_id),
            "metadata": patch.metadata if patch and patch.metadata is not None else {item.platform: item.details},
        }
        planned, _ = check_target(known, render, target, path, starts_at, found)
        if planned:
            item.edit_id, item.connection_id = planned.edit_id, planned.connection_id
            item.platform, item.details = planned.platform, planned.details
            item.updated_at = clock.now()
    pairs: set[tuple[UUID, UUID]] = set()
    for item in items:
        if (item.edit_id, item.connection_id) in pairs:
            message = "The same clip may not go twice to the same connection in one post."
            found.errors.append(Problem("/items", "not_unique", message))
        pairs.add((item.edit_id, item.connection_id))
