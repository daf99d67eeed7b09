"""Renders keep the captions that posts send beside the video: their asset may be deleted."""

import sqlalchemy as sa
from alembic import op

from clipcast.database.migrations.locking import lock

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    lock(changed="renders")
    op.add_column("renders", sa.Column("captions", sa.String()))


def downgrade() -> None:
    op.drop_column("renders", "captions")
