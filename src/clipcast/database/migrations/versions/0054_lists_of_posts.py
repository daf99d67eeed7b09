"""Posts have an author, an origin and labels; people save views of the list of posts."""

import sqlalchemy as sa
from alembic import op

from clipcast.database.migrations.locking import lock

revision = "0054"
down_revision = "0053"

OWNER = "coalesce(user_id, '00000000-0000-0000-0000-000000000000'::uuid)"
COLUMNS = {"author_kind": sa.String, "author_id": sa.Uuid, "author_name": sa.String, "origin": sa.String}


def upgrade() -> None:
    lock(referenced="workspaces, users", changed="posts")
    for name, kind in COLUMNS.items():
        op.add_column("posts", sa.Column(name, kind))
    for name, columns, column in (
        ("ix_posts_author_id", ["workspace_id", "author_id"], "author_id"),
        ("ix_posts_origin", ["workspace_id", "origin"], "origin"),
    ):
        op.create_index(name, "posts", columns, postgresql_where=sa.text(f"{column} IS NOT NULL"))
    op.create_table(
        "labels",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("workspace_id", sa.Uuid(), sa.ForeignKey("workspaces.id", ondelete="CASCADE"), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("name_key", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint("workspace_id", "name_key"),
    )
    op.create_table(
        "post_labels",
        sa.Column("post_id", sa.Uuid(), sa.ForeignKey("posts.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("label_id", sa.Uuid(), sa.ForeignKey("labels.id", ondelete="CASCADE"), primary_key=True),
    )
    op.create_index("ix_post_labels_label_id_post_id", "post_labels", ["label_id", "post_id"])
    op.create_table(
        "saved_views",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("workspace_id", sa.Uuid(), sa.ForeignKey("workspaces.id", ondelete="CASCADE"), nullable=False),
        sa.Column("user_id", sa.Uuid(), sa.ForeignKey("users.id", ondelete="CASCADE")),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("name_key", sa.String(), nullable=False),
        sa.Column("query", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_saved_views_user_id", "saved_views", ["user_id"])
    op.create_index("uq_saved_views_name", "saved_views", ["workspace_id", sa.text(OWNER), "name_key"], unique=True)


def downgrade() -> None:
    for table in ("saved_views", "post_labels", "labels"):
        op.drop_table(table)
    for name in ("ix_posts_origin", "ix_posts_author_id"):
        op.drop_index(name, table_name="posts")
    for name in COLUMNS:
        op.drop_column("posts", name)
