"""Tables: the notices that members get, and when."""

from datetime import datetime, time
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    String,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.database import Base


class NoticeChannel(Base):
    """A member's choice of notices of one workspace by one channel, and how the last message went."""

    __tablename__ = "notice_channels"
    __table_args__ = (
        UniqueConstraint("user_id", "workspace_id", "channel"),
        ForeignKeyConstraint(
            ["user_id", "workspace_id"], ["memberships.user_id", "memberships.workspace_id"], ondelete="CASCADE"
        ),
        Index("ix_notice_channels_workspace_id", "workspace_id"),
        Index("ix_notice_channels_failing", "failing_since", postgresql_where=text("failing_since IS NOT NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    user_id: Mapped[UUID]
    workspace_id: Mapped[UUID]
    # app, email, push or chat.
    channel: Mapped[str]
    # The types of events; None for the defaults of the channel and the member's role (notices/words.py).
    events: Mapped[list[str] | None] = mapped_column(ARRAY(String))
    # The encrypted address of a chat, and its service (notices/chat.py).
    address: Mapped[bytes | None] = mapped_column(LargeBinary)
    service: Mapped[str | None]
    # When the newest message was begun, and when the last one was accepted.
    attempted_at: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    # Since when the server has not accepted a message, and its reason, as a sentence for people.
    failing_since: Mapped[datetime | None]
    error: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class NoticeEntry(Base):
    """An event that a channel has not sent yet; without an event, a test message."""

    __tablename__ = "notice_entries"
    __table_args__ = (
        UniqueConstraint("channel_id", "event_id"),
        Index("ix_notice_entries_message_id", "message_id", postgresql_where=text("message_id IS NOT NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    channel_id: Mapped[UUID] = mapped_column(ForeignKey("notice_channels.id", ondelete="CASCADE"))
    event_id: Mapped[UUID | None] = mapped_column(ForeignKey("events.id", ondelete="CASCADE"), index=True)
    # Whether somebody must act soon, and when it is to be sent (notices/habits.py).
    urgent: Mapped[bool] = mapped_column(default=True, server_default=text("true"))
    due_at: Mapped[datetime] = mapped_column(default=clock.now, server_default=text("now()"))
    # The message that holds it, once its sending has begun. A repetition sends the same message.
    message_id: Mapped[UUID | None]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class NoticeHabits(Base):
    """When a person gets the notices that are not urgent. Without a row, at once."""

    __tablename__ = "notice_habits"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    # The zone that the person saw while choosing. The zone of the person's account comes first.
    zone: Mapped[str]
    # The quiet hours by the wall clock; they may go past midnight. None: there are none.
    quiet_from: Mapped[time | None]
    quiet_until: Mapped[time | None]
    # `none`, `daily` or `weekly`; its wall-clock time, and the day of a weekly one: 0 is Monday.
    digest: Mapped[str]
    digest_at: Mapped[time]
    digest_day: Mapped[int]


class InboxNotice(Base):
    """A notice in the app: what has happened to a post, or to another thing, since the member read of it."""

    __tablename__ = "inbox_notices"
    __table_args__ = (
        UniqueConstraint("channel_id", "type", "about_id"),
        Index("ix_inbox_notices_channel_id_changed_at", "channel_id", "changed_at", "id"),
        Index("ix_inbox_notices_unread", "channel_id", "changed_at", "id", postgresql_where=text("read_at IS NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    # The member's channel `app`.
    channel_id: Mapped[UUID] = mapped_column(ForeignKey("notice_channels.id", ondelete="CASCADE"))
    type: Mapped[str]
    # The post, or else the subject of the event.
    about_id: Mapped[UUID]
    # The newest event, and the number of all since it was read.
    event_id: Mapped[UUID] = mapped_column(ForeignKey("events.id", ondelete="CASCADE"), index=True)
    number: Mapped[int]
    # The items of these events, each once.
    subjects: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid), default=list, server_default=text("'{}'"))
    changed_at: Mapped[datetime] = mapped_column(default=clock.now)
    read_at: Mapped[datetime | None]


class PushDevice(Base):
    """A browser that shows push messages to the person who is signed in there. It ends with the session."""

    __tablename__ = "push_devices"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    session_id: Mapped[UUID] = mapped_column(ForeignKey("sign_in_sessions.id", ondelete="CASCADE"), index=True)
    # Of the address at the push service.
    digest: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    # Encrypted: the address, and the browser's keys (notices/push.py).
    subscription: Mapped[bytes] = mapped_column(LargeBinary)
    # For the list of devices.
    host: Mapped[str]
    agent: Mapped[str]
    # The last message that the push service accepted, and why it did not accept another one since.
    message_id: Mapped[UUID | None]
    sent_at: Mapped[datetime | None]
    error: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class PushKey(Base):
    """The single row of the key with which this installation signs push messages."""

    __tablename__ = "push_keys"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(primary_key=True, default=1, autoincrement=False)
    # Encrypted.
    private: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
