"""Every secret of a webhook signs for a day after its rotation, also after further rotations."""

import sqlalchemy as sa
from alembic import op

from clipcast.database.migrations.locking import lock

revision = "0062"
down_revision = "0061"


def upgrade() -> None:
    lock(changed="webhooks")
    for name, kind in (("older_secrets", sa.LargeBinary()), ("older_until", sa.DateTime(timezone=True))):
        op.add_column("webhooks", sa.Column(name, sa.ARRAY(kind), nullable=False, server_default="{}"))


def downgrade() -> None:
    for name in ("older_until", "older_secrets"):
        op.drop_column("webhooks", name)
