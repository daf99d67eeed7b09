"""Notices: what members are told by e-mail and chat."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from clipcast.database.migrations.locking import lock

revision = "0030"
down_revision = "0029"

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    lock(referenced="memberships, events")
    op.create_table(
        "notice_channels",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("events", postgresql.ARRAY(sa.String())),
        sa.Column("address", sa.LargeBinary()),
        sa.Column("service", sa.String()),
        sa.Column("attempted_at", TIME),
        sa.Column("sent_at", TIME),
        sa.Column("failing_since", TIME),
        sa.Column("error", sa.String()),
        sa.Column("created_at", TIME, nullable=False),
        sa.UniqueConstraint("user_id", "workspace_id", "channel"),
        sa.ForeignKeyConstraint(
            ["user_id", "workspace_id"], ["memberships.user_id", "memberships.workspace_id"], ondelete="CASCADE"
        ),
    )
    op.create_index("ix_notice_channels_workspace_id", "notice_channels", ["workspace_id"])
    op.create_index(
        "ix_notice_channels_failing",
        "notice_channels",
        ["failing_since"],
        postgresql_where=sa.text("failing_since IS NOT NULL"),
    )
    op.create_table(
        "notice_entries",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("channel_id", sa.Uuid(), sa.ForeignKey("notice_channels.id", ondelete="CASCADE"), nullable=False),
        sa.Column("event_id", sa.Uuid(), sa.ForeignKey("events.id", ondelete="CASCADE")),
        sa.Column("message_id", sa.Uuid()),
        sa.Column("created_at", TIME, nullable=False),
        sa.UniqueConstraint("channel_id", "event_id"),
    )
    op.create_index("ix_notice_entries_event_id", "notice_entries", ["event_id"])
    op.create_index(
        "ix_notice_entries_message_id",
        "notice_entries",
        ["message_id"],
        postgresql_where=sa.text("message_id IS NOT NULL"),
    )
    op.execute("""
        CREATE TRIGGER delete_jobs AFTER DELETE ON notice_channels
        FOR EACH ROW EXECUTE FUNCTION delete_jobs_of_item()
    """)


def downgrade() -> None:
    op.execute("DELETE FROM jobs WHERE kind = 'notify'")
    op.drop_table("notice_entries")
    op.drop_table("notice_channels")
