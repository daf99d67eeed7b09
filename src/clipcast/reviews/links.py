"""Review links: people without a sign-in review the posts that were sent for review with a link.

A token has 256 random bits, and only its digest is stored. A link ends LIFETIME after the last post that was sent with
it, or when it is revoked. A link of a client shows posts of this client only.
"""

import secrets
from datetime import timedelta
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.audit.service import Actor, record
from clipcast.clock import clock
from clipcast.common.ids import parse_id
from clipcast.common.problems import AppError, NotFound
from clipcast.common.settings import Settings
from clipcast.database.limits import count_all, require_client
from clipcast.database.models.posts import Post
from clipcast.database.models.reviews import Review, Reviewer, ReviewLink, ReviewState
from clipcast.reviews import repository
from clipcast.workspaces.service import digest_of

LIFETIME = repository.LINK_LIFETIME
LINKS_MAX = 200
# Of the addresses of videos and pictures on the page of a link.
MEDIA_LIFETIME = timedelta(hours=1)
# The most posts that the page of a link shows.
SHOWN_MAX = 50


async def create_link(
    session: AsyncSession,
    settings: Settings,
    workspace_id: UUID,
    name: str,
    zone: str,
    by: Actor,
    client_id: UUID | None = None,
) -> tuple[ReviewLink, str]:
    """Create a link and return it with its address, which is not stored.

    Raise AppError 409 if the workspace has LINKS_MAX open links, and 403 if somebody who sees some clients only makes
    one for nobody of them.
    """
    require_client(session, client_id, "make a review link")
    if await count_all(session, _open(workspace_id)) >= LINKS_MAX:
        raise AppError(409, "too_many_links", f"The workspace has {LINKS_MAX} open review links. Revoke one first.")
    token = secrets.token_urlsafe(32)
    link = ReviewLink(
        workspace_id=workspace_id, client_id=client_id, name=name, digest=digest_of(token), zone=zone,
        created_by=by.name, expires_at=clock.now() + LIFETIME, opened_at=None,
    )  # fmt: skip
    session.add(link)
    await session.flush()
    record(session, workspace_id, by, "review_link.created", name, link.id)
    return link, f"{settings.public_base}/r/{token}"


async def list_links(session: AsyncSession, workspace_id: UUID) -> list[ReviewLink]:
    """Return the workspace's open links, the newest first."""
    return list(await session.scalars(_open(workspace_id).order_by(ReviewLink.id.desc())))


def _open(workspace_id: UUID) -> Select[ReviewLink]:
    return select(ReviewLink).where(
        ReviewLink.workspace_id == workspace_id, ReviewLink.revoked_at.is_(None), ReviewLink.expires_at > clock.now()
    )


async def revoke_link(session: AsyncSession, workspace_id: UUID, link_id: str, by: Actor) -> None:
    """End a link at once. Raise NotFound if the workspace has no such link."""
    query = select(ReviewLink).where(ReviewLink.workspace_id == workspace_id, ReviewLink.id == parse_id(link_id))
    link = (await session.scalars(query.with_for_update())).one_or_none()
    if link is None:
        raise NotFound("review link", link_id)
    if link.revoked_at is None:
        link.revoked_at = clock.now()
        record(session, workspace_id, by, "review_link.revoked", link.name, link.id)


async def find_link(session: AsyncSession, token: str, lock: bool = False) -> ReviewLink | None:
    """Return the open link of a token, or None.

    The look-up is by digest, so that its time tells nothing about tokens. `lock` it against its revocation.
    """
    query = select(ReviewLink).where(
        ReviewLink.digest == digest_of(token), ReviewLink.revoked_at.is_(None), ReviewLink.expires_at > clock.now()
    )
    return (await session.scalars(query.with_for_update(key_share=True) if lock else query)).one_or_none()


async def posts_of(session: AsyncSession, link: ReviewLink) -> list[tuple[Post, Review, Reviewer]]:
    """Return the posts that were sent for review with the link.

    Those that wait for its people come first, and of these the next ones to go out.
    """
    query = (
        select(Post, Review, Reviewer)
        .join(Review, Review.post_id == Post.id)
        .join(Reviewer, Reviewer.review_id == Review.id)
        .where(Reviewer.link_id == link.id, Post.review != ReviewState.WITHDRAWN)
        .order_by(
            Reviewer.decision.is_not(None),
            Post.review == ReviewState.APPROVED,
            Post.scheduled_at.asc().nulls_first(),
            Post.id,
        )
        .limit(SHOWN_MAX)
    )
    return [(post, review, reviewer) for post, review, reviewer in await session.execute(query)]


async def post_of(session: AsyncSession, link: ReviewLink, review_id: str) -> tuple[UUID, UUID, UUID] | None:
    """Return the ids of the workspace, post and reviewer of a review that was sent with the link, or None."""
    query = (
        select(Post.workspace_id, Post.id, Reviewer.id)
        .join(Review, Review.post_id == Post.id)
        .join(Reviewer, Reviewer.review_id == Review.id)
        .where(Reviewer.link_id == link.id, Review.id == parse_id(review_id), Post.review != ReviewState.WITHDRAWN)
    )
    row = (await session.execute(query)).first()
    return (row[0], row[1], row[2]) if row else None
