"""Indexes of the unfinished and of the published items of each account."""

import sqlalchemy as sa
from alembic import op

from clipcast.database.migrations.locking import lock

revision = "0041"
down_revision = "0040"


def upgrade() -> None:
    lock(changed="items")
    unfinished = sa.text("status IN ('pending', 'processing')")
    op.create_index("ix_items_unfinished", "items", ["connection_id", "goes_at"], postgresql_where=unfinished)
    op.create_index(
        "ix_items_connection_id_published_at",
        "items",
        ["connection_id", "published_at"],
        postgresql_where=sa.text("published_at IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_items_connection_id_published_at", table_name="items")
    op.drop_index("ix_items_unfinished", table_name="items")
