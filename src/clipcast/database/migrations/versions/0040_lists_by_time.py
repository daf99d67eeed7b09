"""Indexes for the lists of the app: items by status, alone and by connection."""

import sqlalchemy as sa
from alembic import op

from clipcast.database.migrations.locking import lock

revision = "0040"
down_revision = "0039"

BY_CONNECTION = "ix_items_connection_id_fingerprint"
COLUMNS = ["connection_id", "fingerprint", "goes_at"]


def upgrade() -> None:
    lock(changed="items")
    op.create_index(
        "ix_items_unpublished", "items", ["workspace_id", "status", "post_id"],
        postgresql_where=sa.text("status <> 'published'"),
    )  # fmt: skip
    op.drop_index(BY_CONNECTION, table_name="items")
    op.create_index(BY_CONNECTION, "items", COLUMNS, postgresql_include=["post_id", "status"])


def downgrade() -> None:
    op.drop_index(BY_CONNECTION, table_name="items")
    op.create_index(BY_CONNECTION, "items", COLUMNS)
    op.drop_index("ix_items_unpublished", table_name="items")
