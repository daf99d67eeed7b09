"""Tables: users, their sessions, memberships and invitations."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, LargeBinary, Uuid
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column, relationship

from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.database import Base


class User(Base):
    """A person who signs in with an e-mail address and a password."""

    __tablename__ = "users"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    # In lower case.
    email: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    password_hash: Mapped[str]
    # The IANA name of a time zone; None uses the browser's.
    zone: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class SignInSession(Base):
    """A signed-in browser. Only the digest of its cookie is stored."""

    __tablename__ = "sign_in_sessions"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    digest: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    address: Mapped[str]
    agent: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    seen_at: Mapped[datetime] = mapped_column(default=clock.now)
    expires_at: Mapped[datetime]

    user: Mapped[User] = relationship(lazy="joined")


class Membership(Base):
    """A user's role in a workspace (`service.ROLES`)."""

    __tablename__ = "memberships"
    __table_args__ = (Index("ix_memberships_workspace_id", "workspace_id"),)

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True)
    role: Mapped[str]
    # The clients that the member sees (database/limits.py); None for all. A client that is deleted stays in it, so that
    # nobody sees more than before.
    client_ids: Mapped[list[UUID] | None] = mapped_column(ARRAY(Uuid))
    created_at: Mapped[datetime] = mapped_column(default=clock.now)

    user: Mapped[User] = relationship(lazy="joined")


class Invitation(Base):
    """A link with which one person joins a workspace. It is valid once."""

    __tablename__ = "invitations"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    digest: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"), index=True)
    role: Mapped[str]
    # As of the membership that it becomes.
    client_ids: Mapped[list[UUID] | None] = mapped_column(ARRAY(Uuid))
    # The owner who created it; None for the operator.
    maker_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    # The inviter's note about the invited person.
    note: Mapped[str]
    expires_at: Mapped[datetime]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
