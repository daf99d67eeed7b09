"""The operations on posts. All run in the caller's transaction, or on its executor, and never commit."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from clipcast.audit.service import Actor
from clipcast.clock import clock
from clipcast.common.ids import new_id, parse_id
from clipcast.common.problems import AppError, NotFound, Problem, ValidationFailed
from clipcast.common.settings import Settings
from clipcast.common.versions import IfMatch
from clipcast.database.hot_queries import Executor, from_session
from clipcast.database.models.jobs import JobState
from clipcast.database.models.lists import PostLabel
from clipcast.database.models.posts import Item, Post
from clipcast.database.models.reviews import ReviewState
from clipcast.installation import Installation
from clipcast.jobs.kinds import NETWORK
from clipcast.jobs.queue import begin_round, end_review, release_rate_limited, reschedule, restart
from clipcast.jobs.quota_counters import reopen_quotas
from clipcast.jobs.wake import wake_router, wake_workers
from clipcast.posts import labels, repository
from clipcast.posts.account_checks import check_known_limits
from clipcast.posts.conversions import rendition_of, stage_text
from clipcast.posts.duplicates import DuplicateContent, Scope, Sent, hold_doubles, require_new_if_refused
from clipcast.posts.preflight import Checked, check_post, missing_renders, scope_of, sent
from clipcast.posts.schedule import wants_slot
from clipcast.posts.schemas import (
    AttemptOut,
    ItemOut,
    ItemRetried,
    ItemSkipped,
    PostCreated,
    PostCreatedInPart,
    PostOut,
    PostRetried,
)
from clipcast.posts.status import post_status, waits_to_be_tried
from clipcast.renders.conforming import order_conversions_after_commit
from clipcast.renders.renditions import hurry
from clipcast.renders.service import file_of_rendition, url_of
from clipcast.reviews import service as reviews

# Of an address that a person gives.
ADDRESS_MAX = 2048
NO_SOURCE = repository.SourceOf(None, "clip.mp4")


@dataclass(frozen=True)
class Made:
    """Who makes a post, and from what: `csv`, `repeat`, or None."""

    by: Actor | None = None
    origin: str | None = None

    def columns(self) -> dict[str, Any]:
        """Return the columns of the post."""
        by = self.by
        author = (by.kind, by.id, by.name) if by else (None, None, None)
        return dict(zip(("author_kind", "author_id", "author_name"), author, strict=True)) | {"origin": self.origin}


@dataclass(frozen=True)
class Replaced:
    """What stays of a deleted post for the one that replaces it."""

    connection_ids: frozenset[UUID]
    review: reviews.KeptReview | None
    label_ids: tuple[UUID, ...] = ()


async def create_post(
    executor: Executor,
    workspace_id: UUID,
    body: Any,
    settings: Settings,
    partial: bool = False,
    actor: Actor | None = None,
    kept: Replaced | None = None,
    refuse_duplicates: bool = False,
    by: str = "",
    made: Made | None = None,
) -> PostCreated:
    """Create the post and its items, due now or at `scheduled_at`. Raise ValidationFailed.

    Raise DuplicateContent if an item repeats another one, and the workspace or `refuse_duplicates` refuses that. With
    `allow_duplicate` in the body, nothing is refused.

    With `partial`, videos and targets with errors, and refused duplicates, are left out if at least one item stays; the
    response lists the `errors`. With `actor`, the audit log records the creation. `kept` is what stays of a post that
    it replaces: its connections, its review and its labels. `by` names who sends it for review, if there is no actor.
    `made` is who makes it; without it, the actor. A posting time that the body wants goes to this post alone.
    """
    more = partial, actor, kept, refuse_duplicates, by, made or Made(actor)
    if not wants_slot(body):
        return await _create(executor, workspace_id, body, settings, *more)
    async with executor.transaction() as within:
        return await _create(within, workspace_id, body, settings, *more)


async def _create(
    executor: Executor,
    workspace_id: UUID,
    body: Any,
    settings: Settings,
    partial: bool,
    actor: Actor | None,
    kept: Replaced | None,
    refuse_duplicates: bool,
    by: str,
    made: Made,
) -> PostCreated:
    kept_ids = kept.connection_ids if kept else ()
    has_review = bool(kept and kept.review)
    may_skip_review = made.by is not None and made.by.may_skip_review
    checked = await check_post(executor, workspace_id, body, settings, kept_ids, True, has_review, may_skip_review)
    checked.review = checked.review or checked.rule
    check_known_limits(checked)
    post_errors = [error for error in checked.errors if not error.path.startswith("/videos/")]
    if checked.errors and (not partial or post_errors or not checked.items):
        raise ValidationFailed(checked.errors)
    now = clock.now()
    post_id = new_id()
    review = _review_of(checked, kept)
    # Workers can claim a post for now at once, so it is never pending and cannot be edited.
    status = "pending" if checked.scheduled_at or review not in (None, ReviewState.APPROVED) else "processing"
    post = {
        "id": post_id, "workspace_id": workspace_id, "scheduled_at": checked.scheduled_at, "now": now, "review": review,
        "slot_at": checked.slot_at,
    } | made.columns()  # fmt: skip
    refused = (checked.refuses_duplicates or refuse_duplicates) and not checked.allows_duplicates
    try:
        if refused or review:
            async with executor.transaction() as within:
                if refused:
                    doubles = await hold_doubles(within, sent(checked), scope_of(workspace_id, checked, settings))
                    _leave_out(checked, doubles, partial)
                await repository.add_post(within, post | {"status": status}, _rows(checked), actor)
                await _add_review(within, workspace_id, post_id, checked, kept, actor.name if actor else by)
        else:
            await repository.add_post(executor, post | {"status": status}, _rows(checked), actor)
    except repository.RenderGone as gone:
        raise ValidationFailed(missing_renders(body, gone.edit_ids)) from gone
    if kept and kept.label_ids:
        await labels.put_on(executor, post_id, kept.label_ids)
    created = {
        "post_id": post_id, "item_count": len(checked.items), "status": status, "scheduled_at": checked.scheduled_at
    }  # fmt: skip
    if not partial:
        return PostCreated.model_validate(created)
    return PostCreatedInPart.model_validate(created | {"errors": [error.as_dict() for error in checked.errors]})


def _rows(checked: Checked) -> list[dict[str, Any]]:
    """Return the columns of the items."""
    return [vars(item) | {"id": new_id(), "position": position} for position, item in enumerate(checked.items)]


def _leave_out(checked: Checked, doubles: list[Problem], partial: bool) -> None:
    """Move the doubles from the items to the errors. Raise DuplicateContent unless `partial`, and if no item stays."""
    paths = {problem.path for problem in doubles}
    left = [item for item in checked.items if item.path not in paths]
    if doubles and (not partial or not left):
        raise DuplicateContent(doubles + checked.errors)
    checked.items = left
    checked.errors = checked.errors + doubles


def _review_of(checked: Checked, kept: Replaced | None) -> ReviewState | None:
    """Return the state in which the review of a new post begins; None without a review."""
    if checked.review:
        return ReviewState.WAITING
    return kept.review.state_for(checked.items) if kept and kept.review else None


async def _add_review(
    executor: Executor, workspace_id: UUID, post_id: UUID, checked: Checked, kept: Replaced | None, by: str
) -> None:
    place = reviews.Place(workspace_id, post_id, checked.scheduled_at)
    if kept and kept.review:
        await reviews.attach(executor, kept.review, place, checked.items)
    if checked.review:
        await reviews.begin(executor, place, checked.review, by, kept.review if kept else None)


async def get_post(session: AsyncSession, workspace_id: UUID, post_id: str, lock: bool = False) -> Post:
    """Return the post. Raise NotFound if the workspace has no such post."""
    post = await repository.get_post(session, workspace_id, post_id, lock)
    if post is None:
        raise NotFound("post", post_id)
    return post


async def publish_post(
    session: AsyncSession,
    workspace_id: UUID,
    post_id: str,
    if_match: IfMatch | None = None,
    guard: Settings | None = None,
) -> None:
    """Start a pending post now, or the items of a begun one that wait for their next attempt.

    Raise NotFound, or AppError 409 or 412, also 409 for a post that is not approved; with `guard`, DuplicateContent if
    the workspace refuses that.
    """
    post, items = await get_changeable(session, workspace_id, post_id, "post_not_pending")
    check_version(post, if_match)
    reviews.require_released(post)
    now = clock.now()
    if guard:
        await require_no_double(session, post, items, now, guard)
    if any(item.status == "pending" for item in items):
        post.scheduled_at, post.started_at = None, now
        post.version += 1
    for item in items:
        end_review(item.job)
    if any(item.attempts for item in items):
        await _requeue(session, post, items)
        return
    post.updated_at = now
    for item in items:
        item.status, item.goes_at, item.slot_at = "processing", now, None
        reschedule(item.job, now)
    wake_workers(session, NETWORK)
    order_conversions_after_commit(session, post.id)


async def withdraw_post(
    session: AsyncSession, workspace_id: UUID, post_id: str, if_match: IfMatch | None = None
) -> Replaced:
    """Delete a pending post, so that another one replaces it in the same transaction. Return what stays of it.

    Raise NotFound, or AppError 409 or 412.
    """
    post, items = await get_pending(session, workspace_id, post_id, "post_not_editable")
    check_version(post, if_match)
    kept = await reviews.detach(session, post, items)
    label_ids = tuple(await session.scalars(select(PostLabel.label_id).where(PostLabel.post_id == post.id)))
    await session.delete(post)
    return Replaced(frozenset(item.connection_id for item in items), kept, label_ids)


async def retry_item(
    session: AsyncSession,
    workspace_id: UUID,
    post_id: str,
    item_id: str,
    force: bool,
    if_match: IfMatch | None = None,
    guard: Settings | None = None,
) -> UUID:
    """Make an item due now that failed, or that waits for its next attempt; return its id.

    The journal stays, so that completed steps are not repeated and a guarded request is reconciled first. `force`
    begins a new round, which sends without reconciling.

    An item whose conversion waits after an error, such as for space, goes on waiting: the conversion is tried now.

    Raise NotFound, or AppError 409 or 412; with `guard`, DuplicateContent if the workspace refuses that.
    """
    post = await get_post(session, workspace_id, post_id, lock=True)
    item = await get_item(session, post, item_id, lock=True)
    if item.job.state == JobState.BLOCKED and item.job.after_id is not None:
        check_version(item, if_match)
        if await hurry(await from_session(session), [item.job.after_id]):
            return item.id
    if item.status != "failed" and not waits_to_be_tried(item):
        raise AppError(
            409, "item_not_failed",
            f"The item is {item.status}. Only an item that failed, or that waits for its next attempt, can be retried.",
        )  # fmt: skip
    check_version(item, if_match)
    if guard:
        await require_no_double(session, post, [item], clock.now(), guard)
    if item.status == "failed" and force and _is_unknown(item):
        begin_round(item.job)
    await _requeue(session, post, [item])
    return item.id


async def confirm_item(session: AsyncSession, workspace_id: UUID, post_id: str, item_id: str, url: str) -> UUID:
    """Save an item of unknown outcome as published at this address, which a person found; return its id.

    Raise NotFound; AppError 409 for an item whose outcome is known, and 422 without a web address.
    """
    address = urlsplit(url)
    if address.scheme not in ("http", "https") or not address.hostname or len(url) > ADDRESS_MAX:
        message = "This is not the address of a post. Open the post on the platform and copy its address."
        raise AppError(422, "validation_failed", message)
    post = await get_post(session, workspace_id, post_id, lock=True)
    item = await get_item(session, post, item_id, lock=True)
    if item.status != "failed" or not _is_unknown(item):
        raise AppError(409, "item_not_failed", "The outcome of this item is known. The page shows it.")
    now = clock.now()
    item.status, item.stage, item.progress, item.error = "published", None, 100, None
    item.platform_post_url, item.published_at, post.updated_at = url, now, now
    if item.job.state == JobState.DEAD:
        item.job.state = JobState.DONE
    return item.id


async def retry_post(
    session: AsyncSession,
    workspace_id: UUID,
    post_id: str,
    if_match: IfMatch | None = None,
    guard: Settings | None = None,
) -> PostRetried:
    """Make the failed items of a post due now; return them, and the reason for each item that was skipped.

    Items of unknown outcome are reconciled first, as in `retry_item` without `force`.

    Raise NotFound, AppError 409 if no item has failed, or AppError 412; with `guard`, DuplicateContent if
    the workspace refuses that.
    """
    post = await get_post(session, workspace_id, post_id, lock=True)
    items = await repository.get_items(session, post.id, lock=True)
    failed = [item for item in items if item.status == "failed"]
    if not failed:
        raise AppError(409, "no_failed_items", "The post has no failed item. Only failed items can be retried.")
    check_version(post, if_match)
    removed = await repository.removed_connections(session, [item.connection_id for item in failed])
    retried = [item for item in failed if item.connection_id not in removed]
    if guard:
        await require_no_double(session, post, retried, clock.now(), guard)
    shown = [ItemRetried(item_id=item.id, reconciles_first=_is_unknown(item)) for item in retried]
    others = (item for item in items if item.status != "failed" or item.connection_id in removed)
    skipped = [ItemSkipped.model_validate({"item_id": item.id} | _why_not_retried(item)) for item in others]
    await _requeue(session, post, retried)
    status = post_status(item.status for item in items)
    return PostRetried(post_id=post.id, status=status, retried=shown, skipped=skipped)


async def _requeue(session: AsyncSession, post: Post, items: list[Item]) -> None:
    """Make these items due now."""
    now = clock.now()
    for item in items:
        item.status, item.stage, item.goes_at, item.slot_at = "processing", None, now, None
        restart(item.job, now)
    await lift_limits(session, items)
    post.updated_at = now
    wake_workers(session, NETWORK)


async def require_no_double(
    session: AsyncSession, post: Post, items: list[Item], at: datetime, settings: Settings
) -> None:
    """Raise DuplicateContent if another post has the same for an account around `at`, and the workspace refuses that.

    Items of unknown outcome are left out: they are reconciled first.
    """
    wanted = [Sent("", item.connection_id, item.fingerprint) for item in items if not _is_unknown(item)]
    await session.flush()
    scope = Scope(post.workspace_id, at, settings, post.id)
    await require_new_if_refused(await from_session(session), wanted, scope)


async def lift_limits(session: AsyncSession, items: list[Item]) -> None:
    """Delete the quota blocks that platforms have reported for these items' accounts, so that the items run now.

    The accounts' other rate-limited items become due later: if the platform rejects these items, they keep waiting.
    """
    await session.flush()
    connection_ids = {item.connection_id for item in items}
    await reopen_quotas(session, connection_ids)
    await release_rate_limited(session, connection_ids)


def _is_unknown(item: Item) -> bool:
    """Return whether the item's outcome is unknown."""
    return item.error is not None and item.error["class"] == "outcome_unknown"


def _why_not_retried(item: Item) -> dict[str, str]:
    if item.status == "failed":
        message = "The item's account was removed from the workspace. Connect it again, then retry."
        return {"code": "connection_removed", "message": message}
    return {"code": f"item_{item.status}", "message": f"The item is {item.status}, not failed."}


async def delete_item(
    session: AsyncSession, workspace_id: UUID, post_id: str, item_id: str, if_match: IfMatch | None = None
) -> None:
    """Delete Clipcast's record of one item, and of the post with its last item.

    Raise NotFound, or AppError 409 or 412.
    """
    post = await get_post(session, workspace_id, post_id, lock=True)
    if post.review:  # its reviewers are asked again, which concerns all items
        await repository.get_items(session, post.id, lock=True)
    item = await get_item(session, post, item_id, lock=True)
    await _check_not_in_progress(session, [item])
    check_version(item, if_match)
    await repository.delete_items(session, [item.id])
    left = await repository.get_items(session, post.id)
    if not left:
        await session.delete(post)
    else:
        left[0].position = 0  # where the post's caption is found
        post.updated_at = clock.now()
        post.version += 1
        if post_status(one.status for one in left) == "pending":
            await reviews.ask_again(session, post, left)
    wake_router(session)


async def delete_post(session: AsyncSession, workspace_id: UUID, post_id: str, if_match: IfMatch | None = None) -> None:
    """Delete Clipcast's record of the post and all its items. Raise NotFound, or AppError 409 or 412."""
    post = await get_post(session, workspace_id, post_id, lock=True)
    await _check_not_in_progress(session, await repository.get_items(session, post.id, lock=True))
    check_version(post, if_match)
    await session.delete(post)
    wake_router(session)


async def show_post(installation: Installation, session: AsyncSession, post: Post) -> PostOut:
    """Return the post with its items."""
    items = await repository.get_items(session, post.id)
    show = await showing(installation, session, items)
    return PostOut.with_items(post, items, [show(item) for item in items])


async def showing(installation: Installation, session: AsyncSession, items: list[Item]) -> Callable[[Item], ItemOut]:
    """Return a function that shows one of these items. Their connections, jobs and renditions are loaded."""
    sources = await repository.sources_of(session, [item for item in items if item.rendition])
    busy = await busy_items(session, items)

    def show(item: Item) -> ItemOut:
        source = sources.get(item.edit_id, NO_SOURCE)
        made, url = item.rendition, None
        if made is not None and made.status == "completed":
            url = url_of(installation, file_of_rendition(made, source.file_name))
        return ItemOut.of(item, rendition_of(item, source.media, url), item.id not in busy, stage_text(item))

    return show


async def show_attempts(session: AsyncSession, workspace_id: UUID, post_id: str, item_id: str) -> list[AttemptOut]:
    """Return the timeline of an item. Raise NotFound."""
    post = await get_post(session, workspace_id, post_id)
    item = await get_item(session, post, item_id)
    return [AttemptOut.of(attempt, events) for attempt, events in await repository.attempts_of(session, item.id)]


async def get_pending(session: AsyncSession, workspace_id: UUID, post_id: str, code: str) -> tuple[Post, list[Item]]:
    """Return a pending post and its items, locked. Raise NotFound, or AppError 409 with `code`."""
    post = await get_post(session, workspace_id, post_id, lock=True)
    items = await repository.get_items(session, post.id, lock=True)
    status = post_status(item.status for item in items)
    if status != "pending":
        raise AppError(409, code, f"The post is {status}. Only a pending post can be changed this way.")
    return post, items


async def get_changeable(session: AsyncSession, workspace_id: UUID, post_id: str, code: str) -> tuple[Post, list[Item]]:
    """Return the post and its changeable items, locked: those that have not begun to send their video.

    These are all items of a pending post. Of a begun post, they are the items that wait for their next attempt, or that
    were rescheduled while they waited. Raise NotFound, or AppError 409 with `code` if there is no such item.
    """
    post = await get_post(session, workspace_id, post_id, lock=True)
    items = await repository.get_items(session, post.id, lock=True)
    status = post_status(item.status for item in items)
    if status != "pending":
        waiting = [item for item in items if item.status == "pending" or waits_to_be_tried(item)]
        sent = await repository.sent_items(session, [item.id for item in waiting])
        items = [item for item in waiting if item.id not in sent]
    if not items:
        message = f"The post is {status}. It must be pending, or have items that wait for their next attempt."
        raise AppError(409, code, message)
    return post, items


def check_version(row: Post | Item, if_match: IfMatch | None) -> None:
    """Raise VersionMismatch if the locked row has another version than the request requires.

    Call it after the checks that are independent of the version (404, 409), and before those of the request's content
    (RFC 9110, section 13.2.1).
    """
    if if_match is not None:
        if_match.check("post" if isinstance(row, Post) else "item", row.version)


async def show_one_item(
    installation: Installation, session: AsyncSession, workspace_id: UUID, post_id: str, item_id: str
) -> ItemOut:
    """Return one item. Raise NotFound."""
    post = await get_post(session, workspace_id, post_id)
    item = await get_item(session, post, item_id)
    await session.refresh(item, ["connection", "job", "rendition"])
    return (await showing(installation, session, [item]))(item)


async def get_item(session: AsyncSession, post: Post, item_id: str, lock: bool = False) -> Item:
    """Return the item. Raise NotFound if the post has no such item."""
    id = parse_id(item_id)
    if lock and id:
        await repository.lock_jobs(session, select(Item.id).where(Item.id == id))
    options = [joinedload(Item.job)]
    item = await session.get(Item, id, with_for_update={"of": Item} if lock else None, options=options) if id else None
    if item is None or item.post_id != post.id:
        raise NotFound("item", item_id)
    return item


async def busy_items(session: AsyncSession, items: list[Item]) -> set[UUID]:
    """Return the items that cannot be deleted now: a worker runs them, or their video may still appear."""
    running = await repository.running_items(session, [item.id for item in items])
    processing = [item.id for item in items if item.status == "processing"]
    return running | (await repository.sent_items(session, processing) if processing else set())


async def _check_not_in_progress(session: AsyncSession, items: list[Item]) -> None:
    """Raise AppError 409 if a worker runs an item, or if an item may have sent its video without an outcome."""
    if await busy_items(session, items):
        raise AppError(
            409, "item_in_progress", "A worker publishes an item of the post. Repeat the request after Retry-After.",
            headers={"Retry-After": "10"},
        )  # fmt: skip
