"""Posts that were published before their time say when, so that lists show them then."""

import sqlalchemy as sa
from alembic import op

from clipcast.database.migrations.locking import lock

revision = "0052"
down_revision = "0051"

INDEX = "ix_posts_workspace_id_starts_at"


def upgrade() -> None:
    lock(changed="posts")
    op.add_column("posts", sa.Column("started_at", sa.DateTime(timezone=True)))
    _index_by("coalesce(scheduled_at, started_at, created_at)")


def downgrade() -> None:
    lock(changed="posts")
    _index_by("coalesce(scheduled_at, created_at)")
    op.drop_column("posts", "started_at")


def _index_by(starts_at: str) -> None:
    op.drop_index(INDEX, table_name="posts")
    op.execute(f"CREATE INDEX {INDEX} ON posts (workspace_id, ({starts_at}), id)")
