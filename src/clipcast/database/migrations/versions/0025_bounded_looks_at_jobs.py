"""Looks at jobs cost the same however many there are. Ended pauses and lost orders to drain are kept."""

import sqlalchemy as sa
from alembic import op

from clipcast.database.migrations.locking import lock

revision = "0025"
down_revision = "0024"

SET_ASIDE = "state IN ('held', 'paused', 'dead')"
SET_ASIDE_WITH_STRANDED = "state IN ('held', 'paused', 'stranded', 'dead')"
BEGUN = "state IN ('ready', 'stranded') AND program IS NOT NULL"


def upgrade() -> None:
    lock(changed="jobs")
    op.drop_index("ix_jobs_program", "jobs")
    op.drop_index("ix_jobs_set_aside", "jobs")
    _create_index("ix_jobs_program", ["state", "program"], BEGUN)
    _create_index("ix_jobs_set_aside", ["workspace_id", "state", "queue"], SET_ASIDE_WITH_STRANDED)
    _create_index("ix_jobs_waiting", ["workspace_id", "state", "queue"], "state IN ('waiting', 'blocked')")
    program = sa.text("coalesce(program, '')")
    _create_index("ix_jobs_ready_by_program", ["queue", "ring", program, "priority", "due_at"], "state = 'ready'")
    op.create_table(
        "ended_pauses",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("queue", sa.String(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "drained_workers",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("drained_workers")
    op.drop_table("ended_pauses")
    for name in ("ix_jobs_ready_by_program", "ix_jobs_waiting", "ix_jobs_set_aside", "ix_jobs_program"):
        op.drop_index(name, "jobs")
    _create_index("ix_jobs_set_aside", ["workspace_id", "state"], SET_ASIDE)
    _create_index("ix_jobs_program", ["program"], BEGUN)


def _create_index(name: str, columns: list[str | sa.TextClause], where: str) -> None:
    op.create_index(name, "jobs", columns, postgresql_where=sa.text(where))
