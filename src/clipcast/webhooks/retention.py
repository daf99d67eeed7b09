"""Old events are deleted, with their deliveries."""

from datetime import timedelta

from clipcast.clock import clock
from clipcast.database import Database
from clipcast.database.hot_queries import Statement

KEPT = timedelta(days=30)
# The most events that one statement deletes, so that it does not last long.
AT_ONCE = 2000

DELETE = Statement("""
    WITH old AS (SELECT id FROM events WHERE created_at < :before ORDER BY created_at LIMIT :limit)
    DELETE FROM events USING old WHERE events.id = old.id RETURNING events.id
""")


async def delete_old(database: Database) -> None:
    """Delete the events that are older than KEPT. Raise DatabaseUnavailable."""
    values = {"before": clock.now() - KEPT, "limit": AT_ONCE}
    while len(await database.hot_pool.fetch(DELETE, values)) == AT_ONCE:
        pass
