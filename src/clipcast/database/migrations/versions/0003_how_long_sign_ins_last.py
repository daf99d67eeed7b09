"""How long a sign-in lasts, so that a post for later can be checked against it and idle ones are renewed in time."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("connections", sa.Column("renewable", sa.Boolean(), nullable=False, server_default=sa.true()))
    op.alter_column("connections", "renewable", server_default=None)
    op.add_column("connections", sa.Column("signed_in_until", sa.DateTime(timezone=True), nullable=True))
