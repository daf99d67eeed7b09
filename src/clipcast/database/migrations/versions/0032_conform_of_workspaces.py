"""Workspaces choose whether clips are converted where a post does not say."""

import sqlalchemy as sa
from alembic import op

from clipcast.database.migrations.locking import lock

revision = "0032"
down_revision = "0031"


def upgrade() -> None:
    lock(changed="workspaces")
    op.add_column("workspaces", sa.Column("conform", sa.String(), nullable=False, server_default="auto"))


def downgrade() -> None:
    op.drop_column("workspaces", "conform")
