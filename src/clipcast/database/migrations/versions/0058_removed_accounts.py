"""A removed account that is connected again for another client is a new connection."""

from alembic import op
from sqlalchemy import text

from clipcast.database.migrations.locking import lock

revision = "0058"
down_revision = "0057"

# Those of the later migrations, too: all run in one transaction, and a lock that is taken while others are held can
# deadlock.
CHANGED = "connections, stored_plans, drafts, post_templates, inbox_notices, webhooks"
FORMER = "uq_connections_workspace_id_platform_account_id_sandbox"
COLUMNS = ["workspace_id", "platform", "account_id", "sandbox"]
# The release before has one row of an account. Of removed ones beside another row, the ids become different.
TELL_APART = """
    UPDATE connections SET account_id = account_id || ' ' || id
    WHERE removed_at IS NOT NULL AND EXISTS (
        SELECT FROM connections AS other
        WHERE other.workspace_id = connections.workspace_id AND other.platform = connections.platform
          AND other.account_id = connections.account_id AND other.sandbox = connections.sandbox
          AND other.id <> connections.id)
"""


def upgrade() -> None:
    lock(changed=CHANGED)
    op.drop_constraint(FORMER, "connections")
    op.create_index(
        "uq_connections_account", "connections", COLUMNS, unique=True, postgresql_where=text("removed_at IS NULL")
    )
    op.create_index("ix_connections_account", "connections", COLUMNS[:3])


def downgrade() -> None:
    op.drop_index("ix_connections_account", table_name="connections")
    op.drop_index("uq_connections_account", table_name="connections")
    op.execute(TELL_APART)
    op.create_unique_constraint(FORMER, "connections", COLUMNS)
