"""Posts have an index of their time, and drafts one of their planned time, for the calendar."""

from alembic import op

from clipcast.database.migrations.locking import lock

revision = "0039"
down_revision = "0038"

STARTS_AT = "(coalesce(scheduled_at, created_at))"


def upgrade() -> None:
    lock(changed="posts, drafts")
    op.execute(f"CREATE INDEX ix_posts_workspace_id_starts_at ON posts (workspace_id, {STARTS_AT}, id)")
    op.execute(
        "CREATE INDEX ix_drafts_workspace_id_scheduled_at ON drafts (workspace_id, (content ->> 'scheduled_at')) "
        "WHERE post_id IS NULL"
    )


def downgrade() -> None:
    op.drop_index("ix_drafts_workspace_id_scheduled_at", table_name="drafts")
    op.drop_index("ix_posts_workspace_id_starts_at", table_name="posts")
