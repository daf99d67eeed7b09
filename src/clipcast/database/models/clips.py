"""Tables: clips (uploaded video files), renders (their postable forms), folders, bulk_downloads, unwanted_objects."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, String, UniqueConstraint, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.common.media import known_media
from clipcast.database import Base
from clipcast.database.models.renditions import Rendition


class Clip(Base):
    """A video file. Its status is `awaiting` until it is uploaded, then `uploaded`, and `ready` after the probe."""

    __tablename__ = "clips"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"), index=True)
    file_name: Mapped[str]
    title: Mapped[str]
    content_type: Mapped[str]
    # The size that the caller declared; None if the server counts the bytes.
    declared_size: Mapped[int | None] = mapped_column(BigInteger)
    status: Mapped[str] = mapped_column(default="awaiting")
    storage_key: Mapped[str]
    thumbnail_key: Mapped[str | None]
    size: Mapped[int | None] = mapped_column(BigInteger)
    sha256: Mapped[str | None]
    # The facts that the probe found (common/media.py).
    media: Mapped[dict[str, Any] | None]
    # The newest request that uploads the clip's bytes (clips/turns.py).
    receiving: Mapped[UUID | None]
    # When it began, or last brought many bytes.
    received_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class UnwantedObject(Base):
    """A stored object, or a folder of objects (`.../`), to which no row refers any more (clips/unwanted.py)."""

    __tablename__ = "unwanted_objects"

    key: Mapped[str] = mapped_column(primary_key=True)
    created_at: Mapped[datetime]


class Folder(Base):
    """A folder of the clips library. One with a parent is within it; that has none."""

    __tablename__ = "folders"
    __table_args__ = (
        Index(
            "uq_folders_name",
            "workspace_id",
            text("coalesce(parent_id, '00000000-0000-0000-0000-000000000000'::uuid)"),
            "name_key",
            unique=True,
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"))
    parent_id: Mapped[UUID | None] = mapped_column(ForeignKey("folders.id", ondelete="CASCADE"), index=True)
    name: Mapped[str]
    # The name without regard to case (common/names.py).
    name_key: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class Render(Base):
    """The postable form of a clip. A post refers to it by `edit_setting_id` (its `editId`).

    Without a rendition, it is the clip's file as it is.
    """

    __tablename__ = "renders"
    __table_args__ = (
        UniqueConstraint("clip_id", "key"),
        Index("ix_renders_workspace_id_id", "workspace_id", "id"),
        Index("ix_renders_rendition_id", "rendition_id", postgresql_where=text("rendition_id IS NOT NULL")),
        Index("ix_renders_folder_id_id", "folder_id", "id", postgresql_where=text("folder_id IS NOT NULL")),
        Index("ix_renders_deleted_at", "deleted_at", postgresql_where=text("deleted_at IS NOT NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    edit_setting_id: Mapped[UUID] = mapped_column(unique=True, default=new_id)
    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"))
    clip_id: Mapped[UUID] = mapped_column(ForeignKey("clips.id", ondelete="CASCADE"))
    # What the caller asked for, without the name; empty for the clip as it is.
    edit: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default=text("'{}'"))
    # The SHA-256 of the clip's SHA-256 and `edit`; empty for the clip as it is.
    key: Mapped[str] = mapped_column(default="", server_default="")
    rendition_id: Mapped[UUID | None] = mapped_column(ForeignKey("renditions.id"))
    # The captions that posts send beside the video, as WebVTT with times of the result.
    captions: Mapped[str | None] = mapped_column(deferred=True)
    name: Mapped[str]
    # Of a render with a rendition, the rendition's status and progress count.
    status: Mapped[str]
    error: Mapped[dict[str, Any] | None]
    # What its order leaves out, as problems (common/problems.py).
    warnings: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list, server_default=text("'[]'"))
    folder_id: Mapped[UUID | None] = mapped_column(ForeignKey("folders.id", ondelete="SET NULL"))
    labels: Mapped[list[str]] = mapped_column(ARRAY(String), default=list, server_default=text("'{}'"))
    # Since when it is in the bin of the library.
    deleted_at: Mapped[datetime | None]
    # The platforms that take it, and of which file and rules this is true (clips/library.py).
    fits: Mapped[list[str] | None] = mapped_column(ARRAY(String), deferred=True)
    fits_key: Mapped[str | None] = mapped_column(deferred=True)
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    started_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]

    clip: Mapped[Clip] = relationship(lazy="joined")
    rendition: Mapped[Rendition | None] = relationship(lazy="joined")

    @property
    def current_status(self) -> str:
        """Its status, or that of its rendition."""
        return self.rendition.status if self.rendition else self.status

    @property
    def progress(self) -> int:
        """How much of it is done, in percent."""
        if self.rendition and self.rendition.status != "completed":
            return self.rendition.progress
        return 100 if self.current_status == "completed" else 0

    @property
    def output(self) -> dict[str, Any] | None:
        """The properties of its file (common/media.py), as predicted until it is made; None if they are unknown."""
        if self.rendition:
            return self.rendition.media or self.rendition.expected
        return self.clip.media

    @property
    def output_resolution(self) -> str | None:
        """The short side, as callers know it from screens: `1080p`. None if it is unknown."""
        media = known_media(self.output)
        return f"{min(media.width, media.height)}p" if media else None


class BulkDownload(Base):
    """Renders that a caller downloads as one archive, which is made while it is sent (renders/archives.py)."""

    __tablename__ = "bulk_downloads"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"), index=True)
    # In the caller's order. A render may be deleted later.
    render_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid))
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    expires_at: Mapped[datetime] = mapped_column(index=True)
