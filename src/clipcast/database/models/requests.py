"""Tables: responses kept for callers who repeat a request, and what is counted against limits of rate."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import DateTime, ForeignKey, LargeBinary
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from clipcast.database import Base


class IdempotentResponseRow(Base):
    """The answer to a POST that carried an Idempotency-Key, so that its repetition does nothing twice."""

    __tablename__ = "idempotent_answers"

    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary)
    status: Mapped[int | None]
    # Encrypted: responses hold signed addresses, which open files and uploads.
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    # In the clear, of before `sealed`: read for as long as these rows live.
    body: Mapped[dict[str, Any] | None]
    headers: Mapped[dict[str, Any] | None]
    created_at: Mapped[datetime] = mapped_column(index=True)


class RateWindow(Base):
    """What API processes took of an API key's minute. Not worth the wait for the disk: it is lost in a crash."""

    __tablename__ = "rate_windows"
    __table_args__ = {"prefixes": ["UNLOGGED"]}

    name: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    # Since 1970.
    minute: Mapped[int] = mapped_column(index=True)
    used: Mapped[int]
    previous: Mapped[int]
    # The part that was taken last.
    granted: Mapped[int]


class AttemptLog(Base):
    """When somebody tried to sign in, by the digest of an address or a person. It is lost in a crash, too."""

    __tablename__ = "attempt_logs"
    __table_args__ = {"prefixes": ["UNLOGGED"]}

    name: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    times: Mapped[list[datetime]] = mapped_column(ARRAY(DateTime(timezone=True)))
    expires_at: Mapped[datetime] = mapped_column(index=True)
