"""Operators pause queues, platforms and workspaces, and drain workers."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    op.create_table(
        "pauses",
        sa.Column("kind", sa.String(), primary_key=True),
        sa.Column("name", sa.String(), primary_key=True),
        sa.Column("paused_by", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.add_column("workers", sa.Column("drain", sa.Boolean(), nullable=False, server_default=sa.text("false")))


def downgrade() -> None:
    op.drop_column("workers", "drain")
    op.drop_table("pauses")
    op.execute("UPDATE jobs SET state = 'ready', error = NULL WHERE state = 'paused'")
