"""Columns get the names that the code uses: what a journal entry does, what the next claim of an item continues."""

from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.alter_column("journal", "unseen", new_column_name="publishes")
    op.execute("UPDATE journal SET publishes = NOT publishes")
    op.alter_column("items", "resuming", new_column_name="continues_attempt")


def downgrade() -> None:
    op.alter_column("items", "continues_attempt", new_column_name="resuming")
    op.execute("UPDATE journal SET publishes = NOT publishes")
    op.alter_column("journal", "publishes", new_column_name="unseen")
