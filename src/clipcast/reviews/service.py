"""The state of a review, and what follows from it for the post's jobs.

Every function gets a post and its items that the caller has locked: the post first, then the jobs, then the items. So
an approval, an edit, a withdrawal and the claim of a worker happen one after the other, and each sees what the one
before did. While a post is not approved, its jobs are in the state `review`, which no worker claims.
"""

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, update
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.audit.service import Actor, record
from clipcast.clock import clock
from clipcast.common.problems import AppError, NotFound
from clipcast.common.timestamps import format_timestamp
from clipcast.database.hot_queries import Executor, Statement, from_session
from clipcast.database.models.jobs import JobState
from clipcast.database.models.posts import Item, Post
from clipcast.database.models.reviews import Review, ReviewComment, Reviewer, ReviewState
from clipcast.jobs.kinds import NETWORK
from clipcast.jobs.queue import end_review, hold_for_review, reschedule
from clipcast.jobs.wake import wake_workers
from clipcast.reviews import repository
from clipcast.reviews.repository import write_event
from clipcast.reviews.requests import Request
from clipcast.reviews.states import is_released

COMMENTS_MAX = 300
SEEN_EVERY = timedelta(minutes=1)
CHANGED = "The post has changed since you looked at it. Look at it again."


@dataclass(frozen=True)
class Place:
    """The post that is created in the same transaction, with its jobs in review."""

    workspace_id: UUID
    post_id: UUID
    scheduled_at: datetime | None


async def begin(executor: Executor, place: Place, request: Request, by: str, kept: "KeptReview | None" = None) -> None:
    """Add the review of a new post, or ask others in the review that it has `kept`."""
    columns = {"rule": request.rule, "message": request.message, "requested_by": by}
    if kept:
        await executor.fetch(ASK_OTHERS, columns | {"id": kept.id, "now": clock.now()})
        await executor.fetch(FORGET_REVIEWERS, {"id": kept.id})
    review_id = kept.id if kept else await repository.add_review(executor, place.workspace_id, place.post_id, **columns)
    await repository.add_reviewers(executor, review_id, request.members, request.links)
    await _tell_requested(executor, place, by, request.message)


async def send(session: AsyncSession, post: Post, items: list[Item], request: Request, by: Actor) -> None:
    """Send a pending post for review, or send it again to other reviewers. Earlier decisions no longer count."""
    review = await repository.review_of(session, post.id)
    now = clock.now()
    if review is None:
        review = Review(post_id=post.id, workspace_id=post.workspace_id, rule=request.rule, requested_by=by.name)
        session.add(review)
    review.rule, review.message = request.rule, request.message
    review.requested_by, review.requested_at = by.name, now
    review.warned_at = review.expired_at = None
    await session.flush()
    await session.execute(delete(Reviewer).where(Reviewer.review_id == review.id))
    _set_state(post, items, ReviewState.WAITING)
    record(session, post.workspace_id, by, "review.requested", f"Post {post.id}", post.id, rule=request.rule)
    await session.flush()
    executor = await from_session(session)
    await repository.add_reviewers(executor, review.id, request.members, request.links)
    place = Place(post.workspace_id, post.id, post.scheduled_at)
    await _tell_requested(executor, place, by.name, request.message)


async def withdraw(session: AsyncSession, post: Post, items: list[Item], by: Actor) -> None:
    """Ask nobody any more. The post stays, and is not sent. Raise NotFound, or AppError 409 if it is withdrawn."""
    await _open_review(session, post)
    _set_state(post, items, ReviewState.WITHDRAWN)
    record(session, post.workspace_id, by, "review.withdrawn", f"Post {post.id}", post.id)


async def remove(session: AsyncSession, post: Post, items: list[Item], by: Actor) -> None:
    """End the review: the post is sent at its time, or now if it has none, without an approval.

    Raise NotFound, or AppError 409 if its time has passed.
    """
    review = await get_review(session, post)
    if post.scheduled_at is not None and post.scheduled_at <= clock.now():
        raise AppError(409, "review_expired", "The time of the post has passed. Give it a new time first.")
    await session.delete(review)
    _set_state(post, items, None)
    wake_workers(session, NETWORK)
    record(session, post.workspace_id, by, "review.removed", f"Post {post.id}", post.id)


async def decide(
    session: AsyncSession,
    post: Post,
    items: list[Item],
    reviewer_id: UUID | None,
    decision: ReviewState | None,
    revision: int,
    by: Actor,
) -> None:
    """Record a reviewer's decision about a revision; None takes it back. An approved post is let go.

    Raise NotFound, or AppError 409 if the review is withdrawn or the post has another revision.
    """
    review = await _open_review(session, post)
    reviewers = await repository.reviewers_of(session, review.id)
    reviewer = next((one for one in reviewers if one.id == reviewer_id), None)
    if reviewer is None:
        raise NotFound("reviewer", reviewer_id)
    if revision != review.revision:
        raise AppError(409, "review_changed", CHANGED, more={"revision": review.revision})
    now = clock.now()
    reviewer.decision, reviewer.decided_at = decision, now if decision else None
    reviewer.decided_by = by.name if decision else None
    before = post.review
    _set_state(post, items, _state_of(review.rule, reviewers))
    wake_workers(session, NETWORK)
    action = f"review.{decision}" if decision else "review.taken_back"
    record(session, post.workspace_id, by, action, f"Post {post.id}", post.id, revision=revision)
    await session.flush()
    if decision == ReviewState.CHANGES_REQUESTED or post.review == ReviewState.APPROVED != before:
        await _tell(session, post, f"review.{post.review}", by.name)


def _state_of(rule: str, reviewers: Iterable[Reviewer]) -> ReviewState:
    """Return the state of a review from the decisions: of all reviewers, or the latest one."""
    reviewers = list(reviewers)
    decided = sorted((one for one in reviewers if one.decision and one.decided_at), key=lambda one: one.decided_at or 0)
    if not decided:
        return ReviewState.WAITING
    if rule == "any":
        return ReviewState(str(decided[-1].decision))
    if any(one.decision == ReviewState.CHANGES_REQUESTED for one in decided):
        return ReviewState.CHANGES_REQUESTED
    return ReviewState.APPROVED if len(decided) == len(reviewers) else ReviewState.WAITING


async def ask_again(session: AsyncSession, post: Post, items: list[Item]) -> None:
    """Ask all reviewers again, after a change of the clips, accounts or words of a pending post.

    Without a review, do nothing. `items` are all that the post now has.
    """
    if post.review is None:
        return
    review = await get_review(session, post)
    review.revision += 1
    for one in await repository.reviewers_of(session, review.id):
        one.decision = one.decided_at = one.decided_by = one.seen_at = None
    before = post.review
    _set_state(post, items, ReviewState.WITHDRAWN if before == ReviewState.WITHDRAWN else ReviewState.WAITING)
    await session.flush()
    if before in (ReviewState.APPROVED, ReviewState.CHANGES_REQUESTED):
        await _tell(session, post, "review.requested", None)


async def follow_time(session: AsyncSession, post: Post) -> None:
    """Warn again before the new time of a moved post."""
    if post.review is not None:
        review = await get_review(session, post)
        review.warned_at = review.expired_at = None


def require_released(post: Post) -> None:
    """Raise AppError 409 unless the post may be sent."""
    if not is_released(post):
        raise AppError(
            409, "post_in_review",
            "The post is not approved, so it cannot be published. Ask its reviewers, or remove the review.",
        )  # fmt: skip


async def note_seen(session: AsyncSession, reviewer_ids: Collection[UUID]) -> None:
    """Record that these reviewers see their posts now, to the minute. Nothing else happens by looking.

    Rows that another transaction deletes meanwhile do not matter.
    """
    now = clock.now()
    long_ago = Reviewer.seen_at.is_(None) | (Reviewer.seen_at < now - SEEN_EVERY)
    seen = update(Reviewer).where(Reviewer.id.in_(sorted(reviewer_ids)), long_ago).values(seen_at=now)
    await session.execute(seen.execution_options(synchronize_session=False))


async def comment(
    session: AsyncSession, post: Post, by: Actor, kind: str, text: str, at_second: float | None, public: bool
) -> ReviewComment:
    """Add a comment. Raise NotFound, or AppError 409 if the review has COMMENTS_MAX of them.

    The post must be locked, so that comments are counted one after the other.
    """
    review = await get_review(session, post)
    if await repository.count_comments(session, review.id) >= COMMENTS_MAX:
        raise AppError(409, "too_many_comments", f"The review has {COMMENTS_MAX} comments, and takes no more.")
    added = ReviewComment(
        review_id=review.id, author_kind=kind, author_id=by.id, author=by.name, text=text, at_second=at_second,
        is_public=public, revision=review.revision,
    )  # fmt: skip
    session.add(added)
    post.updated_at = clock.now()
    await session.flush()
    await _tell(session, post, "review.commented", by.name, text)
    return added


async def get_review(session: AsyncSession, post: Post) -> Review:
    """Return the review of a post. Raise NotFound if it has none."""
    if (review := await repository.review_of(session, post.id)) is None:
        raise NotFound("review of the post", post.id)
    return review


async def _open_review(session: AsyncSession, post: Post) -> Review:
    review = await get_review(session, post)
    if post.review == ReviewState.WITHDRAWN:
        raise AppError(409, "review_withdrawn", "The review was withdrawn. Send the post for review again.")
    return review


def _set_state(post: Post, items: list[Item], state: ReviewState | None) -> None:
    """Set the state of the review, and hold the jobs of the pending post or let them go."""
    now = clock.now()
    post.review, post.updated_at = state, now
    if not is_released(post):
        for item in items:
            item.status = "pending"
            hold_for_review(item.job)
    elif post.scheduled_at is None or post.scheduled_at > now:
        post.started_at = None if post.scheduled_at else now
        for item in items:
            item.status, item.goes_at = "pending" if post.scheduled_at else "processing", post.scheduled_at or now
            end_review(item.job)
            reschedule(item.job, post.scheduled_at or now)
    # Otherwise the approval came too late, and the jobs wait for a new time: nothing is sent late without a word.


def needs_time(post: Post, items: Iterable[Item]) -> bool:
    """Return whether the post was approved after its time, and waits for a new one."""
    return post.review == ReviewState.APPROVED and any(item.job.state == JobState.REVIEW for item in items)


# What a review is about: of each item the clip, the account, the words, and whether the clip may be converted.
Contents = frozenset[tuple[UUID, UUID, str, str]]


def contents_of(items: Iterable[Any]) -> Contents:
    """Return what a review of these items, or planned items, is about."""
    return frozenset(
        (item.edit_id, item.connection_id, json.dumps(item.details, sort_keys=True), item.conform) for item in items
    )


@dataclass(frozen=True)
class KeptReview:
    """The review of a post that an edited one replaces."""

    id: UUID
    state: ReviewState
    contents: Contents

    def state_for(self, items: Iterable[Any]) -> ReviewState:
        """Return the state of the review for the edited post, which has these planned items."""
        if self.state == ReviewState.WITHDRAWN or self.contents == contents_of(items):
            return self.state
        return ReviewState.WAITING


ASK_OTHERS = Statement("""
    UPDATE reviews SET rule = :rule, message = :message, requested_by = :requested_by, requested_at = :now
    WHERE id = :id
""")
FORGET_REVIEWERS = Statement("DELETE FROM reviewers WHERE review_id = :id")
ATTACH = Statement("""
    WITH attached AS (
        UPDATE reviews SET post_id = :post_id, revision = revision + CASE WHEN :same THEN 0 ELSE 1 END,
                           warned_at = NULL, expired_at = NULL
        WHERE id = :id
    )
    UPDATE reviewers SET decision = NULL, decided_at = NULL, decided_by = NULL, seen_at = NULL
    WHERE review_id = :id AND NOT :same
""")


async def detach(session: AsyncSession, post: Post, items: Collection[Item]) -> KeptReview | None:
    """Take the review of a post that is deleted for an edited one; None without a review.

    The caller attaches it to the new post in the same transaction.
    """
    if post.review is None:
        return None
    review = await get_review(session, post)
    review.post_id = None
    await session.flush()
    return KeptReview(review.id, ReviewState(post.review), contents_of(items))


async def attach(executor: Executor, kept: KeptReview, place: Place, items: Collection[Any]) -> None:
    """Attach a review to the post that replaces its own. Reviewers are asked again unless these items are the same."""
    same = kept.contents == contents_of(items)
    await executor.fetch(ATTACH, {"id": kept.id, "post_id": place.post_id, "same": same})
    if kept.state in (ReviewState.APPROVED, ReviewState.CHANGES_REQUESTED) and not same:
        await _tell_requested(executor, place)


async def _tell_requested(executor: Executor, place: Place, by: str | None = None, message: str = "") -> None:
    await write_event(
        executor, place.workspace_id, "review.requested", place.post_id, state=ReviewState.WAITING,
        scheduled_at=format_timestamp(place.scheduled_at), by=by, text=message or None,
    )  # fmt: skip


async def _tell(session: AsyncSession, post: Post, type: str, by: str | None, text: str | None = None) -> None:
    at = format_timestamp(post.scheduled_at)
    executor = await from_session(session)
    await write_event(executor, post.workspace_id, type, post.id, state=post.review, scheduled_at=at, by=by, text=text)
