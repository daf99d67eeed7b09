"""What accounts and apps have used of the platforms' quotas."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "quotas",
        sa.Column("subject", sa.String(), primary_key=True),
        sa.Column("name", sa.String(), primary_key=True),
        sa.Column("state", JSONB(none_as_null=True), nullable=False),
        sa.Column("spent_until", sa.DateTime(timezone=True)),
    )
