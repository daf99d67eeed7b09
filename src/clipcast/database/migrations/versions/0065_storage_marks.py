"""The storage names the database that may delete files there, and the installation its former secret keys."""

import sqlalchemy as sa
from alembic import op

from clipcast.database.migrations.locking import lock

revision = "0065"
down_revision = "0064"


def upgrade() -> None:
    lock(changed="installation")
    op.add_column(
        "installation",
        sa.Column("former_fingerprints", sa.ARRAY(sa.String()), nullable=False, server_default="{}"),
    )
    op.add_column("installation", sa.Column("sealed_by", sa.String()))
    op.create_table(
        "storage_marks",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("installation_id", sa.Uuid(), nullable=False),
        sa.Column("mark", sa.String()),
        sa.Column("former_mark", sa.String()),
        sa.Column("renewed_at", sa.DateTime(timezone=True)),
        sa.Column("held_since", sa.DateTime(timezone=True)),
        sa.CheckConstraint("id = 1", name="one_row"),
        sa.PrimaryKeyConstraint("id"),
    )


def downgrade() -> None:
    op.drop_table("storage_marks")
    op.drop_column("installation", "sealed_by")
    op.drop_column("installation", "former_fingerprints")
