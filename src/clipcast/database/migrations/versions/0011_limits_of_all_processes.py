"""Limits of rate are counted for all processes together; responses of repeated requests are kept encrypted."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.create_table(
        "rate_windows",
        sa.Column("name", sa.LargeBinary(), nullable=False),
        sa.Column("minute", sa.Integer(), nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.Column("previous", sa.Integer(), nullable=False),
        sa.Column("granted", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_rate_windows")),
        prefixes=["UNLOGGED"],
    )
    op.create_index(op.f("ix_rate_windows_minute"), "rate_windows", ["minute"])
    op.create_table(
        "attempt_logs",
        sa.Column("name", sa.LargeBinary(), nullable=False),
        sa.Column("times", ARRAY(sa.DateTime(timezone=True)), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_attempt_logs")),
        prefixes=["UNLOGGED"],
    )
    op.create_index(op.f("ix_attempt_logs_expires_at"), "attempt_logs", ["expires_at"])
    op.add_column("idempotent_answers", sa.Column("sealed", sa.LargeBinary()))


def downgrade() -> None:
    op.drop_column("idempotent_answers", "sealed")
    op.drop_table("attempt_logs")
    op.drop_table("rate_windows")
