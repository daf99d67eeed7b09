"""Table: sets of accounts that a workspace's members choose together."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, UniqueConstraint, Uuid
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.database import Base


class AccountSet(Base):
    """Accounts under a name. An account that is removed from the workspace stays in it, and comes back with it."""

    __tablename__ = "account_sets"
    __table_args__ = (UniqueConstraint("workspace_id", "name"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"))
    name: Mapped[str]
    connection_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid))
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
