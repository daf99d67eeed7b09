"""Who made an invitation: it opens only while that person is an owner."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.add_column("invitations", sa.Column("maker_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        "fk_invitations_maker_id_users", "invitations", "users", ["maker_id"], ["id"], ondelete="CASCADE"
    )


def downgrade() -> None:
    op.drop_column("invitations", "maker_id")
