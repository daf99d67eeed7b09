"""The import page keeps a CSV file until its posts are created."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from clipcast.database.migrations.locking import lock

revision = "0053"
down_revision = "0052"


def upgrade() -> None:
    lock(referenced="workspaces")
    op.create_table(
        "stored_plans",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("workspace_id", sa.Uuid(), sa.ForeignKey("workspaces.id", ondelete="CASCADE"), nullable=False),
        sa.Column("saved_by", sa.String(), nullable=False),
        sa.Column("file_name", sa.String(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("timezone", sa.String(), nullable=False),
        sa.Column("allow_duplicate", sa.Boolean(), nullable=False, server_default="false"),
        sa.Column("version", sa.Integer(), nullable=False, server_default="1"),
        sa.Column("state", sa.String(), nullable=False, server_default="new"),
        sa.Column("row_count", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("done_count", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("found", JSONB()),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_stored_plans_workspace_id_id", "stored_plans", ["workspace_id", "id"])
    op.create_index("ix_stored_plans_expires_at", "stored_plans", ["expires_at"])


def downgrade() -> None:
    op.drop_table("stored_plans")
