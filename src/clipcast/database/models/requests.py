"""Tables: saved responses of repeated requests, and the counters of rate limits."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import DateTime, ForeignKey, Index, LargeBinary, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from clipcast.database import Base


class IdempotentResponseRow(Base):
    """The response to a POST with an Idempotency-Key, so that a repeated request takes effect once."""

    __tablename__ = "idempotent_answers"

    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary)
    status: Mapped[int | None]
    # Encrypted, because responses hold signed URLs, which give access to files and uploads.
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    # Unencrypted responses of older versions, which are read until these rows expire.
    body: Mapped[dict[str, Any] | None]
    headers: Mapped[dict[str, Any] | None]
    created_at: Mapped[datetime] = mapped_column(index=True)


class RateWindow(Base):
    """The part of an API key's minute that processes have taken. The table is unlogged: a crash empties it."""

    __tablename__ = "rate_windows"
    __table_args__ = {"prefixes": ["UNLOGGED"]}

    name: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    # Minutes since 1970.
    minute: Mapped[int] = mapped_column(index=True)
    used: Mapped[int]
    previous: Mapped[int]
    # The share that a process took last.
    granted: Mapped[int]


class AttemptLog(Base):
    """The times of sign-in attempts, by the digest of an address or a user. A crash empties this table, too."""

    __tablename__ = "attempt_logs"
    __table_args__ = {"prefixes": ["UNLOGGED"]}

    name: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    times: Mapped[list[datetime]] = mapped_column(ARRAY(DateTime(timezone=True)))
    expires_at: Mapped[datetime] = mapped_column(index=True)


class LoggedRequest(Base):
    """A request of an API key and its response, without secrets, as developers look them up."""

    __tablename__ = "logged_requests"
    __table_args__ = (
        Index("ix_logged_requests_workspace_id", "workspace_id", "id"),
        Index("ix_logged_requests_refused", "workspace_id", "id", postgresql_where=text("status >= 400")),
    )

    # The `X-Request-Id` of the response. Ids ascend with time.
    id: Mapped[UUID] = mapped_column(primary_key=True)
    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"))
    key_id: Mapped[UUID]
    key_name: Mapped[str]
    method: Mapped[str]
    # With its query.
    path: Mapped[str]
    status: Mapped[int]
    # The code of the error; "" for a success.
    code: Mapped[str]
    is_replay: Mapped[bool]
    milliseconds: Mapped[int]
    # JSON texts; null without a body, or if it is no JSON or longer than the log keeps.
    request_body: Mapped[str | None]
    response_body: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(index=True)
