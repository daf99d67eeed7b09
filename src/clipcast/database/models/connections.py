"""Tables: connected accounts, and the sign-ins under way."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, LargeBinary, String, UniqueConstraint
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.database import Base


class Connection(Base):
    """An account at a platform that a workspace may post to."""

    __tablename__ = "connections"
    # A sandbox account and a real one may carry the same id; they are never the same connection.
    __table_args__ = (UniqueConstraint("workspace_id", "platform", "account_id", "sandbox"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"))
    platform: Mapped[str]
    account_id: Mapped[str]
    username: Mapped[str]
    display_name: Mapped[str]
    avatar_url: Mapped[str | None]
    status: Mapped[str] = mapped_column(default="active")
    # Why the status is not `active`, in words for a person.
    status_reason: Mapped[str | None]
    scopes: Mapped[list[str]] = mapped_column(ARRAY(String))
    sandbox: Mapped[bool]
    # What the platform told about the account that publishing needs (YouTube: the uploads playlist).
    profile: Mapped[dict[str, Any]]

    tokens: Mapped[bytes] = mapped_column(LargeBinary)
    # Counts every change of `tokens`, so that a refresh which lost its turn cannot overwrite newer ones.
    tokens_version: Mapped[int] = mapped_column(default=1)
    issued_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    # Whether new tokens can be had without the account's owner, and until when (None: no end is known).
    renewable: Mapped[bool]
    signed_in_until: Mapped[datetime | None]
    # One refresh at a time: whoever set this instant is refreshing until then.
    refreshing_until: Mapped[datetime | None]
    # Since then the workspace has it no longer: the tokens are gone, and only old items still name it.
    removed_at: Mapped[datetime | None]

    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    updated_at: Mapped[datetime] = mapped_column(default=clock.now, onupdate=clock.now)


class ConnectAttempt(Base):
    """One sign-in under way. Single use, short-lived."""

    __tablename__ = "connect_attempts"

    state_digest: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"))
    platform: Mapped[str]
    redirect_uri: Mapped[str]
    # What the next step needs: the PKCE verifier, or the accounts to choose from; and the browser's cookie.
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    expires_at: Mapped[datetime]


class ConnectLink(Base):
    """A link that was handed out and is neither used nor withdrawn, so that people see and withdraw it."""

    __tablename__ = "connect_links"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"), index=True)
    platform: Mapped[str]
    sign_in_method: Mapped[str | None] = mapped_column("way")
    # The user who made it. None: an operator, on the command line.
    maker_id: Mapped[UUID | None]
    maker_name: Mapped[str]
    expires_at: Mapped[datetime]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class UsedConnectLink(Base):
    """A link that is no longer good: an account was connected with it, or it was withdrawn. Kept until it expires."""

    __tablename__ = "used_connect_links"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    expires_at: Mapped[datetime]
