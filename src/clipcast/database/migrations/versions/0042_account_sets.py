"""Members save sets of accounts, and find the accounts of the post that they sent last."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

from clipcast.database.migrations.locking import lock

revision = "0042"
down_revision = "0041"


def upgrade() -> None:
    lock(referenced="workspaces, drafts")
    op.create_table(
        "account_sets",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("workspace_id", sa.Uuid(), sa.ForeignKey("workspaces.id", ondelete="CASCADE"), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("connection_ids", ARRAY(sa.Uuid()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint("workspace_id", "name"),
    )
    op.create_index(
        "ix_drafts_sent",
        "drafts",
        ["workspace_id", "saved_by", "id"],
        postgresql_where=sa.text("post_id IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_drafts_sent", table_name="drafts")
    op.drop_table("account_sets")
