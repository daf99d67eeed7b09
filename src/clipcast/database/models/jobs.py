"""Tables: the journal that makes an item safe to run again, and the timeline of what happened."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, LargeBinary, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from clipcast.common.ids import new_id
from clipcast.database import Base


class JournalEntry(Base):
    """The result of a step, or the intent to do what cannot be undone. Results are encrypted: some are secrets."""

    __tablename__ = "journal"

    item_id: Mapped[UUID] = mapped_column(ForeignKey("items.id", ondelete="CASCADE"), primary_key=True)
    round: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    # Null while there is only the intent.
    result: Mapped[bytes | None] = mapped_column(LargeBinary)
    # Null for a step, which needs no intent.
    intended_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    # Whether the guarded request makes a video visible; if it may have been sent, the outcome can be unknown.
    publishes: Mapped[bool]


class QuotaState(Base):
    """What an account, or the app (`subject`), has used of a platform's quota; see platforms/quota.py."""

    __tablename__ = "quotas"

    subject: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[dict[str, Any]]
    # The platform said that nothing is left before then.
    spent_until: Mapped[datetime | None]
    # Counts the changes: a process saves only what it made from the latest.
    version: Mapped[int] = mapped_column(BigInteger, server_default="0")


class WorkerHeartbeat(Base):
    """A worker that is running, or was a moment ago; see jobs/heartbeats.py."""

    __tablename__ = "workers"

    name: Mapped[str] = mapped_column(primary_key=True)
    slots: Mapped[int]
    started_at: Mapped[datetime]
    seen_at: Mapped[datetime]


class Attempt(Base):
    """One try at an item, from its claim to a decision. Waiting for the platform does not end it."""

    __tablename__ = "attempts"
    __table_args__ = (UniqueConstraint("item_id", "number"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    item_id: Mapped[UUID] = mapped_column(ForeignKey("items.id", ondelete="CASCADE"))
    number: Mapped[int]
    worker: Mapped[str]
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    # published, retry, failed, lost (the worker died or froze): what was decided, with the reason beside it.
    decision: Mapped[str | None]
    reason: Mapped[str | None]
    error: Mapped[dict | None] = mapped_column(JSONB(none_as_null=True))  # type: ignore[type-arg]


class AttemptEvent(Base):
    """One thing that happened in an attempt: a request to the platform, a wait, a decision of the journal."""

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
