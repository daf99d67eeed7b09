"""Items know their workspace, so that workers take turns among workspaces."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("items", sa.Column("workspace_id", sa.Uuid(), nullable=True))
    op.execute("UPDATE items SET workspace_id = posts.workspace_id FROM posts WHERE posts.id = items.post_id")
    op.alter_column("items", "workspace_id", nullable=False)
    op.create_foreign_key(
        op.f("fk_items_workspace_id_workspaces"), "items", "workspaces", ["workspace_id"], ["id"], ondelete="CASCADE"
    )
    op.create_index(
        "ix_items_workspace_id_due", "items", ["workspace_id", "due_at"], postgresql_where=sa.text("due_at IS NOT NULL")
    )
    op.create_index("ix_items_leased", "items", ["workspace_id"], postgresql_where=sa.text("lease_until IS NOT NULL"))
