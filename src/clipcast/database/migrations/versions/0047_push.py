"""Push messages: the browsers that show them, and the installation's key."""

import sqlalchemy as sa
from alembic import op

from clipcast.database.migrations.locking import lock

revision = "0047"
down_revision = "0046"

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    lock(referenced="users, sign_in_sessions")
    op.create_table(
        "push_devices",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("user_id", sa.Uuid(), sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
        sa.Column("session_id", sa.Uuid(), sa.ForeignKey("sign_in_sessions.id", ondelete="CASCADE"), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("subscription", sa.LargeBinary(), nullable=False),
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("agent", sa.String(), nullable=False),
        sa.Column("message_id", sa.Uuid()),
        sa.Column("sent_at", TIME),
        sa.Column("error", sa.String()),
        sa.Column("created_at", TIME, nullable=False),
        sa.UniqueConstraint("digest"),
    )
    op.create_index("ix_push_devices_user_id", "push_devices", ["user_id"])
    op.create_index("ix_push_devices_session_id", "push_devices", ["session_id"])
    op.create_table(
        "push_keys",
        sa.Column("id", sa.Integer(), autoincrement=False, primary_key=True),
        sa.Column("private", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.CheckConstraint("id = 1", name="one_row"),
    )


def downgrade() -> None:
    op.execute("DELETE FROM notice_channels WHERE channel = 'push'")
    op.drop_table("push_keys")
    op.drop_table("push_devices")
