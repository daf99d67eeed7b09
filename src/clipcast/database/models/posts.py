"""Tables: posts, their items, and drafts."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, ForeignKey, Index, String, func, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, foreign, mapped_column, relationship

from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.database import Base
from clipcast.database.models.connections import Connection
from clipcast.database.models.jobs import Job, JobState
from clipcast.database.models.renditions import Rendition
from clipcast.database.models.reviews import ReviewState

# The words of an item's caption and title, whatever its platform calls them (posts/captions.py). The parentheses are
# those of PostgreSQL, so that a comparison with its index finds no difference.
CAPTION_WORDS = (
    "to_tsvector('simple'::regconfig, (((((((coalesce(details ->> 'caption', '') || ' ') || "
    "coalesce(details ->> 'commentary', '')) || ' ') || coalesce(details ->> 'description', '')) || ' ') || "
    "coalesce(details ->> 'text', '')) || ' ') || coalesce(details ->> 'title', ''))"
)
UNAPPROVED = f"review IN ('{ReviewState.WAITING}', '{ReviewState.CHANGES_REQUESTED}')"

STARTS_AT = "coalesce(scheduled_at, started_at, created_at)"


class Post(Base):
    """One request to publish. Its status is derived from its items and not stored."""

    __tablename__ = "posts"
    __table_args__ = (
        Index("ix_posts_workspace_id_id", "workspace_id", "id"),
        Index("ix_posts_workspace_id_scheduled_at", "workspace_id", "scheduled_at"),
        Index("ix_posts_author_id", "workspace_id", "author_id", postgresql_where=text("author_id IS NOT NULL")),
        Index("ix_posts_origin", "workspace_id", "origin", postgresql_where=text("origin IS NOT NULL")),
        Index("ix_posts_review", "workspace_id", "review", "id", postgresql_where=text("review IS NOT NULL")),
        # The posts whose time comes, or has come, before their approval.
        Index("ix_posts_unapproved", "scheduled_at", postgresql_where=text(UNAPPROVED)),
        # Of `starts_at`.
        Index("ix_posts_workspace_id_starts_at", "workspace_id", text(STARTS_AT), "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"))
    scheduled_at: Mapped[datetime | None]
    # When a person published it before its time. It has no scheduled time then.
    started_at: Mapped[datetime | None]
    # The number of changes by callers: of the time, the items and their metadata, not of status or progress.
    version: Mapped[int] = mapped_column(default=1, server_default="1")
    # Who made it: `user` or `key`, with the id and the name at that time. Null in posts of older versions.
    author_kind: Mapped[str | None]
    author_id: Mapped[UUID | None]
    author_name: Mapped[str | None]
    # `csv`: of a file of rows. `repeat`: one of a series that repeats the same.
    origin: Mapped[str | None]
    # The state of its review (`ReviewState`); null without one. Until it is approved, its jobs are in review, too.
    review: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    updated_at: Mapped[datetime] = mapped_column(default=clock.now, onupdate=clock.now)

    items: Mapped[list["Item"]] = relationship(order_by="Item.position", lazy="raise", passive_deletes=True)

    @hybrid_property
    def starts_at(self) -> datetime:
        """Return the scheduled time, or when it was published early, or was made and published at once."""
        return self.scheduled_at or self.started_at or self.created_at

    @starts_at.inplace.expression
    @classmethod
    def _starts_at(cls) -> ColumnElement[datetime]:
        return func.coalesce(cls.scheduled_at, cls.started_at, cls.created_at)


class Item(Base):
    """One clip on one account."""

    __tablename__ = "items"
    __table_args__ = (
        Index("ix_items_post_id_position", "post_id", "position"),
        # The doubles of an item; and the posts of a connection, by status.
        Index(
            "ix_items_connection_id_fingerprint",
            "connection_id",
            "fingerprint",
            "goes_at",
            postgresql_include=["post_id", "status"],
        ),
        Index(
            "ix_items_connection_id_slot_at",
            "connection_id",
            "slot_at",
            unique=True,
            postgresql_where=text("slot_at IS NOT NULL"),
        ),
        Index("ix_items_rendition_id", "rendition_id", postgresql_where=text("rendition_id IS NOT NULL")),
        Index(
            "ix_items_unpublished", "workspace_id", "status", "post_id", postgresql_where=text("status <> 'published'")
        ),
        # What the accounts page says of an account, and what takes its posting times.
        Index(
            "ix_items_unfinished",
            "connection_id",
            "goes_at",
            postgresql_where=text("status IN ('pending', 'processing')"),
        ),
        Index(
            "ix_items_connection_id_published_at",
            "connection_id",
            "published_at",
            postgresql_where=text("published_at IS NOT NULL"),
        ),
        # The last item of an account that a person made (posts/last_settings.py).
        Index("ix_items_by_person", "connection_id", "id", postgresql_where=text("by_person")),
        Index("ix_items_failed", "workspace_id", "id", postgresql_where=text("status = 'failed'")),
        # A post's caption is that of its first item.
        Index(
            "ix_items_caption_words", text(CAPTION_WORDS), postgresql_using="gin", postgresql_where=text("position = 0")
        ),
        Index(
            "ix_items_workspace_id_published_at",
            "workspace_id",
            "published_at",
            postgresql_where=text("published_at IS NOT NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    # Copied from the post, for lists of a workspace's items.
    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"))
    post_id: Mapped[UUID] = mapped_column(ForeignKey("posts.id", ondelete="CASCADE"))
    position: Mapped[int]
    edit_id: Mapped[UUID] = mapped_column(ForeignKey("renders.edit_setting_id"), index=True)
    connection_id: Mapped[UUID] = mapped_column(ForeignKey("connections.id"))
    platform: Mapped[str]
    # The metadata of the item exactly as the caller sent it under the platform's name.
    details: Mapped[dict[str, Any]]
    # `auto`: what the platform does not accept is converted. `never`: it is an error.
    conform: Mapped[str] = mapped_column(default="auto", server_default="auto")
    # The clip and the words (posts/duplicates.py), and when they go out: as planned, then as published. Items of older
    # versions have neither.
    fingerprint: Mapped[int | None] = mapped_column(BigInteger)
    goes_at: Mapped[datetime | None]
    # The posting time of the account that the item takes (clients/slots.py); `goes_at` may be some minutes later.
    slot_at: Mapped[datetime | None]
    # True if a person made it in the app, else null.
    by_person: Mapped[bool | None]
    # The number of changes of the columns from `edit_id` to `slot_at`.
    version: Mapped[int] = mapped_column(default=1, server_default="1")

    # The conversion that was ordered for this item.
    rendition_id: Mapped[UUID | None] = mapped_column(ForeignKey("renditions.id", ondelete="SET NULL"))
    status: Mapped[str] = mapped_column(default="pending")
    stage: Mapped[str | None]
    progress: Mapped[int] = mapped_column(default=0)
    # The number of attempts that have begun, those of `finish` included.
    attempts: Mapped[int] = mapped_column(default=0)
    error: Mapped[dict[str, Any] | None]
    # The missing parts of a live video: {code, message, fix} each.
    warnings: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list, server_default=text("'[]'"))
    platform_post_id: Mapped[str | None]
    platform_post_url: Mapped[str | None]
    published_at: Mapped[datetime | None]

    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    updated_at: Mapped[datetime] = mapped_column(default=clock.now, onupdate=clock.now)

    connection: Mapped[Connection] = relationship(lazy="raise")
    rendition: Mapped[Rendition | None] = relationship(lazy="raise")
    # The job that publishes the item. It has the item's id.
    job: Mapped[Job] = relationship(primaryjoin=lambda: foreign(Item.id) == Job.id, lazy="raise", viewonly=True)

    @property
    def visible_stage(self) -> str | None:
        """The stage while a worker or the item's next run goes on, else None."""
        return self.stage if self.status == "processing" else None

    @property
    def next_attempt_at(self) -> datetime | None:
        """The time of the next run while the item waits for it, else None."""
        without_time = (JobState.RUNNING, JobState.BLOCKED, JobState.STRANDED, JobState.PAUSED)
        waits = self.status == "processing" and self.attempts > 0 and self.job.state not in without_time
        if not waits:
            return None
        # A job that a worker gave back keeps its earlier `due_at`, and is ready since then.
        is_ready = self.job.state in (JobState.READY, JobState.OFFERED)
        return max(self.job.due_at, self.job.updated_at) if is_ready else self.job.due_at

    @property
    def held_until(self) -> datetime | None:
        """The latest instant until which the item waits for its account to be connected again, else None."""
        return self.job.hold_until if self.job.state == JobState.HELD else None

    @property
    def shown_error(self) -> dict[str, Any] | None:
        """The item's error, or why it is paused while it is."""
        return self.job.error if self.job.state == JobState.PAUSED else self.error

    @property
    def named_details(self) -> dict[str, Any]:
        """The details under the platform's name, as the caller gave them."""
        return {self.platform: self.details}


class Draft(Base):
    """An unsent post of the compose page (posts/drafts.py)."""

    __tablename__ = "drafts"
    __table_args__ = (
        Index("ix_drafts_workspace_id_id", "workspace_id", "id", postgresql_where=text("post_id IS NULL")),
        # The drafts of a calendar.
        Index(
            "ix_drafts_workspace_id_scheduled_at",
            "workspace_id",
            text("(content ->> 'scheduled_at')"),
            postgresql_where=text("post_id IS NULL"),
        ),
        # The draft that a person sent last.
        Index("ix_drafts_sent", "workspace_id", "author_id", "id", postgresql_where=text("post_id IS NOT NULL")),
        # The draft whose post replaced a post.
        Index(
            "ix_drafts_replaces",
            "workspace_id",
            text("(content ->> 'replaces')"),
            postgresql_where=text("post_id IS NOT NULL AND (content ->> 'replaces') IS NOT NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"))
    content: Mapped[dict[str, Any]]
    # The post that was created from it: a second send returns the same post.
    post_id: Mapped[UUID | None]
    # The number of saves, and the author and the page of the last one: saves of the same page never conflict.
    version: Mapped[int] = mapped_column(default=1, server_default="1")
    saved_by: Mapped[str] = mapped_column(default="", server_default="")
    # Of the limited member or key that saved it last: names are free to choose. Null if somebody else did.
    saved_by_id: Mapped[UUID | None]
    # Of the person who saved or sent it last, whatever they see. Null if it is not known.
    author_id: Mapped[UUID | None]
    saved_from: Mapped[str] = mapped_column(default="", server_default="")
    # The last saves of pages, newest first, each as the page's id and a digest of the content: a page whose last words
    # were saved just before it was left has no response.
    saves: Mapped[list[str]] = mapped_column(ARRAY(String), default=list, server_default="{}")
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    updated_at: Mapped[datetime] = mapped_column(default=clock.now, onupdate=clock.now)
