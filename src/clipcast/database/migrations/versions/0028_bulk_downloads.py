"""Renders that callers download as one archive."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

from clipcast.database.migrations.locking import lock

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    lock(referenced="workspaces")
    op.create_table(
        "bulk_downloads",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("workspace_id", sa.Uuid(), sa.ForeignKey("workspaces.id", ondelete="CASCADE"), nullable=False),
        sa.Column("render_ids", ARRAY(sa.Uuid()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_bulk_downloads_workspace_id", "bulk_downloads", ["workspace_id"])
    op.create_index("ix_bulk_downloads_expires_at", "bulk_downloads", ["expires_at"])


def downgrade() -> None:
    op.drop_table("bulk_downloads")
