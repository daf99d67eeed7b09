"""Tables: workspaces, and their API keys."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, LargeBinary, String, Uuid
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.database import Base


class Workspace(Base):
    __tablename__ = "workspaces"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str]
    plan: Mapped[str] = mapped_column(default="self-hosted")
    seats: Mapped[int] = mapped_column(default=1)
    # What posts do with a clip that a platform does not take, unless they say it: `auto` converts, `never` is an error.
    conform: Mapped[str] = mapped_column(default="auto", server_default="auto")
    # `warn` about doubles, or `refuse` them (posts/duplicates.py).
    duplicates: Mapped[str] = mapped_column(default="warn", server_default="warn")
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class ApiKey(Base):
    """An API key. Only its digest is stored: the key itself is shown once, at its creation."""

    __tablename__ = "api_keys"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str]
    digest: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    hint: Mapped[str]
    scopes: Mapped[list[str]] = mapped_column(ARRAY(String))
    # The clients whose accounts and posts the key reaches; None for all.
    client_ids: Mapped[list[UUID] | None] = mapped_column(ARRAY(Uuid))
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class ApiKeyWorkspace(Base):
    __tablename__ = "api_key_workspaces"

    api_key_id: Mapped[UUID] = mapped_column(ForeignKey("api_keys.id", ondelete="CASCADE"), primary_key=True)
    workspace_id: Mapped[UUID] = mapped_column(
        ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True, index=True
    )
