"""Tables: renditions (files that children make of clips), renditions_ahead (those that renders were ordered with)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.database import Base


class Rendition(Base):
    """A file made by a recipe, or the order to make it. Its job says where it waits, runs and dies (jobs/kinds.py).

    Its status is `queued`, `active`, `completed`, `failed`, `cancelled`, or `expired` when its file was deleted.
    """

    __tablename__ = "renditions"
    __table_args__ = (
        UniqueConstraint("workspace_id", "key"),
        Index("ix_renditions_clip_id", "clip_id"),
        Index("ix_renditions_source_id", "source_id", postgresql_where=text("source_id IS NOT NULL")),
        # The files that may be deleted to save space, the least recently used first.
        Index("ix_renditions_kept", "last_used_at", postgresql_where=text("status = 'completed'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"))
    # The name of the result: the SHA-256 of the inputs and the recipe (`Recipe.key`).
    key: Mapped[str]
    # The clip of the first input.
    clip_id: Mapped[UUID | None] = mapped_column(ForeignKey("clips.id", ondelete="SET NULL"))
    # The rendition whose file is the first input, if it is not the clip's.
    source_id: Mapped[UUID | None] = mapped_column(ForeignKey("renditions.id", ondelete="SET NULL"))
    # The files that the recipe numbers: {storage_key, size, sha256} each. Those of a source that is not made yet are
    # null.
    inputs: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    recipe: Mapped[dict[str, Any]]
    # remux, audio or video.
    action: Mapped[str]
    status: Mapped[str] = mapped_column(default="queued")
    # In percent. It never decreases while the rendition is made.
    progress: Mapped[int] = mapped_column(default=0, server_default="0")
    # The properties that the planner predicts (common/media.py).
    expected: Mapped[dict[str, Any] | None]
    storage_key: Mapped[str | None]
    thumbnail_key: Mapped[str | None]
    size: Mapped[int | None] = mapped_column(BigInteger)
    sha256: Mapped[str | None]
    # The properties that the probe found.
    media: Mapped[dict[str, Any] | None]
    # What the conversion left out, as sentences.
    warnings: Mapped[list[str]] = mapped_column(JSONB, default=list, server_default=text("'[]'"))
    error: Mapped[dict[str, Any] | None]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    started_at: Mapped[datetime | None]
    # When it ended, whatever its status.
    completed_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime] = mapped_column(default=clock.now)


class RenditionAhead(Base):
    """What a platform needs of a render's file, ordered with the render."""

    __tablename__ = "renditions_ahead"

    render_id: Mapped[UUID] = mapped_column(ForeignKey("renders.id", ondelete="CASCADE"), primary_key=True)
    platform: Mapped[str] = mapped_column(primary_key=True)
    rendition_id: Mapped[UUID] = mapped_column(ForeignKey("renditions.id", ondelete="CASCADE"), index=True)

    rendition: Mapped[Rendition] = relationship(lazy="joined")
