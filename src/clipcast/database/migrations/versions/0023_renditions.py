"""Renders and items refer to renditions: files that are made of clips.

Without one, a render is the file of its clip as it is, as before.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from clipcast.database.migrations.locking import lock

revision = "0023"
down_revision = "0022"

# By table: the indexes of the columns that refer to renditions.
PARTIAL = {"items": "rendition_id", "renders": "rendition_id", "renditions": "source_id"}


def upgrade() -> None:
    lock(referenced="workspaces, clips", changed="items, renders")
    op.create_table(
        "renditions",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("workspace_id", sa.Uuid(), sa.ForeignKey("workspaces.id", ondelete="CASCADE"), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("clip_id", sa.Uuid(), sa.ForeignKey("clips.id", ondelete="SET NULL")),
        sa.Column("source_id", sa.Uuid(), sa.ForeignKey("renditions.id", ondelete="SET NULL")),
        sa.Column("inputs", postgresql.JSONB(), nullable=False),
        sa.Column("recipe", postgresql.JSONB(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("progress", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("expected", postgresql.JSONB()),
        sa.Column("storage_key", sa.String()),
        sa.Column("thumbnail_key", sa.String()),
        sa.Column("size", sa.BigInteger()),
        sa.Column("sha256", sa.String()),
        sa.Column("media", postgresql.JSONB()),
        sa.Column("error", postgresql.JSONB()),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True)),
        sa.Column("completed_at", sa.DateTime(timezone=True)),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint("workspace_id", "key", name="uq_renditions_workspace_id_key"),
    )
    op.create_index("ix_renditions_clip_id", "renditions", ["clip_id"])
    kept = sa.text("status = 'completed'")
    op.create_index("ix_renditions_kept", "renditions", ["last_used_at"], postgresql_where=kept)
    op.execute("""
        CREATE TRIGGER delete_jobs AFTER DELETE ON renditions FOR EACH ROW EXECUTE FUNCTION delete_jobs_of_item()
    """)
    op.add_column("renders", sa.Column("edit", postgresql.JSONB(), nullable=False, server_default=sa.text("'{}'")))
    op.add_column("renders", sa.Column("key", sa.String(), nullable=False, server_default=""))
    op.add_column("renders", sa.Column("error", postgresql.JSONB()))
    op.add_column("renders", sa.Column("rendition_id", sa.Uuid(), sa.ForeignKey("renditions.id")))
    op.drop_constraint("uq_renders_clip_id", "renders", type_="unique")
    op.create_unique_constraint("uq_renders_clip_id_key", "renders", ["clip_id", "key"])
    op.add_column("items", sa.Column("conform", sa.String(), nullable=False, server_default="auto"))
    item_key = sa.ForeignKey("renditions.id", ondelete="SET NULL")
    op.add_column("items", sa.Column("rendition_id", sa.Uuid(), item_key))
    for table, column in PARTIAL.items():
        filled = sa.text(f"{column} IS NOT NULL")
        op.create_index(f"ix_{table}_{column}", table, [column], postgresql_where=filled)


def downgrade() -> None:
    op.drop_column("items", "rendition_id")
    op.drop_column("items", "conform")
    op.execute("DELETE FROM items USING renders WHERE items.edit_id = renders.edit_setting_id AND renders.key <> ''")
    op.execute("DELETE FROM renders WHERE key <> ''")
    op.drop_constraint("uq_renders_clip_id_key", "renders", type_="unique")
    op.create_unique_constraint("uq_renders_clip_id", "renders", ["clip_id"])
    for column in ("rendition_id", "error", "key", "edit"):
        op.drop_column("renders", column)
    op.execute("DELETE FROM jobs WHERE subject_id IN (SELECT id FROM renditions)")
    op.drop_table("renditions")
