"""Clients, which group the accounts of a workspace."""

import sqlalchemy as sa
from alembic import op

from clipcast.database.migrations.locking import lock

revision = "0034"
down_revision = "0033"

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    lock(referenced="workspaces", changed="connections")
    op.create_table(
        "clients",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("workspace_id", sa.Uuid(), sa.ForeignKey("workspaces.id", ondelete="CASCADE"), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("name_key", sa.String(), nullable=False),
        sa.Column("color", sa.SmallInteger(), nullable=False),
        sa.Column("logo_key", sa.String()),
        sa.Column("timezone", sa.String(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.UniqueConstraint("workspace_id", "name_key"),
    )
    op.add_column("connections", sa.Column("client_id", sa.Uuid(), sa.ForeignKey("clients.id", ondelete="SET NULL")))
    op.create_index("ix_connections_client_id", "connections", ["client_id"])


def downgrade() -> None:
    op.drop_column("connections", "client_id")
    op.drop_table("clients")
