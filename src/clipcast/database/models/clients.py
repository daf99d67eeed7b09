"""Tables: clients, which group the accounts of a workspace, with their posting times and hashtags."""

from datetime import date, datetime, time
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, SmallInteger, String, UniqueConstraint
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.database import Base


class Client(Base):
    """A customer of an agency: a name for some of a workspace's accounts."""

    __tablename__ = "clients"
    __table_args__ = (UniqueConstraint("workspace_id", "name_key"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"))
    name: Mapped[str]
    # The name without regard to case (common/names.py).
    name_key: Mapped[str]
    # 1 to 12: one of the colours of frontend/styles/tokens.css.
    color: Mapped[int] = mapped_column(SmallInteger)
    # The stored picture.
    logo_key: Mapped[str | None]
    # An IANA name.
    timezone: Mapped[str]
    # By how many minutes its posts go out later than the posting time, at most.
    jitter_minutes: Mapped[int] = mapped_column(SmallInteger, default=0, server_default="0")
    # Follows the caption of its posts.
    signature: Mapped[str] = mapped_column(default="", server_default="")
    # Who approves its posts: `none`, or `any` or `all` of its reviewers.
    review_rule: Mapped[str] = mapped_column(default="none", server_default="none")
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    updated_at: Mapped[datetime] = mapped_column(default=clock.now)


class PostingTimeRow(Base):
    """A weekly time at which posts of a client go out, or those of one account that has times of its own."""

    __tablename__ = "posting_times"
    __table_args__ = (
        UniqueConstraint("client_id", "weekday", "at"),
        UniqueConstraint("connection_id", "weekday", "at"),
        CheckConstraint("num_nonnulls(client_id, connection_id) = 1", name="one_owner"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    client_id: Mapped[UUID | None] = mapped_column(ForeignKey("clients.id", ondelete="CASCADE"))
    connection_id: Mapped[UUID | None] = mapped_column(ForeignKey("connections.id", ondelete="CASCADE"))
    # 0 is Monday.
    weekday: Mapped[int] = mapped_column(SmallInteger)
    # By the clock on the wall in the client's time zone.
    at: Mapped[time]


class PausedDays(Base):
    """Days on which a client has no posting times, the last one included."""

    __tablename__ = "paused_days"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    client_id: Mapped[UUID] = mapped_column(ForeignKey("clients.id", ondelete="CASCADE"), index=True)
    first_day: Mapped[date]
    last_day: Mapped[date]


class ClientReviewer(Base):
    """A member, or the people of a review link, who are asked to approve the posts of a client."""

    __tablename__ = "client_reviewers"
    __table_args__ = (
        Index("uq_client_reviewers_client_id_user_id", "client_id", "user_id", unique=True),
        Index("uq_client_reviewers_client_id_link_id", "client_id", "link_id", unique=True),
        CheckConstraint("num_nonnulls(user_id, link_id) = 1", name="one_reviewer"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    client_id: Mapped[UUID] = mapped_column(ForeignKey("clients.id", ondelete="CASCADE"))
    user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    link_id: Mapped[UUID | None] = mapped_column(ForeignKey("review_links.id", ondelete="CASCADE"), index=True)


class HashtagSet(Base):
    """Hashtags of a client under a name."""

    __tablename__ = "hashtag_sets"
    __table_args__ = (UniqueConstraint("client_id", "name_key"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    client_id: Mapped[UUID] = mapped_column(ForeignKey("clients.id", ondelete="CASCADE"))
    name: Mapped[str]
    name_key: Mapped[str]
    # Without #.
    tags: Mapped[list[str]] = mapped_column(ARRAY(String))
