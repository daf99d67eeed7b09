"""Posting times of clients and accounts, paused days, hashtag sets, and the posting times that items take."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from clipcast.database.migrations.locking import lock

revision = "0035"
down_revision = "0034"


def upgrade() -> None:
    lock(referenced="connections", changed="clients, items")
    op.add_column("clients", sa.Column("jitter_minutes", sa.SmallInteger(), nullable=False, server_default="0"))
    op.add_column("clients", sa.Column("signature", sa.String(), nullable=False, server_default=""))
    op.create_table(
        "posting_times",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("client_id", sa.Uuid(), sa.ForeignKey("clients.id", ondelete="CASCADE")),
        sa.Column("connection_id", sa.Uuid(), sa.ForeignKey("connections.id", ondelete="CASCADE")),
        sa.Column("weekday", sa.SmallInteger(), nullable=False),
        sa.Column("at", sa.Time(), nullable=False),
        sa.UniqueConstraint("client_id", "weekday", "at"),
        sa.UniqueConstraint("connection_id", "weekday", "at"),
        sa.CheckConstraint("num_nonnulls(client_id, connection_id) = 1", name="one_owner"),
    )
    op.create_table(
        "paused_days",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("client_id", sa.Uuid(), sa.ForeignKey("clients.id", ondelete="CASCADE"), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
    )
    op.create_index("ix_paused_days_client_id", "paused_days", ["client_id"])
    op.create_table(
        "hashtag_sets",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("client_id", sa.Uuid(), sa.ForeignKey("clients.id", ondelete="CASCADE"), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("name_key", sa.String(), nullable=False),
        sa.Column("tags", postgresql.ARRAY(sa.String()), nullable=False),
        sa.UniqueConstraint("client_id", "name_key"),
    )
    op.add_column("items", sa.Column("slot_at", sa.DateTime(timezone=True)))
    op.create_index(
        "ix_items_connection_id_slot_at",
        "items",
        ["connection_id", "slot_at"],
        unique=True,
        postgresql_where=sa.text("slot_at IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_items_connection_id_slot_at", table_name="items")
    op.drop_column("items", "slot_at")
    op.drop_table("hashtag_sets")
    op.drop_table("paused_days")
    op.drop_table("posting_times")
    op.drop_column("clients", "signature")
    op.drop_column("clients", "jitter_minutes")
