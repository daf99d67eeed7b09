"""The journal knows which of the calls that must not be done twice make nothing visible."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("journal", sa.Column("unseen", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.alter_column("journal", "unseen", server_default=None)
