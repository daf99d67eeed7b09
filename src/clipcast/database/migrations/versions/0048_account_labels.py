"""Accounts have labels."""

import sqlalchemy as sa
from alembic import op

from clipcast.database.migrations.locking import lock

revision = "0048"
down_revision = "0047"


def upgrade() -> None:
    lock(changed="connections")
    strings = sa.ARRAY(sa.String())
    op.add_column("connections", sa.Column("labels", strings, nullable=False, server_default=sa.text("'{}'")))


def downgrade() -> None:
    op.drop_column("connections", "labels")
