"""Tables: connected accounts, and the authorizations in progress."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, LargeBinary, String, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.database import Base


class Connection(Base):
    """A workspace's authorization for an account on a platform."""

    __tablename__ = "connections"
    # `sandbox` is true for an account of the sandbox: it may have the same id as a real account. An account that was
    # removed and connected again for another client has a row for each: the posts of the first one stay with it.
    __table_args__ = (
        Index(
            "uq_connections_account", "workspace_id", "platform", "account_id", "sandbox",
            unique=True, postgresql_where=text("removed_at IS NULL"),
        ),
        Index("ix_connections_account", "workspace_id", "platform", "account_id"),
    )  # fmt: skip

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"))
    client_id: Mapped[UUID | None] = mapped_column(ForeignKey("clients.id", ondelete="SET NULL"), index=True)
    platform: Mapped[str]
    account_id: Mapped[str]
    username: Mapped[str]
    display_name: Mapped[str]
    # The picture on the platform, whose address may expire; and the stored small copy (connections/avatars.py).
    avatar_url: Mapped[str | None]
    avatar_key: Mapped[str | None]
    status: Mapped[str] = mapped_column(default="active")
    # The reason of a status other than `active`, as a text for people.
    status_reason: Mapped[str | None]
    scopes: Mapped[list[str]] = mapped_column(ARRAY(String))
    sandbox: Mapped[bool]
    # Facts of the platform that publishing needs (YouTube: the uploads playlist).
    profile: Mapped[dict[str, Any]]
    # Names by which people find accounts again.
    labels: Mapped[list[str]] = mapped_column(ARRAY(String), default=list, server_default=text("'{}'"))

    tokens: Mapped[bytes] = mapped_column(LargeBinary)
    # The number of changes of `tokens`, so that a late refresh cannot overwrite newer tokens.
    tokens_version: Mapped[int] = mapped_column(default=1)
    issued_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    # Whether Clipcast can refresh the tokens without the account owner, and until when (None: without a known end).
    renewable: Mapped[bool]
    signed_in_until: Mapped[datetime | None]
    # The end of the current refresh's right to run: one process at a time refreshes the tokens.
    refreshing_until: Mapped[datetime | None]
    # When the workspace removed the account: its tokens are deleted, and only old items still refer to it.
    removed_at: Mapped[datetime | None]

    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    updated_at: Mapped[datetime] = mapped_column(default=clock.now, onupdate=clock.now)


class ConnectAttempt(Base):
    """One authorization in progress. It is valid once and for a short time."""

    __tablename__ = "connect_attempts"

    state_digest: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"))
    platform: Mapped[str]
    redirect_uri: Mapped[str]
    # The state for the next step: the PKCE verifier or the accounts to choose from, and the browser's cookie.
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    expires_at: Mapped[datetime]


class ConnectLink(Base):
    """A connect link that is neither used nor withdrawn, so that people can see and withdraw it."""

    __tablename__ = "connect_links"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"), index=True)
    platform: Mapped[str]
    sign_in_method: Mapped[str | None] = mapped_column("way")
    # The user who created it; None for an operator on the command line.
    maker_id: Mapped[UUID | None]
    maker_name: Mapped[str]
    expires_at: Mapped[datetime]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class ClientLink(Base):
    """A link with which the people of a client connect its accounts. Only the digest of its token is stored."""

    __tablename__ = "client_links"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"), index=True)
    client_id: Mapped[UUID] = mapped_column(ForeignKey("clients.id", ondelete="CASCADE"), index=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    # The user who created it.
    maker_id: Mapped[UUID]
    maker_name: Mapped[str]
    expires_at: Mapped[datetime]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    # When an account was last connected with it.
    used_at: Mapped[datetime | None]


class UsedConnectLink(Base):
    """A connect link that is used or withdrawn. The row exists until the link expires."""

    __tablename__ = "used_connect_links"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    expires_at: Mapped[datetime]
