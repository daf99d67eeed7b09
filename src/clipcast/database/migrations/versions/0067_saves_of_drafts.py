"""Drafts remember the last saves of pages: a browser that kept its words asks later whether they arrived."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

from clipcast.database.migrations.locking import lock

revision = "0067"
down_revision = "0066"


def upgrade() -> None:
    lock(changed="drafts")
    op.add_column("drafts", sa.Column("saves", ARRAY(sa.String()), nullable=False, server_default="{}"))


def downgrade() -> None:
    op.drop_column("drafts", "saves")
