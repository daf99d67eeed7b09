"""Tables: clients, which group the accounts of a workspace."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, SmallInteger, UniqueConstraint
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
    # The name without regard to case (clients/names.py).
    name_key: Mapped[str]
    # 1 to 12: one of the colours of frontend/styles/tokens.css.
    color: Mapped[int] = mapped_column(SmallInteger)
    # The stored picture.
    logo_key: Mapped[str | None]
    # An IANA name.
    timezone: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    updated_at: Mapped[datetime] = mapped_column(default=clock.now)
