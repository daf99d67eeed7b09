"""Links with which the people of a client connect its accounts."""

import sqlalchemy as sa
from alembic import op

from clipcast.database.migrations.locking import lock

revision = "0049"
down_revision = "0048"


def upgrade() -> None:
    lock(referenced="workspaces, clients")
    op.create_table(
        "client_links",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("workspace_id", sa.Uuid(), sa.ForeignKey("workspaces.id", ondelete="CASCADE"), nullable=False),
        sa.Column("client_id", sa.Uuid(), sa.ForeignKey("clients.id", ondelete="CASCADE"), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("maker_id", sa.Uuid(), nullable=False),
        sa.Column("maker_name", sa.String(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True)),
        sa.UniqueConstraint("digest"),
    )
    op.create_index("ix_client_links_workspace_id", "client_links", ["workspace_id"])
    op.create_index("ix_client_links_client_id", "client_links", ["client_id"])


def downgrade() -> None:
    op.drop_table("client_links")
