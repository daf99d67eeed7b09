"""Renders name the conversions that were ordered with them, before a post needs them."""

import sqlalchemy as sa
from alembic import op

from clipcast.database.migrations.locking import lock

revision = "0031"
down_revision = "0030"


def upgrade() -> None:
    lock(referenced="renders, renditions")
    op.create_table(
        "renditions_ahead",
        sa.Column("render_id", sa.Uuid(), sa.ForeignKey("renders.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("platform", sa.String(), primary_key=True),
        sa.Column("rendition_id", sa.Uuid(), sa.ForeignKey("renditions.id", ondelete="CASCADE"), nullable=False),
    )
    op.create_index("ix_renditions_ahead_rendition_id", "renditions_ahead", ["rendition_id"])


def downgrade() -> None:
    op.drop_table("renditions_ahead")
