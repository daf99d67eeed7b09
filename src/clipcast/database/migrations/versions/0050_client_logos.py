"""Whatever deletes a client records its logo for deletion."""

from alembic import op

from clipcast.database.migrations.locking import lock

revision = "0050"
down_revision = "0049"


def upgrade() -> None:
    lock(referenced="clients")
    op.execute("""
        CREATE FUNCTION record_unwanted_of_clients() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO unwanted_objects (key, created_at) VALUES ('logos/' || OLD.id || '/', now())
            ON CONFLICT DO NOTHING;
            RETURN NULL;
        END $$
    """)
    op.execute("""
        CREATE TRIGGER record_unwanted AFTER DELETE ON clients
        FOR EACH ROW WHEN (OLD.logo_key IS NOT NULL) EXECUTE FUNCTION record_unwanted_of_clients()
    """)


def downgrade() -> None:
    op.execute("DROP TRIGGER record_unwanted ON clients")
    op.execute("DROP FUNCTION record_unwanted_of_clients")
