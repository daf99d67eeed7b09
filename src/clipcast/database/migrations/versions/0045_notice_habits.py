"""Quiet hours and digests: notices that are not urgent wait for their time."""

import sqlalchemy as sa
from alembic import op

from clipcast.database.migrations.locking import lock

revision = "0045"
down_revision = "0044"


def upgrade() -> None:
    lock(referenced="users", changed="notice_entries")
    op.add_column("notice_entries", sa.Column("urgent", sa.Boolean(), nullable=False, server_default=sa.text("true")))
    due = sa.Column("due_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()"))
    op.add_column("notice_entries", due)
    op.create_table(
        "notice_habits",
        sa.Column("user_id", sa.Uuid(), sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("zone", sa.String(), nullable=False),
        sa.Column("quiet_from", sa.Time()),
        sa.Column("quiet_until", sa.Time()),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("digest_at", sa.Time(), nullable=False),
        sa.Column("digest_day", sa.Integer(), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("notice_habits")
    op.drop_column("notice_entries", "due_at")
    op.drop_column("notice_entries", "urgent")
