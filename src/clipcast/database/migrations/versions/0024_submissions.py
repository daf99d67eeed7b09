"""Files for edits, saved edits, and the clips that submissions find in videos."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from clipcast.database.migrations.locking import lock

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    lock(referenced="workspaces, clips, renders")
    op.create_table(
        "assets",
        *owned(),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("file_name", sa.String(), nullable=False),
        sa.Column("content_type", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("storage_key", sa.String(), nullable=False),
        sa.Column("size", sa.BigInteger()),
        sa.Column("sha256", sa.String()),
        sa.Column("facts", JSONB()),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_assets_workspace_id_id", "assets", ["workspace_id", "id"])
    op.create_table(
        "render_templates",
        *owned(),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("edit", JSONB(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_render_templates_workspace_id_id", "render_templates", ["workspace_id", "id"])
    op.create_table(
        "submissions",
        *owned(),
        sa.Column("clip_id", sa.Uuid(), sa.ForeignKey("clips.id", ondelete="CASCADE"), nullable=False),
        sa.Column("strategy", sa.String(), nullable=False),
        sa.Column("limits", JSONB(), nullable=False),
        sa.Column("edit", JSONB(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("error", JSONB()),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True)),
        sa.Column("completed_at", sa.DateTime(timezone=True)),
    )
    op.create_index("ix_submissions_clip_id_id", "submissions", ["clip_id", "id"])
    op.create_index("ix_submissions_workspace_id", "submissions", ["workspace_id"])
    op.execute("""
        CREATE TRIGGER delete_jobs AFTER DELETE ON submissions FOR EACH ROW EXECUTE FUNCTION delete_jobs_of_item()
    """)
    op.create_table(
        "found_clips",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("submission_id", sa.Uuid(), sa.ForeignKey("submissions.id", ondelete="CASCADE"), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("rating", sa.Float()),
        sa.Column("start_time", sa.Float(), nullable=False),
        sa.Column("end_time", sa.Float(), nullable=False),
        sa.Column("edit", JSONB(), nullable=False),
        sa.Column("render_id", sa.Uuid(), sa.ForeignKey("renders.id", ondelete="SET NULL")),
    )
    op.create_index("ix_found_clips_submission_id_position", "found_clips", ["submission_id", "position"])
    op.create_index("ix_found_clips_render_id", "found_clips", ["render_id"])


def owned() -> tuple[sa.Column[object], sa.Column[object]]:
    return (
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("workspace_id", sa.Uuid(), sa.ForeignKey("workspaces.id", ondelete="CASCADE"), nullable=False),
    )


def downgrade() -> None:
    op.execute("DELETE FROM jobs WHERE subject_id IN (SELECT id FROM submissions)")
    for table in ("found_clips", "submissions", "render_templates", "assets"):
        op.drop_table(table)
