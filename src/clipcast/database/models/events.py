"""Tables: events, their listeners, and the webhooks to which they are delivered."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, ForeignKey, Identity, Index, LargeBinary, SmallInteger, String, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.database import Base

ENDS_OF_ITEMS = "type IN ('item.published', 'item.failed')"
FIRST_ATTEMPTS = "status = 'pending' AND attempts = 0"


class Event(Base):
    """A change that somebody listens for. Triggers write it, in the statement that makes the change."""

    __tablename__ = "events"
    __table_args__ = (
        Index("ix_events_unrouted", "sequence", postgresql_where=text("routed_at IS NULL")),
        Index("ix_events_workspace_id_sequence", "workspace_id", "sequence"),
        Index("ix_events_ends", "post_id", "sequence", postgresql_where=text(ENDS_OF_ITEMS)),
        Index("uq_events_once", "workspace_id", "once", unique=True, postgresql_where=text("once IS NOT NULL")),
        Index("ix_events_created_at", "created_at"),
    )

    # The `webhook-id` of every request that delivers it.
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    # It increases along the events of one subject. Between subjects, a lower number can be committed later.
    sequence: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"))
    type: Mapped[str]
    # The item, or else the post, connection, render, job or webhook: its events are delivered in order.
    subject_id: Mapped[UUID]
    # Rows may be deleted meanwhile, so that these are no foreign keys.
    post_id: Mapped[UUID | None]
    item_id: Mapped[UUID | None]
    connection_id: Mapped[UUID | None]
    render_id: Mapped[UUID | None]
    # The facts as of the change.
    data: Mapped[dict[str, Any]] = mapped_column(JSONB)
    # Of the events of a workspace with the same text here, only the first one is kept.
    once: Mapped[str | None]
    # The JSON that is delivered, with the objects that the API shows; null until the event is routed.
    body: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    # When the router made deliveries of it.
    routed_at: Mapped[datetime | None]


class EventListener(Base):
    """Somebody for whom a workspace's events are written. Without a row, no event is."""

    __tablename__ = "event_listeners"

    # The webhook's, or that of another listener.
    id: Mapped[UUID] = mapped_column(primary_key=True)
    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"), index=True)
    # The types that triggers write for it; null for all.
    types: Mapped[list[str] | None] = mapped_column(ARRAY(String))


class Webhook(Base):
    """An address of a workspace to which events are delivered."""

    __tablename__ = "webhooks"
    __table_args__ = (Index("ix_webhooks_workspace_id_id", "workspace_id", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"))
    url: Mapped[str]
    description: Mapped[str] = mapped_column(default="", server_default="")
    # The types that it receives; null for all, and those of later versions.
    events: Mapped[list[str] | None] = mapped_column(ARRAY(String))
    # Encrypted: the secret that signs, and the one before, which signs too until `former_until`. Those before that one
    # stand in `older_secrets`, each with its time in `older_until`.
    secret: Mapped[bytes] = mapped_column(LargeBinary)
    former_secret: Mapped[bytes | None] = mapped_column(LargeBinary)
    former_until: Mapped[datetime | None]
    older_secrets: Mapped[list[bytes]] = mapped_column(ARRAY(LargeBinary), default=list, server_default="{}")
    older_until: Mapped[list[datetime]] = mapped_column(
        ARRAY(DateTime(timezone=True)), default=list, server_default="{}"
    )
    # Since when nothing is sent, and why: `by_person`, `gone` (410) or `failures`.
    disabled_at: Mapped[datetime | None]
    disabled_reason: Mapped[str | None]
    # The number of attempts in a row that failed, since when, and when the next one may begin.
    failures: Mapped[int] = mapped_column(default=0, server_default="0")
    failing_since: Mapped[datetime | None]
    paused_until: Mapped[datetime | None]
    # When `webhook.failing` was written: a day before it is disabled.
    warned_at: Mapped[datetime | None]
    last_error: Mapped[str | None]
    last_success_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    updated_at: Mapped[datetime] = mapped_column(default=clock.now, onupdate=clock.now)


class Delivery(Base):
    """One event for one webhook. Its status is `pending`, `delivered`, or `failed` when no attempt is left."""

    __tablename__ = "deliveries"
    __table_args__ = (
        Index("uq_deliveries_webhook_id_event_id", "webhook_id", "event_id", unique=True),
        Index("ix_deliveries_webhook_id_sequence", "webhook_id", "sequence"),
        Index("ix_deliveries_event_id", "event_id"),
        Index("ix_deliveries_first", "webhook_id", "sequence", postgresql_where=text(FIRST_ATTEMPTS)),
        Index("ix_deliveries_due", "webhook_id", "due_at", postgresql_where=text("status = 'pending'")),
        {"postgresql_with": {"fillfactor": "80", "autovacuum_vacuum_scale_factor": "0.05"}},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    webhook_id: Mapped[UUID] = mapped_column(ForeignKey("webhooks.id", ondelete="CASCADE"))
    event_id: Mapped[UUID] = mapped_column(ForeignKey("events.id", ondelete="CASCADE"))
    # Copied from the event.
    sequence: Mapped[int] = mapped_column(BigInteger)
    subject_id: Mapped[UUID]
    status: Mapped[str] = mapped_column(default="pending", server_default="pending")
    attempts: Mapped[int] = mapped_column(SmallInteger, default=0, server_default="0")
    due_at: Mapped[datetime] = mapped_column(default=clock.now)
    # The last attempts: {at, seconds, status, error} each.
    tries: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list, server_default=text("'[]'"))
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    ended_at: Mapped[datetime | None]
