"""Tables: what people keep for their lists of posts: labels and saved views."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.database import Base

# PostgreSQL takes two nulls for different.
OWNER = "coalesce(user_id, '00000000-0000-0000-0000-000000000000'::uuid)"


class Label(Base):
    """A word that people put on posts of a workspace."""

    __tablename__ = "labels"
    __table_args__ = (UniqueConstraint("workspace_id", "name_key"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"))
    name: Mapped[str]
    # The name without regard to case (common/names.py).
    name_key: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class PostLabel(Base):
    """A label on a post."""

    __tablename__ = "post_labels"
    __table_args__ = (Index("ix_post_labels_label_id_post_id", "label_id", "post_id"),)

    post_id: Mapped[UUID] = mapped_column(ForeignKey("posts.id", ondelete="CASCADE"), primary_key=True)
    label_id: Mapped[UUID] = mapped_column(ForeignKey("labels.id", ondelete="CASCADE"), primary_key=True)


class SavedView(Base):
    """Filters of the list of posts under a name."""

    __tablename__ = "saved_views"
    __table_args__ = (Index("uq_saved_views_name", "workspace_id", text(OWNER), "name_key", unique=True),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"))
    # The person who sees it; null for all members.
    user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    name: Mapped[str]
    name_key: Mapped[str]
    # The query of the address of the list.
    query: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
