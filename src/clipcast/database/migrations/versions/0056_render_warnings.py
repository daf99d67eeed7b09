"""Warnings of a render: what the order leaves out stays readable."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from clipcast.database.migrations.locking import lock

revision = "0056"
down_revision = "0055"


def upgrade() -> None:
    lock(changed="renders")
    op.add_column("renders", sa.Column("warnings", JSONB(), nullable=False, server_default=sa.text("'[]'")))


def downgrade() -> None:
    op.drop_column("renders", "warnings")
