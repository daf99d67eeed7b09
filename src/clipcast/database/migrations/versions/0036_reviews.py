"""Posts are sent for review, to members and by links to people without a sign-in."""

import sqlalchemy as sa
from alembic import op

from clipcast.database.migrations.locking import lock

revision = "0036"
down_revision = "0035"

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    lock(changed="posts, jobs", referenced="workspaces, users")
    _replace_set_aside("state IN ('held', 'review', 'paused', 'stranded', 'dead')")
    op.add_column("posts", sa.Column("review", sa.String()))
    _index("posts", "ix_posts_review", ["workspace_id", "review", "id"], "review IS NOT NULL")
    _index("posts", "ix_posts_unapproved", ["scheduled_at"], "review IN ('waiting', 'changes_requested')")
    op.create_table(
        "reviews",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("post_id", sa.Uuid(), sa.ForeignKey("posts.id", ondelete="CASCADE"), unique=True),
        sa.Column("workspace_id", sa.Uuid(), sa.ForeignKey("workspaces.id", ondelete="CASCADE"), nullable=False),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("message", sa.String(), nullable=False, server_default=""),
        sa.Column("revision", sa.Integer(), nullable=False, server_default="1"),
        sa.Column("requested_by", sa.String(), nullable=False),
        sa.Column("requested_at", TIME, nullable=False),
        sa.Column("warned_at", TIME),
        sa.Column("expired_at", TIME),
    )
    _index("reviews", "ix_reviews_workspace_id", ["workspace_id"])
    op.create_table(
        "review_links",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("workspace_id", sa.Uuid(), sa.ForeignKey("workspaces.id", ondelete="CASCADE"), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False, unique=True),
        sa.Column("zone", sa.String(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.Column("revoked_at", TIME),
        sa.Column("opened_at", TIME),
    )
    _index("review_links", "ix_review_links_workspace_id", ["workspace_id"])
    op.create_table(
        "reviewers",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("review_id", sa.Uuid(), sa.ForeignKey("reviews.id", ondelete="CASCADE"), nullable=False),
        sa.Column("user_id", sa.Uuid(), sa.ForeignKey("users.id", ondelete="CASCADE")),
        sa.Column("link_id", sa.Uuid(), sa.ForeignKey("review_links.id", ondelete="CASCADE")),
        sa.Column("decision", sa.String()),
        sa.Column("decided_at", TIME),
        sa.Column("decided_by", sa.String()),
        sa.Column("seen_at", TIME),
    )
    _index("reviewers", "uq_reviewers_review_id_user_id", ["review_id", "user_id"], unique=True)
    _index("reviewers", "uq_reviewers_review_id_link_id", ["review_id", "link_id"], unique=True)
    _index("reviewers", "ix_reviewers_link_id", ["link_id"], "link_id IS NOT NULL")
    _index("reviewers", "ix_reviewers_user_id", ["user_id"], "user_id IS NOT NULL")
    op.create_table(
        "review_comments",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("review_id", sa.Uuid(), sa.ForeignKey("reviews.id", ondelete="CASCADE"), nullable=False),
        sa.Column("author_kind", sa.String(), nullable=False),
        sa.Column("author_id", sa.Uuid(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("at_second", sa.Float()),
        sa.Column("is_public", sa.Boolean(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
    )
    _index("review_comments", "ix_review_comments_review_id_id", ["review_id", "id"])


def _index(table: str, name: str, columns: list[str], where: str | None = None, unique: bool = False) -> None:
    op.create_index(name, table, columns, unique=unique, postgresql_where=sa.text(where) if where else None)


def _replace_set_aside(where: str) -> None:
    op.drop_index("ix_jobs_set_aside", table_name="jobs")
    _index("jobs", "ix_jobs_set_aside", ["workspace_id", "state", "queue"], where)


def downgrade() -> None:
    # What nobody has approved must not be published by the release before, which does not know reviews.
    op.execute("UPDATE jobs SET state = 'dead' WHERE state = 'review'")
    for table in ("review_comments", "reviewers", "review_links", "reviews"):
        op.drop_table(table)
    _replace_set_aside("state IN ('held', 'paused', 'stranded', 'dead')")
    op.drop_index("ix_posts_unapproved", table_name="posts")
    op.drop_index("ix_posts_review", table_name="posts")
    op.drop_column("posts", "review")
