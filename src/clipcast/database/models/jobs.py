"""Tables: the journal, the timeline of attempts, quota counters and heartbeats of workers."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, LargeBinary, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from clipcast.common.ids import new_id
from clipcast.database import Base


class JournalEntry(Base):
    """The result of a step, or the intent of a guarded request. Results are encrypted: some are secrets."""

    __tablename__ = "journal"

    item_id: Mapped[UUID] = mapped_column(ForeignKey("items.id", ondelete="CASCADE"), primary_key=True)
    round: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    # Null while the entry is only an intent.
    result: Mapped[bytes | None] = mapped_column(LargeBinary)
    # Null for a step, which has no intent.
    intended_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    # True if the guarded request makes a video visible: once it may have been sent, the outcome can be unknown.
    publishes: Mapped[bool]


class QuotaState(Base):
    """The use of a platform's quota by an account or the app, the `subject` (platforms/quota.py)."""

    __tablename__ = "quotas"

    subject: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[dict[str, Any]]
    # The instant until which the platform has reported the quota as used up.
    spent_until: Mapped[datetime | None]
    # The number of changes: a process saves a row only if its version is unchanged.
    version: Mapped[int] = mapped_column(BigInteger, server_default="0")


class WorkerHeartbeat(Base):
    """A worker with its latest heartbeat (jobs/heartbeats.py)."""

    __tablename__ = "workers"

    name: Mapped[str] = mapped_column(primary_key=True)
    slots: Mapped[int]
    started_at: Mapped[datetime]
    seen_at: Mapped[datetime]


class Attempt(Base):
    """One attempt of an item, from its claim to a decision. A wait does not end it."""

    __tablename__ = "attempts"
    __table_args__ = (UniqueConstraint("item_id", "number"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    item_id: Mapped[UUID] = mapped_column(ForeignKey("items.id", ondelete="CASCADE"))
    number: Mapped[int]
    worker: Mapped[str]
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    # The decision: published, retry, failed, or lost (the worker died or froze).
    decision: Mapped[str | None]
    reason: Mapped[str | None]
    error: Mapped[dict | None] = mapped_column(JSONB(none_as_null=True))  # type: ignore[type-arg]


class AttemptEvent(Base):
    """One event of an attempt: a request to the platform, a change of the journal, a wait or a decision."""

    __tablename__ = "attempt_events"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    attempt_id: Mapped[UUID] = mapped_column(ForeignKey("attempts.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str]
    name: Mapped[str]
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime]
    http_status: Mapped[int | None]
    bytes_sent: Mapped[int | None]
    platform_request_id: Mapped[str | None]
    detail: Mapped[str | None]
