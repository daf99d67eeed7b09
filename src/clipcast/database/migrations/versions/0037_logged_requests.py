"""Requests of API keys are logged, so that developers can look up what a program sent and what it got."""

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"


def upgrade() -> None:
    op.create_table(
        "logged_requests",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("key_id", sa.Uuid(), nullable=False),
        sa.Column("key_name", sa.String(), nullable=False),
        sa.Column("method", sa.String(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("is_replay", sa.Boolean(), nullable=False),
        sa.Column("milliseconds", sa.Integer(), nullable=False),
        sa.Column("request_body", sa.String()),
        sa.Column("response_body", sa.String()),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_logged_requests_created_at", "logged_requests", ["created_at"])
    op.create_index("ix_logged_requests_workspace_id", "logged_requests", ["workspace_id", "id"])
    op.create_index(
        "ix_logged_requests_refused",
        "logged_requests",
        ["workspace_id", "id"],
        postgresql_where=sa.text("status >= 400"),
    )


def downgrade() -> None:
    op.drop_table("logged_requests")
