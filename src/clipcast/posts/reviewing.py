"""The review of a post: what each request does to it. All run in the caller's transaction, and never commit.

Every function locks the post, then its jobs and items, so that it comes before or after any other change of the post
and any claim (reviews/service.py).
"""

from collections.abc import Collection
from math import ceil
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.audit.service import Actor
from clipcast.clients.rule_schemas import NONE
from clipcast.common.ids import parse_id
from clipcast.common.media import known_media
from clipcast.common.problems import Problem, ValidationFailed
from clipcast.database import among
from clipcast.database.hot_queries import from_session
from clipcast.database.models.clients import Client
from clipcast.database.models.connections import Connection
from clipcast.database.models.jobs import Job, JobState
from clipcast.database.models.posts import Item, Post
from clipcast.database.models.reviews import Review, ReviewComment, Reviewer, ReviewState
from clipcast.posts.clients import clients_of
from clipcast.posts.service import get_pending, get_post
from clipcast.renders.repository import renders_by_edit_id
from clipcast.reviews import repository, service
from clipcast.reviews.requests import check_request, request_by_rules
from clipcast.reviews.schemas import CommentOut, ReviewerOut, ReviewOut, ReviewRequest, ReviewSummary
from clipcast.reviews.states import shown_state

NOT_PENDING = "post_not_pending"


async def send_for_review(
    session: AsyncSession, workspace_id: UUID, post_id: str, wanted: ReviewRequest, by: Actor, path: str = ""
) -> None:
    """Send a pending post for review, also again. Raise NotFound, AppError 409, or ValidationFailed."""
    post, items = await get_pending(session, workspace_id, post_id, NOT_PENDING)
    client_ids = await clients_of_items(session, items)
    executor = await from_session(session)
    request, problems = await check_request(executor, workspace_id, wanted, path, client_ids, by.may_skip_review)
    if problems:
        raise ValidationFailed(problems)
    await service.send(session, post, items, request, by)


async def clients_of_items(session: AsyncSession, items: Collection[Item]) -> set[UUID | None]:
    """Return the clients of the items' accounts; None stands for accounts without one."""
    return await clients_of_accounts(session, {item.connection_id for item in items})


async def clients_of_accounts(session: AsyncSession, connection_ids: Collection[UUID]) -> set[UUID | None]:
    """Return the clients of these accounts; None stands for accounts without one."""
    return set(
        await session.scalars(select(Connection.client_id).where(among(Connection.id, connection_ids)).distinct())
    )


async def clients_of_posts(session: AsyncSession, post_ids: Collection[UUID]) -> set[UUID | None]:
    """Return the clients of the accounts of these posts; None stands for accounts without one."""
    query = select(Connection.client_id).join(Item, Item.connection_id == Connection.id)
    return set(await session.scalars(query.where(among(Item.post_id, post_ids)).distinct()))


async def only_client_of(session: AsyncSession, workspace_id: UUID, post_id: str) -> UUID | None:
    """Return the client of all accounts of a post; None if they are of several, or of none."""
    post = await get_post(session, workspace_id, post_id)
    return (await clients_of(session, [post.id])).get(post.id)


async def send_to_reviewers(
    session: AsyncSession, workspace_id: UUID, post_id: str, by: Actor, wanted: ReviewRequest | None
) -> None:
    """Send a pending post for review; without `wanted`, to the reviewers of its client.

    Raise NotFound, AppError 409, or ValidationFailed, also if its client has no reviewers.
    """
    if wanted:
        await send_for_review(session, workspace_id, post_id, wanted, by)
    else:
        await _send_by_rules(session, workspace_id, post_id, by)


async def _send_by_rules(session: AsyncSession, workspace_id: UUID, post_id: str, by: Actor) -> None:
    post, items = await get_pending(session, workspace_id, post_id, NOT_PENDING)
    client_ids = await clients_of_items(session, items)
    request, problems = await request_by_rules(await from_session(session), workspace_id, client_ids)
    if request is None:
        message = "Its client has no reviewers. Choose them on the client's page, or choose who approves this post."
        problems = [Problem("/review", "no_reviewer", message)]
    if problems or request is None:
        raise ValidationFailed(problems)
    await service.send(session, post, items, request, by)


async def needs_approval(session: AsyncSession, workspace_id: UUID, post_id: str) -> bool:
    """Return whether a client of the post wants its posts to be approved."""
    query = select(Client.id).join(Connection, Connection.client_id == Client.id)
    query = query.join(Item, Item.connection_id == Connection.id).where(Client.review_rule != NONE)
    found = await session.scalars(
        query.where(Item.workspace_id == workspace_id, Item.post_id == parse_id(post_id)).limit(1)
    )
    return found.first() is not None


async def withdraw_review(session: AsyncSession, workspace_id: UUID, post_id: str, by: Actor) -> None:
    """Ask nobody any more. The post is not sent. Raise NotFound, or AppError 409."""
    post, items = await get_pending(session, workspace_id, post_id, NOT_PENDING)
    await service.withdraw(session, post, items, by)


async def remove_review(session: AsyncSession, workspace_id: UUID, post_id: str, by: Actor) -> None:
    """End the review, so that the post is sent without an approval. Raise NotFound, or AppError 409."""
    post, items = await get_pending(session, workspace_id, post_id, NOT_PENDING)
    await service.remove(session, post, items, by)


async def decide(
    session: AsyncSession,
    workspace_id: UUID,
    post_id: str,
    reviewer_id: str,
    decision: ReviewState | None,
    revision: int,
    by: Actor,
) -> None:
    """Record a reviewer's decision about a revision of a pending post; None takes it back.

    Raise NotFound, or AppError 409.
    """
    post, items = await get_pending(session, workspace_id, post_id, NOT_PENDING)
    await service.decide(session, post, items, parse_id(reviewer_id), decision, revision, by)


async def request_changes(
    session: AsyncSession,
    workspace_id: UUID,
    post_id: str,
    reviewer_id: str,
    revision: int,
    text: str,
    by: Actor,
    kind: str,
    at_second: float | None = None,
) -> None:
    """Record that a reviewer wants changes, with the comment that says which. Raise NotFound, or AppError 409."""
    state = ReviewState.CHANGES_REQUESTED
    await decide(session, workspace_id, post_id, reviewer_id, state, revision, by)
    await add_comment(session, workspace_id, post_id, by, kind, text, at_second, public=True)


async def add_comment(
    session: AsyncSession,
    workspace_id: UUID,
    post_id: str,
    by: Actor,
    kind: str,
    text: str,
    at_second: float | None = None,
    public: bool = False,
) -> ReviewComment:
    """Add a comment to the review of a post.

    Raise NotFound, AppError 409 for one too many, or ValidationFailed for a time after the end of its clips.
    """
    post = await get_post(session, workspace_id, post_id, lock=True)
    if at_second and (longest := await longest_clip(session, workspace_id, post.id)) and at_second > ceil(longest):
        message = f"The time is after the end of the clip: {at_second:g} s, of {longest:g} s. Choose an earlier one."
        raise ValidationFailed([Problem("/at_second", "after_the_end", message, longest, at_second)])
    return await service.comment(session, post, by, kind, text, at_second, public)


async def longest_clip(session: AsyncSession, workspace_id: UUID, post_id: UUID) -> float | None:
    """Return the seconds of the longest clip of a post; None if one is unknown."""
    edit_ids = await session.scalars(select(Item.edit_id).where(Item.post_id == post_id).distinct())
    renders = await renders_by_edit_id(session, workspace_id, list(edit_ids))
    media = [known_media(one.output) for one in renders.values()]
    return max((one.duration for one in media if one), default=None) if all(media) else None


async def show_review(session: AsyncSession, workspace_id: UUID, post_id: str) -> ReviewOut:
    """Return a post's review with its reviewers and comments. Raise NotFound."""
    post = await get_post(session, workspace_id, post_id)
    review = await service.get_review(session, post)
    reviewers = await repository.named_reviewers(session, review.id, workspace_id)
    comments = await repository.comments_of(session, review.id)
    untimely = await posts_without_time(session, [post])
    shown = [
        ReviewerOut.model_validate({"kind": one.kind, "name": one.name, "can_decide": one.can_decide} | _columns(one))
        for one in reviewers
    ]
    more = {"reviewers": shown, "comments": [CommentOut.model_validate(one) for one in comments]}
    return ReviewOut.model_validate(_summary(post, review, post.id in untimely) | more)


async def is_stuck(session: AsyncSession, workspace_id: UUID, post_id: UUID) -> bool:
    """Return whether nobody can approve an unapproved post any more."""
    return bool(await repository.stuck_posts(session, workspace_id, 1, Post.id == post_id))


def _columns(reviewer: repository.NamedReviewer) -> dict[str, Any]:
    row = reviewer.row
    return {name: getattr(row, name) for name in ("id", "decision", "decided_at", "decided_by", "seen_at")}


async def list_summaries(session: AsyncSession, found: Collection[tuple[Post, Review]]) -> list[ReviewSummary]:
    """Return the reviews of these posts, in their order."""
    untimely = await posts_without_time(session, [post for post, _ in found])
    return [ReviewSummary.model_validate(_summary(post, review, post.id in untimely)) for post, review in found]


def _summary(post: Post, review: Review, needs_time: bool) -> dict[str, Any]:
    names = ("rule", "revision", "message", "requested_by", "requested_at")
    shown = {name: getattr(review, name) for name in names}
    own = {"post_id": post.id, "state": shown_state(post), "scheduled_at": post.scheduled_at, "needs_time": needs_time}
    return shown | own


async def reviewer_of(session: AsyncSession, workspace_id: UUID, post_id: str, user_id: UUID) -> Reviewer | None:
    """Return a member's row among the reviewers of a post, or None."""
    query = select(Reviewer).join(Review, Review.id == Reviewer.review_id)
    found = await session.scalars(
        query.where(
            Review.workspace_id == workspace_id, Review.post_id == parse_id(post_id), Reviewer.user_id == user_id
        )
    )
    return found.one_or_none()


async def posts_without_time(session: AsyncSession, posts: Collection[Post]) -> set[UUID]:
    """Return those of these posts that were approved after their time, and wait for a new one."""
    ids = [post.id for post in posts if post.review == ReviewState.APPROVED]
    if not ids:
        return set()
    query = select(Item.post_id).join(Job, Job.id == Item.id).where(Item.post_id.in_(ids))
    return set(await session.scalars(query.where(Job.state == JobState.REVIEW)))
