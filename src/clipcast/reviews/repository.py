"""Queries about reviews, their reviewers, comments and links, always within one workspace or one review."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic_core import to_json
from sqlalchemy import Boolean, ColumnElement, ScalarSelect, Select, false, func, literal_column, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.database.hot_queries import Executor, Statement
from clipcast.database.models.people import Membership, User
from clipcast.database.models.posts import Post
from clipcast.database.models.reviews import Review, ReviewComment, Reviewer, ReviewLink, ReviewState
from clipcast.jobs.wake import wake_router
from clipcast.people.approvers import IS_OPEN, may_approve
from clipcast.reviews.states import EXPIRED, NEEDY, UNAPPROVED, ShownState, in_state

MEMBERS = Statement(f"""
    SELECT users.id, users.email, memberships.role, {may_approve("CAST(:client_ids AS uuid[])")} AS may_approve
    FROM memberships JOIN users ON users.id = memberships.user_id
    WHERE memberships.workspace_id = :workspace_id AND users.email = ANY(:emails)
""")  # noqa: S608 - constants of another file
OPEN_LINKS = Statement(f"""
    SELECT id, client_id FROM review_links WHERE workspace_id = :workspace_id AND id = ANY(:ids) AND {IS_OPEN}
""")  # noqa: S608 - constants of another file
# The clients of the accounts of a review's post.
CLIENTS_OF_REVIEW = """ARRAY(
    SELECT connections.client_id FROM items JOIN connections ON connections.id = items.connection_id
    WHERE items.post_id = reviews.post_id)"""
# A reviewer who can still decide, and a review that nobody can approve any more.
CAN_DECIDE = f"""(
    EXISTS (SELECT FROM review_links WHERE review_links.id = reviewers.link_id AND {IS_OPEN})
    OR EXISTS (SELECT FROM memberships WHERE memberships.user_id = reviewers.user_id
               AND memberships.workspace_id = reviews.workspace_id AND {may_approve(CLIENTS_OF_REVIEW)}))"""  # noqa: S608
NOBODY_CAN = f"""(
    NOT EXISTS (SELECT FROM reviewers WHERE reviewers.review_id = reviews.id AND {CAN_DECIDE})
    OR reviews.rule = 'all' AND EXISTS (
        SELECT FROM reviewers WHERE reviewers.review_id = reviews.id
        AND reviewers.decision IS DISTINCT FROM 'approved' AND NOT {CAN_DECIDE}))"""  # noqa: S608
# The people of a link hold it while they decide, so that it never waits for them, nor they for many posts: what another
# transaction holds or has just prolonged is left out.
PROLONG = Statement("""
    UPDATE review_links SET expires_at = :until
    WHERE id IN (
        SELECT id FROM review_links WHERE id = ANY(:ids) AND expires_at < CAST(:until AS timestamptz) - interval '1 day'
        ORDER BY id FOR NO KEY UPDATE SKIP LOCKED
    )
""")
ADD_REVIEW = Statement("""
    INSERT INTO reviews (id, post_id, workspace_id, rule, message, requested_by, requested_at)
    VALUES (:id, :post_id, :workspace_id, :rule, :message, :requested_by, :now)
""")
ADD_REVIEWERS = Statement("""
    INSERT INTO reviewers (id, review_id, user_id, link_id)
    SELECT gen_random_uuid(), :review_id, one.user_id, one.link_id
    FROM jsonb_to_recordset(CAST(:reviewers AS jsonb)) AS one(user_id uuid, link_id uuid)
""")
# Of a review link, from its last use for a post; up to a day less.
LINK_LIFETIME = timedelta(days=14)
WAITING_MAX = 99
# Members who are asked are told by their id; other events go to whoever chose them.
WRITE_EVENT = Statement("SELECT write_event(:workspace_id, :type, :now, :post_id, CAST(:facts AS jsonb))")


@dataclass(frozen=True)
class FoundMember:
    """A member: the user's id, the role, and whether the member may approve the post."""

    id: UUID
    email: str
    role: str
    may_approve: bool


async def members_of(
    executor: Executor, workspace_id: UUID, emails: Collection[str], client_ids: Collection[UUID | None]
) -> dict[str, FoundMember]:
    """Return the members with these e-mail addresses, by address. `client_ids` are those of the post's accounts."""
    values = {"workspace_id": workspace_id, "emails": list(emails), "client_ids": list(client_ids)}
    rows = await executor.fetch(MEMBERS, values)
    return {row["email"]: FoundMember(**dict(row)) for row in rows}


async def open_links_of(executor: Executor, workspace_id: UUID, ids: Collection[UUID]) -> dict[UUID, UUID | None]:
    """Return the links of these that have not ended, each with its client."""
    values = {"workspace_id": workspace_id, "ids": list(ids), "now": clock.now()}
    return {row["id"]: row["client_id"] for row in await executor.fetch(OPEN_LINKS, values)}


async def add_reviewers(
    executor: Executor, review_id: UUID, members: Collection[UUID], links: Collection[UUID]
) -> None:
    """Add reviewers. The links live on for about LINK_LIFETIME."""
    if links:
        await executor.fetch(PROLONG, {"ids": list(links), "until": clock.now() + LINK_LIFETIME})
    rows = [{"user_id": id} for id in members] + [{"link_id": id} for id in links]
    await executor.fetch(ADD_REVIEWERS, {"review_id": review_id, "reviewers": to_json(rows).decode()})


async def add_review(executor: Executor, workspace_id: UUID, post_id: UUID, **columns: Any) -> UUID:
    """Insert a review and return its id."""
    id = new_id()
    values = {"id": id, "post_id": post_id, "workspace_id": workspace_id, "now": clock.now()} | columns
    await executor.fetch(ADD_REVIEW, values)
    return id


async def write_event(executor: Executor, workspace_id: UUID, type: str, post_id: UUID, **facts: Any) -> None:
    """Write an event about a post's review, if somebody in the workspace listens for it."""
    shown = {"post_id": post_id} | facts
    values = {"workspace_id": workspace_id, "type": type, "post_id": post_id, "now": clock.now()}
    await executor.fetch(WRITE_EVENT, values | {"facts": to_json(shown).decode()})
    wake_router(executor)


async def review_of(session: AsyncSession, post_id: UUID) -> Review | None:
    return (await session.scalars(select(Review).where(Review.post_id == post_id))).one_or_none()


async def reviewers_of(session: AsyncSession, review_id: UUID) -> list[Reviewer]:
    query = select(Reviewer).where(Reviewer.review_id == review_id).order_by(Reviewer.id)
    return list(await session.scalars(query))


@dataclass(frozen=True)
class NamedReviewer:
    """A reviewer with the name of the member or of the link, and whether it can still decide."""

    row: Reviewer
    kind: str
    name: str
    can_decide: bool
    # The time until which the link works or has worked.
    until: datetime | None = None
    # Whether the viewer may see it.
    is_known: bool = True


async def named_reviewers(session: AsyncSession, review_id: UUID, workspace_id: UUID) -> list[NamedReviewer]:
    """Return the reviewers with their names: members first, each by name."""
    now = clock.now()
    # Not of those who have left: they have no membership.
    member = func.coalesce(literal_column(may_approve(CLIENTS_OF_REVIEW), Boolean), false())
    query = (
        select(Reviewer, User.name, member, ReviewLink)
        .join(Review, Review.id == Reviewer.review_id)
        .outerjoin(User, User.id == Reviewer.user_id)
        .outerjoin(Membership, (Membership.user_id == Reviewer.user_id) & (Membership.workspace_id == workspace_id))
        .outerjoin(ReviewLink, ReviewLink.id == Reviewer.link_id)
        .where(Reviewer.review_id == review_id)
    )
    found = []
    for row, name, is_member, link in await session.execute(query):
        if link is None and row.link_id:  # of a client that the viewer does not see
            found.append(NamedReviewer(row, "link", "A review link", False, is_known=False))
        elif link is None:
            found.append(NamedReviewer(row, "member", name, is_member))
        else:
            is_open = link.revoked_at is None and link.expires_at > now
            ends = min(link.revoked_at or link.expires_at, link.expires_at)
            found.append(NamedReviewer(row, "link", link.name, is_open, ends))
    return sorted(found, key=lambda one: (one.kind == "link", one.name, one.row.id))


@dataclass(frozen=True)
class Progress:
    """How many of the reviewers have approved, and when one of them last saw the post."""

    approved: int
    reviewers: int
    seen_at: datetime | None


async def comments_of(session: AsyncSession, review_id: UUID, public_only: bool = False) -> list[ReviewComment]:
    """Return the comments, the oldest first."""
    query = select(ReviewComment).where(ReviewComment.review_id == review_id).order_by(ReviewComment.id)
    return list(await session.scalars(query.where(ReviewComment.is_public) if public_only else query))


async def count_comments(session: AsyncSession, review_id: UUID) -> int:
    query = select(func.count()).select_from(ReviewComment).where(ReviewComment.review_id == review_id)
    return (await session.execute(query)).scalar_one()


async def list_reviews(
    session: AsyncSession, workspace_id: UUID, state: ShownState | None, offset: int, limit: int
) -> tuple[list[tuple[Post, Review]], int]:
    """Return one page of the posts with a review, the newest first, and the number of all."""
    wanted = Post.review.is_not(None) if state is None else in_state(state)
    mine = (Post.workspace_id == workspace_id, Post.review.is_not(None), wanted)  # so that the index is used
    total = (await session.execute(select(func.count()).select_from(Post).where(*mine))).scalar_one()
    query = select(Post, Review).join(Review, Review.post_id == Post.id).where(*mine)
    rows = await session.execute(query.order_by(Post.id.desc()).offset(offset).limit(limit))
    return [(post, review) for post, review in rows], total


async def count_by_state(session: AsyncSession, workspace_id: UUID) -> dict[ShownState, int]:
    """Return the number of posts in each state that somebody must act on."""
    counted: dict[ShownState, int] = {}
    for state in NEEDY:
        query = select(func.count()).select_from(Post).where(Post.workspace_id == workspace_id, in_state(state))
        counted[state] = (await session.execute(query)).scalar_one()
    return counted


def _stuck(workspace_id: UUID) -> Select[Post]:
    """Return the query of the unapproved posts whose reviewers can no longer approve them.

    It reads all reviewers and links, also of a limited person.
    """
    query = select(Post).join(Review, Review.post_id == Post.id)
    query = query.where(Post.workspace_id == workspace_id, Post.review.in_(UNAPPROVED))
    return query.where(text(NOBODY_CAN).bindparams(now=clock.now()))


async def stuck_posts(
    session: AsyncSession, workspace_id: UUID, most: int, *conditions: ColumnElement[bool]
) -> list[Post]:
    """Return posts under these conditions that nobody can approve any more, the next ones to go out first."""
    query = _stuck(workspace_id).where(*conditions).order_by(Post.scheduled_at.asc().nulls_first(), Post.id)
    return list(await session.scalars(query.limit(most)))


async def count_waiting_for(
    session: AsyncSession, workspace_id: UUID, asked: InstrumentedAttribute[UUID | None]
) -> dict[UUID, int]:
    """Return the number of posts that wait for each member or link: `Reviewer.user_id` or `Reviewer.link_id`."""
    query = select(asked, func.count()).join(Review, Review.id == Reviewer.review_id)
    query = query.join(Post, Post.id == Review.post_id).where(Post.workspace_id == workspace_id)
    query = query.where(Post.review.in_(UNAPPROVED), Reviewer.decision.is_distinct_from(ReviewState.APPROVED))
    return {id: number for id, number in await session.execute(query.group_by(asked)) if id}


def waiting_sql(workspace_id: UUID, user_id: UUID, may_edit: bool) -> ScalarSelect[int]:
    """Return `count_waiting` as an SQL expression."""
    mine = select(Reviewer.id).join(Review, Review.id == Reviewer.review_id)
    mine = mine.where(Review.post_id == Post.id, Reviewer.user_id == user_id, Reviewer.decision.is_(None))
    wanted = in_state("waiting") & mine.exists()
    if may_edit:
        wanted = wanted | in_state("changes_requested") | in_state(EXPIRED)
    query = select(Post.id).where(Post.workspace_id == workspace_id, Post.review.in_(UNAPPROVED), wanted)
    counted = query.limit(WAITING_MAX + 1).subquery()
    return select(func.count()).select_from(counted).scalar_subquery()


async def count_waiting(session: AsyncSession, workspace_id: UUID, user_id: UUID, may_edit: bool) -> int:
    """Return how many posts wait for a member: for a first decision; for editors, also for changes or a new time.

    A number above WAITING_MAX means more than that.
    """
    return (await session.execute(select(waiting_sql(workspace_id, user_id, may_edit)))).scalar_one()


async def progress_of(session: AsyncSession, review_ids: Collection[UUID]) -> dict[UUID, Progress]:
    """Return how far each of these reviews is."""
    approved = func.count().filter(Reviewer.decision == ReviewState.APPROVED)
    query = select(Reviewer.review_id, approved, func.count(), func.max(Reviewer.seen_at))
    rows = await session.execute(query.where(Reviewer.review_id.in_(review_ids)).group_by(Reviewer.review_id))
    return {id: Progress(number, total, seen_at) for id, number, total, seen_at in rows}
