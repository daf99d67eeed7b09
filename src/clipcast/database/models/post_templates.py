"""Table: templates of posts, with which members begin drafts."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.database import Base


class PostTemplate(Base):
    """The words, accounts and settings of a draft under a name (posts/post_templates.py)."""

    __tablename__ = "post_templates"
    __table_args__ = (UniqueConstraint("workspace_id", "name_key"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"))
    name: Mapped[str]
    # The name without regard to case (common/names.py).
    name_key: Mapped[str]
    content: Mapped[dict[str, Any]]
    saved_by: Mapped[str]
    # Of the limited member or key that saved it last: names are free to choose. Null if somebody else did.
    saved_by_id: Mapped[UUID | None]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    updated_at: Mapped[datetime] = mapped_column(default=clock.now, onupdate=clock.now)
