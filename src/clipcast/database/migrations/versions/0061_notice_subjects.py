"""Notices in the app know their items, so that an item that fails in turns with others counts once."""

import sqlalchemy as sa
from alembic import op

from clipcast.database.migrations.locking import lock

revision = "0061"
down_revision = "0060"


def upgrade() -> None:
    lock(changed="inbox_notices")
    empty = sa.text("'{}'")
    op.add_column("inbox_notices", sa.Column("subjects", sa.ARRAY(sa.Uuid()), nullable=False, server_default=empty))


def downgrade() -> None:
    op.drop_column("inbox_notices", "subjects")
