"""Accounts have a stored copy of their picture. Whatever replaces or deletes it records the former one for deletion."""

import sqlalchemy as sa
from alembic import op

from clipcast.database.migrations.locking import lock

revision = "0066"
down_revision = "0065"


def upgrade() -> None:
    lock(changed="connections", referenced="jobs")
    op.add_column("connections", sa.Column("avatar_key", sa.String()))
    op.execute("""
        CREATE FUNCTION record_unwanted_of_connections() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO unwanted_objects (key, created_at) VALUES (OLD.avatar_key, now()) ON CONFLICT DO NOTHING;
            RETURN NULL;
        END $$
    """)
    op.execute("""
        CREATE TRIGGER record_unwanted AFTER DELETE ON connections
        FOR EACH ROW WHEN (OLD.avatar_key IS NOT NULL) EXECUTE FUNCTION record_unwanted_of_connections()
    """)
    op.execute("""
        CREATE TRIGGER record_replaced AFTER UPDATE OF avatar_key ON connections
        FOR EACH ROW WHEN (OLD.avatar_key IS NOT NULL AND OLD.avatar_key IS DISTINCT FROM NEW.avatar_key)
        EXECUTE FUNCTION record_unwanted_of_connections()
    """)
    # For the accounts that are connected: many addresses have not expired.
    op.execute("""
        INSERT INTO jobs (id, workspace_id, kind, subject_id, queue, priority, state, due_at, created_at, updated_at)
        SELECT gen_random_uuid(), workspace_id, 'avatar', id, 'notify', 6, 'ready', now(), now(), now()
        FROM connections WHERE avatar_url IS NOT NULL AND removed_at IS NULL
    """)


def downgrade() -> None:
    op.execute("DELETE FROM jobs WHERE kind = 'avatar'")
    op.execute("DROP TRIGGER record_replaced ON connections")
    op.execute("DROP TRIGGER record_unwanted ON connections")
    op.execute("DROP FUNCTION record_unwanted_of_connections")
    op.drop_column("connections", "avatar_key")
