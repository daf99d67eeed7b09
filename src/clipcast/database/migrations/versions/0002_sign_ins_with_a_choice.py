"""A sign-in may end with a choice of accounts, so what an attempt keeps is more than a PKCE verifier."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.alter_column("connect_attempts", "verifier", new_column_name="sealed")
