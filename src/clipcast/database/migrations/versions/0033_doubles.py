"""Items have a fingerprint of clip and words and the time when they go out, so that an index finds doubles."""

import sqlalchemy as sa
from alembic import op

from clipcast.database.migrations.locking import lock

revision = "0033"
down_revision = "0032"


def upgrade() -> None:
    lock(changed="items, workspaces")
    op.add_column("workspaces", sa.Column("duplicates", sa.String(), nullable=False, server_default="warn"))
    op.add_column("items", sa.Column("fingerprint", sa.BigInteger()))
    op.add_column("items", sa.Column("goes_at", sa.DateTime(timezone=True)))
    op.create_index("ix_items_connection_id_fingerprint", "items", ["connection_id", "fingerprint", "goes_at"])
    op.drop_index("ix_items_connection_id", table_name="items")


def downgrade() -> None:
    op.create_index("ix_items_connection_id", "items", ["connection_id"])
    op.drop_index("ix_items_connection_id_fingerprint", table_name="items")
    op.drop_column("items", "goes_at")
    op.drop_column("items", "fingerprint")
    op.drop_column("workspaces", "duplicates")
