"""Uploads know when bytes last arrived, so that long ones keep their address.

The function that deletes the jobs of a deleted row gets the name of what it does: the row can be any subject.
"""

import sqlalchemy as sa
from alembic import op

from clipcast.database.migrations.locking import lock

revision = "0038"
down_revision = "0037"


def upgrade() -> None:
    lock(changed="clips")
    op.add_column("clips", sa.Column("received_at", sa.DateTime(timezone=True)))
    op.execute("ALTER FUNCTION delete_jobs_of_item() RENAME TO delete_jobs_of_subject")


def downgrade() -> None:
    op.execute("ALTER FUNCTION delete_jobs_of_subject() RENAME TO delete_jobs_of_item")
    op.drop_column("clips", "received_at")
