"""People who sign in, what they did, what they are composing, and connections that were removed."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0008"
down_revision = "0007"


def _instant(name: str, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _workspace() -> sa.Column[object]:
    return sa.Column("workspace_id", sa.Uuid(), sa.ForeignKey("workspaces.id", ondelete="CASCADE"), nullable=False)


def upgrade() -> None:
    op.create_table(
        "users",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("email", sa.String(), nullable=False, unique=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("password_hash", sa.String(), nullable=False),
        sa.Column("zone", sa.String()),
        _instant("created_at"),
    )
    op.create_table(
        "sign_in_sessions",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("digest", sa.LargeBinary(), nullable=False, unique=True),
        sa.Column("user_id", sa.Uuid(), sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("agent", sa.String(), nullable=False),
        _instant("created_at"),
        _instant("seen_at"),
        _instant("expires_at"),
    )
    op.create_table(
        "memberships",
        sa.Column("user_id", sa.Uuid(), sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("workspace_id", sa.Uuid(), sa.ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("role", sa.String(), nullable=False),
        _instant("created_at"),
    )
    op.create_index("ix_memberships_workspace_id", "memberships", ["workspace_id"])
    op.create_table(
        "invitations",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("digest", sa.LargeBinary(), nullable=False, unique=True),
        _workspace(),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        _instant("expires_at"),
        _instant("created_at"),
    )
    op.create_index("ix_invitations_workspace_id", "invitations", ["workspace_id"])
    op.create_table(
        "audit_entries",
        sa.Column("id", sa.Uuid(), primary_key=True),
        _workspace(),
        sa.Column("actor_kind", sa.String(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=False),
        sa.Column("actor_name", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("subject_id", sa.Uuid()),
        sa.Column("details", JSONB(none_as_null=True), nullable=False),
        _instant("created_at"),
    )
    op.create_index("ix_audit_entries_workspace_id_id", "audit_entries", ["workspace_id", "id"])
    op.create_table(
        "drafts",
        sa.Column("id", sa.Uuid(), primary_key=True),
        _workspace(),
        sa.Column("content", JSONB(none_as_null=True), nullable=False),
        sa.Column("post_id", sa.Uuid()),
        _instant("created_at"),
        _instant("updated_at"),
    )
    op.create_index(
        "ix_drafts_workspace_id_id", "drafts", ["workspace_id", "id"], postgresql_where=sa.text("post_id IS NULL")
    )
    op.create_table("used_connect_links", sa.Column("id", sa.Uuid(), primary_key=True), _instant("expires_at"))
    op.add_column("connections", _instant("removed_at", nullable=True))
    # The calendar asks by time.
    op.create_index("ix_posts_workspace_id_scheduled_at", "posts", ["workspace_id", "scheduled_at"])
    op.create_index("ix_items_failed", "items", ["workspace_id", "id"], postgresql_where=sa.text("status = 'failed'"))
    op.create_table(
        "workers",
        sa.Column("name", sa.String(), primary_key=True),
        sa.Column("slots", sa.Integer(), nullable=False),
        _instant("started_at"),
        _instant("seen_at"),
    )
    op.create_index(
        "ix_items_workspace_id_published_at",
        "items",
        ["workspace_id", "published_at"],
        postgresql_where=sa.text("published_at IS NOT NULL"),
    )
