"""Renders keep the captions that posts send beside the video: their asset may be deleted."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    op.add_column("renders", sa.Column("captions", sa.String()))


def downgrade() -> None:
    op.drop_column("renders", "captions")
