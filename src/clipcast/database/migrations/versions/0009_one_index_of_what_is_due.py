"""What is due is looked for workspace by workspace; the index over all of them only cost writes."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.drop_index("ix_items_due", "items")


def downgrade() -> None:
    op.create_index("ix_items_due", "items", ["due_at"], postgresql_where=sa.text("due_at IS NOT NULL"))
