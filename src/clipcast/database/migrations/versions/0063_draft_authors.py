"""Drafts know by id who saved them last: two people may have the same name.

Apart from `saved_by_id`, by which limited members see rows: what somebody saved while they saw everything stays unseen.
"""

import sqlalchemy as sa
from alembic import op

from clipcast.database.migrations.locking import lock

revision = "0063"
down_revision = "0062"


def upgrade() -> None:
    lock(changed="drafts")
    op.add_column("drafts", sa.Column("author_id", sa.Uuid()))


def downgrade() -> None:
    op.drop_column("drafts", "author_id")
