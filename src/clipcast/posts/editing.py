"""Changes of a post's time and of its items, as long as nothing of them has been sent."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.audit.service import Actor
from clipcast.clients.rule_schemas import NONE
from clipcast.clock import clock
from clipcast.common.ids import parse_id
from clipcast.common.problems import AppError, Problem, ValidationFailed
from clipcast.common.settings import Settings
from clipcast.common.timestamps import format_timestamp
from clipcast.common.versions import IfMatch
from clipcast.database.hot_queries import from_session
from clipcast.database.models.jobs import JobState
from clipcast.database.models.posts import Item, Post
from clipcast.jobs.kinds import NETWORK
from clipcast.jobs.queue import begin_round, end_review, reschedule
from clipcast.jobs.wake import wake_router, wake_workers
from clipcast.posts import repository
from clipcast.posts.account_checks import known_limit_problems
from clipcast.posts.preflight import Findings, check_target, check_time, edit_problem
from clipcast.posts.references import References, load_references
from clipcast.posts.schemas import ItemChange, UpdatePost
from clipcast.posts.service import check_version, get_changeable, get_item, lift_limits, require_no_double
from clipcast.posts.status import post_status
from clipcast.renders.conforming import order_conversions_after_commit
from clipcast.reviews.repository import reviewers_of
from clipcast.reviews.requests import check_rules
from clipcast.reviews.service import ask_again, follow_time, get_review
from clipcast.reviews.states import is_released


async def update_post(
    session: AsyncSession,
    workspace_id: UUID,
    post_id: str,
    body: UpdatePost,
    settings: Settings,
    if_match: IfMatch | None = None,
    refuse: bool = False,
    by: Actor | None = None,
) -> bool:
    """Change a pending post, or the items of a begun one that wait for their next attempt. Return whether it changed.

    A changed item starts over. If its account changes, or its time is now, it becomes due.

    If `by` may publish without an approval, a review that needs less than a client's rule suffices.

    Raise NotFound, AppError 409 or 412, or ValidationFailed; with `refuse`, DuplicateContent if the
    workspace refuses that. Nothing is committed then.
    """
    post, items = await get_changeable(session, workspace_id, post_id, "post_not_editable")
    check_version(post, if_match)
    found = Findings()
    moved = "scheduled_at" in body.model_fields_set
    if moved and body.scheduled_at:
        check_time(format_timestamp(body.scheduled_at), found)
    patches = _patches_by_item(items, body, found)
    references = await _load_references(session, post, items, body.items, settings)
    starts_at = (body.scheduled_at if moved else post.scheduled_at) or clock.now()
    # Compared as the API shows it: a caller that sends back the time that it read changes nothing.
    changed = moved and format_timestamp(body.scheduled_at) != format_timestamp(post.scheduled_at)
    before = {item.id: item.connection_id for item in items}
    patched: set[UUID] = set()
    for item in items:
        if item.id in patches:
            path, patch = patches[item.id]
            if _patch(item, patch, path, references, starts_at, found):
                patched.add(item.id)
        elif moved:
            found.errors += _problems_of_time(item, references, starts_at, post.scheduled_at or post.created_at)
    all_items = await repository.get_items(session, post.id)
    changed_accounts = {
        item.connection_id: patches[item.id][0] for item in items if item.connection_id != before[item.id]
    }
    await _check_rules(session, post, changed_accounts, all_items, references, found, by)
    _check_unique(all_items, found, "/items")
    if found.errors:
        raise ValidationFailed(found.errors)
    if not moved and not patched:
        return False
    if patched:
        changed = True
        await _ask_again(session, post, all_items)
    now = clock.now()
    post.updated_at = now
    post.version += changed
    wake_router(session)
    for item in items:
        if item.status != "pending" and (item.id in patched or moved):
            _start_over(item, before[item.id])
    if moved:
        released = is_released(post)
        for item in items:
            item.error = None
            item.slot_at = item.slot_at if item.goes_at == body.scheduled_at else None
            item.goes_at = body.scheduled_at or now
            if released:
                end_review(item.job)
            reschedule(item.job, body.scheduled_at or now)
            item.status = "pending" if body.scheduled_at or not released else "processing"
        await follow_time(session, post)
        started = [item for item in items if item.attempts]
        if started and not body.scheduled_at:
            await lift_limits(session, started)
        if post.scheduled_at or body.scheduled_at:
            post.started_at = None if body.scheduled_at else now
        post.scheduled_at = body.scheduled_at
        wake_workers(session, NETWORK)
    if changed and refuse:
        affected = [item for item in items if moved or item.id in patched]
        await require_no_double(session, post, affected, starts_at, settings)
    order_conversions_after_commit(session, post.id)
    return True


async def update_item(
    session: AsyncSession,
    workspace_id: UUID,
    post_id: str,
    item_id: str,
    change: ItemChange,
    settings: Settings,
    if_match: IfMatch | None = None,
    refuse: bool = False,
    by: Actor | None = None,
) -> bool:
    """Change one item that is pending, or that waits for its next attempt. Return whether it changed.

    Raise the same errors as `update_post`.
    """
    post, items = await get_changeable(session, workspace_id, post_id, "post_not_editable")
    item = await get_item(session, post, item_id, lock=True)
    if item not in items:
        raise AppError(409, "post_not_editable", f"The item is {item.status} and can no longer be changed.")
    check_version(item, if_match)
    found, before = Findings(), item.connection_id
    references = await _load_references(session, post, items, [change], settings)
    changed = _patch(item, change, "", references, post.scheduled_at or clock.now(), found)
    all_items = await repository.get_items(session, post.id)
    changed_accounts = {item.connection_id: ""} if item.connection_id != before else {}
    await _check_rules(session, post, changed_accounts, all_items, references, found, by)
    _check_unique(all_items, found, "")
    if found.errors:
        raise ValidationFailed(found.errors)
    if not changed:
        return False
    await _ask_again(session, post, all_items)
    if item.status != "pending":
        _start_over(item, before)
    post.updated_at = clock.now()
    post.version += 1
    if refuse:
        await require_no_double(session, post, [item], post.scheduled_at or clock.now(), settings)
    order_conversions_after_commit(session, post.id)
    return True


async def _ask_again(session: AsyncSession, post: Post, items: list[Item]) -> None:
    """Ask the reviewers of a pending post again. Raise AppError 409 if they approved it and it has begun."""
    if post.review and post_status(item.status for item in items) != "pending":
        raise AppError(
            409, "post_approved",
            "The post was approved as it is, and publishing has begun. Change a copy, and send that for review.",
        )  # fmt: skip
    await ask_again(session, post, items)


def _start_over(item: Item, connection_id: UUID) -> None:
    """Begin a new round of a changed item that waits for its next attempt: its steps used the old metadata.

    The item keeps waiting, unless its account has changed from `connection_id`.
    """
    begin_round(item.job)
    item.stage, item.progress = None, 0
    if item.connection_id != connection_id:
        reschedule(item.job, clock.now())


def _patches_by_item(items: list[Item], body: UpdatePost, found: Findings) -> dict[UUID, tuple[str, ItemChange]]:
    """Return the patches by item, each with its path in the body. Add the problems of their ids to `found`."""
    ids = {item.id for item in items}
    patches: dict[UUID, tuple[str, ItemChange]] = {}
    for index, patch in enumerate(body.items):
        id = parse_id(patch.id)
        if id not in ids or id is None:
            message = f"The post has no item {patch.id[:60]!r} that can be changed now."
            found.errors.append(Problem(f"/items/{index}/id", "not_found", message))
        elif id in patches:
            found.errors.append(
                Problem(f"/items/{index}/id", "not_unique", "The body has two changes of this item. Send one.")
            )
        else:
            patches[id] = (f"/items/{index}", patch)
    return patches


async def _load_references(
    session: AsyncSession, post: Post, items: list[Item], changes: Sequence[ItemChange], settings: Settings
) -> References:
    """Return the renders and connections of the post's items, before and after the changes.

    Lock the renders that a change names, so that no other transaction deletes them.
    """
    edit_ids = {item.edit_id for item in items} | {id for p in changes if (id := parse_id(p.editId))}
    if any(patch.editId for patch in changes):
        await repository.lock_renders(session, edit_ids)
    connection_ids = {item.connection_id for item in items} | {id for p in changes if (id := parse_id(p.connectionId))}
    return await load_references(await from_session(session), post.workspace_id, edit_ids, connection_ids, settings)


def _patch(
    item: Item, patch: ItemChange, path: str, references: References, starts_at: datetime, found: Findings
) -> bool:
    """Apply the patch to the row if the resulting item is valid. Return whether the item changed."""
    edit = patch.editId or str(item.edit_id)
    edit_id = parse_id(edit)
    render = references.renders.get(edit_id) if edit_id else None
    if problem := edit_problem(render, edit, f"{path}/editId"):
        found.errors.append(problem)
    target = _target(item)
    if patch.connectionId:
        target["connectionId"] = patch.connectionId
    if patch.metadata is not None:
        target["metadata"] = patch.metadata
    kept = parse_id(target["connectionId"]) == item.connection_id
    planned, sound = check_target(
        references, render, target, path, starts_at, found, kept, patch.conform or item.conform
    )
    if planned and sound and (problems := known_limit_problems(sound)):
        found.errors += problems
        return False
    before = (item.edit_id, item.connection_id, item.details, item.conform)
    if planned is None or before == (planned.edit_id, planned.connection_id, planned.details, planned.conform):
        return False
    item.edit_id, item.connection_id = planned.edit_id, planned.connection_id
    item.platform = item.job.platform = planned.platform
    item.details, item.conform, item.fingerprint = planned.details, planned.conform, planned.fingerprint
    if item.connection_id != before[1]:
        item.slot_at = None
    item.rendition_id = None  # the item's next run orders what it needs
    if item.job.state == JobState.PAUSED and item.connection_id != before[1]:
        reschedule(item.job, item.job.due_at)  # the pause may not cover the other account
    item.updated_at = clock.now()
    item.version += 1
    return True


async def _check_rules(
    session: AsyncSession,
    post: Post,
    accounts: Mapping[UUID, str],
    items: Sequence[Item],
    references: References,
    found: Findings,
    by: Actor | None,
) -> None:
    """Add a problem for each of these accounts, which are new in the post, whose client wants another approval.

    `accounts` are by id, each with the path of its change. `items` are all of the post, after the change. Whoever may
    publish without an approval may keep a review that needs less.
    """
    ruled = {
        id: f"{path}/connectionId" for id, path in accounts.items()
        if (account := references.connections.get(id)) and account.review_rule not in (None, NONE)
    }  # fmt: skip
    if not ruled:
        return
    if post.review is None:
        message = "Posts of this account's client need an approval. Send the post for review first."
        found.errors += [Problem(path, "no_reviewer", message) for path in ruled.values()]
        return
    if by and by.may_skip_review:
        return
    review = await get_review(session, post)
    asked = {id for one in await reviewers_of(session, review.id) if (id := one.user_id or one.link_id)}
    clients = {account.client_id for item in items if (account := references.connections.get(item.connection_id))}
    path, executor = next(iter(ruled.values())), await from_session(session)
    found.errors += await check_rules(executor, post.workspace_id, asked, review.rule, path, clients)


def _problems_of_time(item: Item, references: References, starts_at: datetime, before: datetime) -> list[Problem]:
    """Return the problems of an item that the new time causes, such as a publishAt before it.

    Problems that the item already had at the old time do not count, so that a post can be moved away from them.
    """
    path = f"/items/{item.id}"

    def problems_at(instant: datetime) -> list[Problem]:
        found = Findings()
        render = references.renders.get(item.edit_id)
        check_target(references, render, _target(item), path, instant, found, kept=True, conform=item.conform)
        return found.errors

    existing = {(problem.path, problem.code) for problem in problems_at(before)}
    return [problem for problem in problems_at(starts_at) if (problem.path, problem.code) not in existing]


def _target(item: Item) -> dict[str, Any]:
    """Return the item as a target of POST /posts."""
    return {"connectionId": str(item.connection_id), "metadata": {item.platform: item.details}}


def _check_unique(items: list[Item], found: Findings, path: str) -> None:
    pairs: set[tuple[UUID, UUID]] = set()
    for item in items:
        if (item.edit_id, item.connection_id) in pairs:
            message = "Another target of this post has the same clip and connection. Remove one of them."
            found.errors.append(Problem(path, "not_unique", message))
        pairs.add((item.edit_id, item.connection_id))
