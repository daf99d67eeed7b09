"""Stored objects that are to be deleted, and whose turn it is to send a clip's bytes."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.create_table(
        "unwanted_objects",
        sa.Column("key", sa.String(), primary_key=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.add_column("clips", sa.Column("receiving", sa.Uuid(), nullable=True))


def downgrade() -> None:
    op.drop_column("clips", "receiving")
    op.drop_table("unwanted_objects")
