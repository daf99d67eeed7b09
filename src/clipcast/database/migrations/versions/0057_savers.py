"""Drafts, templates and imported files know by id which limited member saved them: names are free to choose."""

import sqlalchemy as sa
from alembic import op

from clipcast.database.migrations.locking import lock

revision = "0057"
down_revision = "0056"

TABLES = ("drafts", "post_templates", "stored_plans")


def upgrade() -> None:
    lock(changed=", ".join(TABLES))
    for table in TABLES:
        op.add_column(table, sa.Column("saved_by_id", sa.Uuid()))


def downgrade() -> None:
    for table in TABLES:
        op.drop_column(table, "saved_by_id")
