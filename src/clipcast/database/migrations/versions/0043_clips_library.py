"""The library of clips has folders, labels and a bin, and knows which platforms take a clip."""

import sqlalchemy as sa
from alembic import op

from clipcast.database.migrations.locking import lock

revision = "0043"
down_revision = "0042"


def upgrade() -> None:
    lock(referenced="workspaces", changed="renders")
    op.create_table(
        "folders",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("parent_id", sa.Uuid()),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("name_key", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_folders"),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name="fk_folders_workspace_id_workspaces", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["parent_id"], ["folders.id"], name="fk_folders_parent_id_folders", ondelete="CASCADE"),
    )
    outer = sa.text("coalesce(parent_id, '00000000-0000-0000-0000-000000000000'::uuid)")
    op.create_index("uq_folders_name", "folders", ["workspace_id", outer, "name_key"], unique=True)
    op.create_index("ix_folders_parent_id", "folders", ["parent_id"])
    strings = sa.ARRAY(sa.String())
    op.add_column("renders", sa.Column("folder_id", sa.Uuid()))
    op.add_column("renders", sa.Column("labels", strings, nullable=False, server_default=sa.text("'{}'")))
    op.add_column("renders", sa.Column("deleted_at", sa.DateTime(timezone=True)))
    op.add_column("renders", sa.Column("fits", strings))
    op.add_column("renders", sa.Column("fits_key", sa.String()))
    op.create_foreign_key(
        "fk_renders_folder_id_folders", "renders", "folders", ["folder_id"], ["id"], ondelete="SET NULL"
    )
    op.create_index(
        "ix_renders_folder_id_id", "renders", ["folder_id", "id"], postgresql_where=sa.text("folder_id IS NOT NULL")
    )
    op.create_index(
        "ix_renders_deleted_at", "renders", ["deleted_at"], postgresql_where=sa.text("deleted_at IS NOT NULL")
    )


def downgrade() -> None:
    op.drop_index("ix_renders_deleted_at", table_name="renders")
    op.drop_index("ix_renders_folder_id_id", table_name="renders")
    op.drop_constraint("fk_renders_folder_id_folders", "renders", type_="foreignkey")
    for name in ("fits_key", "fits", "deleted_at", "labels", "folder_id"):
        op.drop_column("renders", name)
    op.drop_table("folders")
