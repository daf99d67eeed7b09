"""Tables: assets (files for edits), render_templates (saved edits), submissions (of videos) and their found clips."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column, relationship

from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.database import Base
from clipcast.database.models.clips import Clip


class Asset(Base):
    """A file for edits: captions or a watermark. Its status is `awaiting`, `uploaded`, or `ready` after its check."""

    __tablename__ = "assets"
    __table_args__ = (Index("ix_assets_workspace_id_id", "workspace_id", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"))
    # captions or image.
    kind: Mapped[str]
    file_name: Mapped[str]
    content_type: Mapped[str]
    status: Mapped[str] = mapped_column(default="awaiting")
    storage_key: Mapped[str] = mapped_column(default="")
    size: Mapped[int | None] = mapped_column(BigInteger)
    sha256: Mapped[str | None]
    # What the check found: {width, height} of an image, {count, duration} of captions.
    facts: Mapped[dict[str, Any] | None]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class RenderTemplate(Base):
    """A saved edit (renders/edit_schemas.py)."""

    __tablename__ = "render_templates"
    __table_args__ = (Index("ix_render_templates_workspace_id_id", "workspace_id", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"))
    name: Mapped[str]
    edit: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    updated_at: Mapped[datetime] = mapped_column(default=clock.now, onupdate=clock.now)


class Submission(Base):
    """A video whose clips are to be found. Its status is `queued`, `analyzing`, `completed` or `failed`."""

    __tablename__ = "submissions"
    __table_args__ = (
        Index("ix_submissions_clip_id_id", "clip_id", "id"),
        Index("ix_submissions_workspace_id", "workspace_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"))
    clip_id: Mapped[UUID] = mapped_column(ForeignKey("clips.id", ondelete="CASCADE"))
    # A name of renders/strategies.py.
    strategy: Mapped[str]
    # {start, end, min_length, max_length} in seconds.
    limits: Mapped[dict[str, Any]]
    # The edit that the found clips begin with.
    edit: Mapped[dict[str, Any]]
    status: Mapped[str] = mapped_column(default="queued")
    error: Mapped[dict[str, Any] | None]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    started_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]

    clip: Mapped[Clip] = relationship(lazy="raise")


class FoundClip(Base):
    """A part of a video that a submission found, and the edit that a render makes of it."""

    __tablename__ = "found_clips"
    __table_args__ = (
        Index("ix_found_clips_submission_id_position", "submission_id", "position"),
        Index("ix_found_clips_render_id", "render_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    submission_id: Mapped[UUID] = mapped_column(ForeignKey("submissions.id", ondelete="CASCADE"))
    position: Mapped[int]
    title: Mapped[str]
    # From 0 to 100; null without a finder that rates.
    rating: Mapped[float | None]
    # In seconds of the video.
    start_time: Mapped[float]
    end_time: Mapped[float]
    edit: Mapped[dict[str, Any]]
    # Its latest render.
    render_id: Mapped[UUID | None] = mapped_column(ForeignKey("renders.id", ondelete="SET NULL"))
