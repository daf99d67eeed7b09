"""Tables: the reviews of posts, who is asked, what they say, and the links of people without a sign-in."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKey, Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.database import Base


class ReviewState(StrEnum):
    """The states of a review, which a post stores. Only an approved post is sent."""

    WAITING = "waiting"
    CHANGES_REQUESTED = "changes_requested"
    APPROVED = "approved"
    WITHDRAWN = "withdrawn"


class Review(Base):
    """The review of a post. Its state is in the row of the post, which every change of it locks."""

    __tablename__ = "reviews"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    # Null only within a transaction that replaces the post by an edited one.
    post_id: Mapped[UUID | None] = mapped_column(ForeignKey("posts.id", ondelete="CASCADE"), unique=True)
    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"), index=True)
    # `any`: the latest decision counts. `all`: every reviewer must approve.
    rule: Mapped[str]
    message: Mapped[str] = mapped_column(default="", server_default="")
    # The number of changes of clips, accounts and words since it began: a decision is about one of them.
    revision: Mapped[int] = mapped_column(default=1, server_default="1")
    requested_by: Mapped[str]
    requested_at: Mapped[datetime] = mapped_column(default=clock.now)
    # When people were told that the time of the unapproved post is near, and that it has passed.
    warned_at: Mapped[datetime | None]
    expired_at: Mapped[datetime | None]


class ReviewLink(Base):
    """A link with which people without a sign-in review posts. Only the digest of its token is stored."""

    __tablename__ = "review_links"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"), index=True)
    # The client whose people have it; None for others.
    client_id: Mapped[UUID | None] = mapped_column(ForeignKey("clients.id", ondelete="SET NULL"), index=True)
    # What its page calls the people who have it.
    name: Mapped[str]
    digest: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    # The IANA name of the time zone of its page.
    zone: Mapped[str]
    created_by: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    opened_at: Mapped[datetime | None]


class Reviewer(Base):
    """A member, or the people of a link, who are asked to approve a post, and their decision about its revision."""

    __tablename__ = "reviewers"
    __table_args__ = (
        Index("uq_reviewers_review_id_user_id", "review_id", "user_id", unique=True),
        Index("uq_reviewers_review_id_link_id", "review_id", "link_id", unique=True),
        Index("ix_reviewers_link_id", "link_id", postgresql_where=text("link_id IS NOT NULL")),
        Index("ix_reviewers_user_id", "user_id", postgresql_where=text("user_id IS NOT NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    review_id: Mapped[UUID] = mapped_column(ForeignKey("reviews.id", ondelete="CASCADE"))
    user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    link_id: Mapped[UUID | None] = mapped_column(ForeignKey("review_links.id", ondelete="CASCADE"))
    # approved or changes_requested.
    decision: Mapped[str | None]
    decided_at: Mapped[datetime | None]
    # The name of the person who decided.
    decided_by: Mapped[str | None]
    seen_at: Mapped[datetime | None]


class ReviewComment(Base):
    """What somebody said about a post in review, as plain text."""

    __tablename__ = "review_comments"
    __table_args__ = (Index("ix_review_comments_review_id_id", "review_id", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    review_id: Mapped[UUID] = mapped_column(ForeignKey("reviews.id", ondelete="CASCADE"))
    # member, link or key, and its id.
    author_kind: Mapped[str]
    author_id: Mapped[UUID]
    author: Mapped[str]
    text: Mapped[str]
    # The second of the clip that it is about.
    at_second: Mapped[float | None]
    # Whether the people of links see it.
    is_public: Mapped[bool]
    # The revision that it is about.
    revision: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
