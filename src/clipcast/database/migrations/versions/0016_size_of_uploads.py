"""An upload may leave its size open: the bytes are counted as they come."""

from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.alter_column("clips", "declared_size", nullable=True)


def downgrade() -> None:
    op.execute("UPDATE clips SET declared_size = coalesce(size, 0) WHERE declared_size IS NULL")
    op.alter_column("clips", "declared_size", nullable=False)
