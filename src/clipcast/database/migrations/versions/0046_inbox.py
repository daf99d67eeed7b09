"""Notices in the app."""

import sqlalchemy as sa
from alembic import op

from clipcast.database.migrations.locking import lock

revision = "0046"
down_revision = "0045"

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    lock(referenced="notice_channels, events")
    op.create_table(
        "inbox_notices",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("channel_id", sa.Uuid(), sa.ForeignKey("notice_channels.id", ondelete="CASCADE"), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("about_id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), sa.ForeignKey("events.id", ondelete="CASCADE"), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("changed_at", TIME, nullable=False),
        sa.Column("read_at", TIME),
        sa.UniqueConstraint("channel_id", "type", "about_id"),
    )
    op.create_index("ix_inbox_notices_event_id", "inbox_notices", ["event_id"])
    newest = ["channel_id", "changed_at", "id"]
    op.create_index("ix_inbox_notices_channel_id_changed_at", "inbox_notices", newest)
    op.create_index("ix_inbox_notices_unread", "inbox_notices", newest, postgresql_where=sa.text("read_at IS NULL"))


def downgrade() -> None:
    op.drop_table("inbox_notices")
