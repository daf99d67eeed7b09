"""Items of an account that must be connected again wait for that, until an instant of their own."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("items", sa.Column("reconnect_by", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_items_waiting_for_reconnect",
        "items",
        ["connection_id"],
        postgresql_where=sa.text("reconnect_by IS NOT NULL"),
    )
