"""Posts, items and drafts count the changes of what people and callers edit."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    for table in ("posts", "items", "drafts"):
        op.add_column(table, sa.Column("version", sa.Integer(), nullable=False, server_default="1"))
    op.add_column("drafts", sa.Column("saved_by", sa.String(), nullable=False, server_default=""))
    op.add_column("drafts", sa.Column("saved_from", sa.String(), nullable=False, server_default=""))


def downgrade() -> None:
    for column in ("saved_from", "saved_by"):
        op.drop_column("drafts", column)
    for table in ("drafts", "items", "posts"):
        op.drop_column(table, "version")
