"""Tables: the CSV files of the import page, until their posts are created, and their lines."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, LargeBinary
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.database import Base


class PlanState(StrEnum):
    """What became of a file. A check that stopped stays `checking`, with an old `updated_at`."""

    NEW = "new"
    CHECKING = "checking"
    CHECKED = "checked"
    CREATING = "creating"
    CREATED = "created"


class StoredPlan(Base):
    """A CSV file that a person chose, with what its last check found (posts/plans/stored.py)."""

    __tablename__ = "stored_plans"
    __table_args__ = (Index("ix_stored_plans_workspace_id_id", "workspace_id", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"))
    saved_by: Mapped[str]
    # Of the limited member or key that chose it: names are free to choose. Null if somebody else did.
    saved_by_id: Mapped[UUID | None]
    file_name: Mapped[str]
    # Empty once the posts are created.
    content: Mapped[bytes] = mapped_column(LargeBinary)
    # An IANA name: the zone of times without one.
    timezone: Mapped[str]
    allow_duplicate: Mapped[bool] = mapped_column(default=False, server_default="false")
    # The number of changes of the columns above since `saved_by`.
    version: Mapped[int] = mapped_column(default=1, server_default="1")
    state: Mapped[str] = mapped_column(default=PlanState.NEW, server_default=PlanState.NEW)
    row_count: Mapped[int] = mapped_column(default=0, server_default="0")
    # The rows that the present check, or the creation, has done.
    done_count: Mapped[int] = mapped_column(default=0, server_default="0")
    # What the last check found (`stored.summary_of`); null without one.
    found: Mapped[dict[str, Any] | None]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    updated_at: Mapped[datetime] = mapped_column(default=clock.now)
    expires_at: Mapped[datetime] = mapped_column(index=True)


class PlanLine(Base):
    """A line of a stored plan, as its last check read it (posts/plans/lines.py)."""

    __tablename__ = "stored_plan_lines"

    plan_id: Mapped[UUID] = mapped_column(ForeignKey("stored_plans.id", ondelete="CASCADE"), primary_key=True)
    line: Mapped[int] = mapped_column(primary_key=True)
    # The filled cells by column; null for a line that is no row.
    cells: Mapped[dict[str, Any] | None]
    # Problems as JSON, in order; null without one. So are the hints.
    problems: Mapped[list[dict[str, Any]] | None] = mapped_column(JSONB(none_as_null=True))
    hints: Mapped[list[dict[str, Any]] | None] = mapped_column(JSONB(none_as_null=True))
