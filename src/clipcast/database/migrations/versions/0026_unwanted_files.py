"""Whatever deletes a clip, a rendition or an asset records its objects for deletion: a workspace's, too."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from clipcast.database.migrations.locking import lock

revision = "0026"
down_revision = "0025"

# By table: the keys of a deleted row's objects. A key that ends in a slash is a folder.
KEYS = {
    "clips": "'clips/' || OLD.id || '/', 'uploads/' || OLD.id || '/', 'thumbnails/' || OLD.id || '.jpg'",
    "renditions": "'renditions/' || OLD.id || '/'",
    "assets": "OLD.storage_key",
}


def upgrade() -> None:
    lock(referenced="clips, assets", changed="renditions")
    empty = sa.text("'[]'")
    op.add_column("renditions", sa.Column("warnings", JSONB(), nullable=False, server_default=empty))
    for table, keys in KEYS.items():
        op.execute(f"""
            CREATE FUNCTION record_unwanted_of_{table}() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                INSERT INTO unwanted_objects (key, created_at)
                SELECT key, now() FROM unnest(ARRAY[{keys}]) AS key WHERE key <> '' ON CONFLICT DO NOTHING;
                RETURN NULL;
            END $$
        """)
        op.execute(f"""
            CREATE TRIGGER record_unwanted AFTER DELETE ON {table}
            FOR EACH ROW EXECUTE FUNCTION record_unwanted_of_{table}()
        """)


def downgrade() -> None:
    for table in KEYS:
        op.execute(f"DROP TRIGGER record_unwanted ON {table}")
        op.execute(f"DROP FUNCTION record_unwanted_of_{table}")
    op.drop_column("renditions", "warnings")
