"""The import page keeps the lines of a checked file, so that a page of them needs neither the file nor all findings."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from clipcast.database.migrations.locking import lock

revision = "0059"
down_revision = "0058"


def upgrade() -> None:
    lock(changed="stored_plans")
    op.create_table(
        "stored_plan_lines",
        sa.Column("plan_id", sa.Uuid(), sa.ForeignKey("stored_plans.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("line", sa.Integer(), primary_key=True),
        sa.Column("cells", JSONB()),
        sa.Column("problems", JSONB()),
        sa.Column("hints", JSONB()),
    )
    _check_again()


def downgrade() -> None:
    op.drop_table("stored_plan_lines")
    _check_again()


def _check_again() -> None:
    """Forget what checks found: it has another form. The page checks the file when somebody opens it."""
    op.execute("UPDATE stored_plans SET state = 'new', found = NULL WHERE state <> 'created'")
