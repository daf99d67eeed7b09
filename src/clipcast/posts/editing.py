"""Changing what nothing has been sent of: a post's time, and what its items say."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.clock import clock
from clipcast.common.ids import parse_id
from clipcast.common.problems import AppError, Problem, ValidationFailed
from clipcast.common.settings import Settings
from clipcast.common.timestamps import format_timestamp
from clipcast.common.versions import IfMatch
from clipcast.database.hot_queries import from_session
from clipcast.database.models.posts import Item, Post
from clipcast.jobs.queue import wake_workers
from clipcast.posts import repository
from clipcast.posts.preflight import Findings, check_target, check_time, edit_problem
from clipcast.posts.references import References, load_known
from clipcast.posts.schemas import ItemChange, UpdatePost
from clipcast.posts.service import check_version, get_changeable, get_item, lift_limits


async def update_post(
    session: AsyncSession,
    workspace_id: UUID,
    post_id: str,
    body: UpdatePost,
    settings: Settings,
    if_match: IfMatch | None = None,
) -> None:
    """Change a pending post, or the items of a begun one that wait for their next attempt.

    A changed item starts over; one that goes to another account, or is moved to now, no longer waits.

    Raises NotFound, AppError 409 or 412, or ValidationFailed; nothing is committed then.
    """
    post, items = await get_changeable(session, workspace_id, post_id, "post_not_editable")
    check_version(post, if_match)
    found = Findings()
    moved = "scheduled_at" in body.model_fields_set
    if moved and body.scheduled_at:
        check_time(format_timestamp(body.scheduled_at), found)
    patches = _patches_by_item(items, body, found)
    known = await _known(session, post, items, body.items, settings)
    starts_at = (body.scheduled_at if moved else post.scheduled_at) or clock.now()
    # As callers see it: the time that they read and send back is no change.
    changed = moved and format_timestamp(body.scheduled_at) != format_timestamp(post.scheduled_at)
    before = {item.id: item.connection_id for item in items}
    for item in items:
        if item.id in patches:
            path, patch = patches[item.id]
            changed = _patch(item, patch, path, known, starts_at, found) or changed
        elif moved:
            found.errors += _against_time(item, known, starts_at, post.scheduled_at or post.created_at)
    _check_unique(await repository.get_items(session, post.id), found, "/items")
    if found.errors:
        raise ValidationFailed(found.errors)
    now = clock.now()
    post.updated_at = now
    post.version += changed
    for item in items:
        if item.status != "pending" and (item.id in patches or moved):
            _start_over(item, before[item.id])
    if moved:
        for item in items:
            item.due_at, item.error = body.scheduled_at or now, None
            item.status = "pending" if body.scheduled_at else "processing"
        tried = [item for item in items if item.attempts]
        if tried and not body.scheduled_at:
            await lift_limits(session, tried)
        post.scheduled_at = body.scheduled_at
        await wake_workers(session)


async def update_item(
    session: AsyncSession,
    workspace_id: UUID,
    post_id: str,
    item_id: str,
    change: ItemChange,
    settings: Settings,
    if_match: IfMatch | None = None,
) -> None:
    """Change one item that is pending, or that waits for its next attempt. Raises as `update_post`."""
    post, items = await get_changeable(session, workspace_id, post_id, "post_not_editable")
    item = await get_item(session, post, item_id, lock=True)
    if item not in items:
        raise AppError(409, "post_not_editable", f"The item is {item.status} and can no longer be changed.")
    check_version(item, if_match)
    found, before = Findings(), item.connection_id
    known = await _known(session, post, items, [change], settings)
    changed = _patch(item, change, "", known, post.scheduled_at or clock.now(), found)
    _check_unique(await repository.get_items(session, post.id), found, "")
    if found.errors:
        raise ValidationFailed(found.errors)
    if item.status != "pending":
        _start_over(item, before)
    post.updated_at = clock.now()
    post.version += changed


def _start_over(item: Item, connection_id: UUID) -> None:
    """Forget the steps of a changed item that waits for its next attempt: they belong to what it said before.

    It goes on waiting, unless it waited for another account, `connection_id`.
    """
    item.round += 1
    item.stage, item.progress, item.failures, item.continues_attempt = None, 0, 0, False
    if item.connection_id != connection_id:
        item.due_at = clock.now()


def _patches_by_item(items: list[Item], body: UpdatePost, found: Findings) -> dict[UUID, tuple[str, ItemChange]]:
    """The patches, by the item that each names, with their paths in the body."""
    ids = {item.id for item in items}
    patches: dict[UUID, tuple[str, ItemChange]] = {}
    for index, patch in enumerate(body.items):
        id = parse_id(patch.id)
        if id not in ids or id is None:
            message = f"The post has no item {patch.id[:60]!r} that can be changed now."
            found.errors.append(Problem(f"/items/{index}/id", "not_found", message))
        elif id in patches:
            found.errors.append(Problem(f"/items/{index}/id", "not_unique", "The item is named twice."))
        else:
            patches[id] = (f"/items/{index}", patch)
    return patches


async def _known(
    session: AsyncSession, post: Post, items: list[Item], changes: Sequence[ItemChange], settings: Settings
) -> References:
    """What the post's items name now, and what they would name. A render that is newly named cannot be deleted now."""
    edit_ids = {item.edit_id for item in items} | {id for p in changes if (id := parse_id(p.editId))}
    if any(patch.editId for patch in changes):
        await repository.hold_renders(session, edit_ids)
    connection_ids = {item.connection_id for item in items} | {id for p in changes if (id := parse_id(p.connectionId))}
    return await load_known(await from_session(session), post.workspace_id, edit_ids, connection_ids, settings)


def _patch(item: Item, patch: ItemChange, path: str, known: References, starts_at: datetime, found: Findings) -> bool:
    """Apply the patch to the row, if nothing is wrong with the item that comes of it. Return whether it changed."""
    edit = patch.editId or str(item.edit_id)
    edit_id = parse_id(edit)
    render = known.renders.get(edit_id) if edit_id else None
    if problem := edit_problem(render, edit, f"{path}/editId"):
        found.errors.append(problem)
    target = _target(item)
    if patch.connectionId:
        target["connectionId"] = patch.connectionId
    if patch.metadata is not None:
        target["metadata"] = patch.metadata
    kept = parse_id(target["connectionId"]) == item.connection_id
    planned, _ = check_target(known, render, target, path, starts_at, found, kept)
    before = (item.edit_id, item.connection_id, item.details)
    if planned is None or before == (planned.edit_id, planned.connection_id, planned.details):
        return False
    item.edit_id, item.connection_id = planned.edit_id, planned.connection_id
    item.platform, item.details = planned.platform, planned.details
    item.updated_at = clock.now()
    item.version += 1
    return True


def _against_time(item: Item, known: References, starts_at: datetime, before: datetime) -> list[Problem]:
    """What the new time makes wrong with an item, such as a publishAt that it passes.

    What was wrong at the time before says nothing against the new one: a post can always be moved away from it.
    """
    path = f"/items/{item.id}"

    def problems_at(instant: datetime) -> list[Problem]:
        found = Findings()
        check_target(known, known.renders.get(item.edit_id), _target(item), path, instant, found, kept=True)
        return found.errors

    stood = {(problem.path, problem.code) for problem in problems_at(before)}
    return [problem for problem in problems_at(starts_at) if (problem.path, problem.code) not in stood]


def _target(item: Item) -> dict[str, Any]:
    """The item as a target of POST /posts."""
    return {"connectionId": str(item.connection_id), "metadata": {item.platform: item.details}}


def _check_unique(items: list[Item], found: Findings, path: str) -> None:
    pairs: set[tuple[UUID, UUID]] = set()
    for item in items:
        if (item.edit_id, item.connection_id) in pairs:
            message = "The same clip may not go twice to the same connection in one post."
            found.errors.append(Problem(path, "not_unique", message))
        pairs.add((item.edit_id, item.connection_id))
