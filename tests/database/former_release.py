"""The release before the table of jobs: its form of the database, and the statements of its processes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from sqlalchemy import Connection, text

from clipcast.clock import clock
from clipcast.common.unavailable import DatabaseUnavailable
from clipcast.database import Database
from clipcast.database.hot_queries import Statement
from clipcast.database.migrate import config_of, upgrade

TRIES = 3
# What its processes knew of a job, in the columns that they used.
SAVED = """
    CREATE TABLE saved AS
    SELECT jobs.*, workers.lease_until FROM jobs LEFT JOIN workers ON workers.id = jobs.worker_id
"""
# An item's row was its place in the queue. A claim set `due_at` to the end of its lease.
WRITE_PLACES = """
    UPDATE items SET
        due_at = CASE WHEN saved.state = 'done' THEN NULL WHEN saved.state = 'running' THEN saved.lease_until
                      ELSE saved.due_at END,
        lease_until = CASE WHEN saved.state = 'running' THEN saved.lease_until END,
        reconnect_by = saved.hold_until, fence = saved.fence, round = saved.round, failures = saved.failures,
        continues_attempt = saved.continues_attempt
    FROM (SELECT DISTINCT ON (subject_id) * FROM saved ORDER BY subject_id, state = 'done', kind DESC) AS saved
    WHERE saved.subject_id = items.id
"""
# Without their leases, which the migration does not know.
PLACES = text("""
    SELECT id, due_at, reconnect_by, round, failures, continues_attempt FROM items
    WHERE id NOT IN (SELECT subject_id FROM saved WHERE state = 'running') ORDER BY id
""")


def _downgrade(connection: Connection) -> None:
    from alembic import command

    command.downgrade(config_of(connection), "0019")


async def downgrade(database: Database) -> None:
    """Give the database the form of the release before, with all jobs where that release would have them."""
    for _ in range(TRIES):
        # A statement of the API, such as that of its log of requests, may hold what the next migration needs.
        with suppress(DatabaseUnavailable):
            return await _downgrade_once(database)
    await _downgrade_once(database)


async def _downgrade_once(database: Database) -> None:
    await database.close()
    async with database.maintain() as connection:
        await connection.execute(text(SAVED))
        await connection.run_sync(_downgrade)
        by_migration = list(await connection.execute(PLACES))
        await connection.execute(text(WRITE_PLACES))
        assert list(await connection.execute(PLACES)) == by_migration
        await connection.execute(text("DROP TABLE saved"))
    await database.close()  # its connections have plans for the form before


async def upgrade_again(database: Database) -> None:
    """Migrate to the current form."""
    await database.close()
    await upgrade(database)
    await database.close()


@asynccontextmanager
async def former_form(database: Database) -> AsyncIterator[None]:
    """Keep the database in the form of the release before for the block."""
    await downgrade(database)
    yield
    await upgrade_again(database)


SPACES = """
    WITH RECURSIVE spaces(workspace_id) AS (
        (SELECT workspace_id FROM items WHERE due_at IS NOT NULL ORDER BY workspace_id LIMIT 1)
        UNION ALL
        SELECT (
            SELECT items.workspace_id FROM items
            WHERE items.due_at IS NOT NULL AND items.workspace_id > spaces.workspace_id
            ORDER BY items.workspace_id LIMIT 1
        ) FROM spaces WHERE spaces.workspace_id IS NOT NULL
    )
"""
# A worker's claim, without the rows of other tables that it also read.
CLAIM = Statement(
    SPACES
    + """
    , running AS (
        SELECT workspace_id, count(*) AS number FROM items WHERE lease_until IS NOT NULL GROUP BY workspace_id
    ), candidates AS (
        SELECT first.id, first.due_at, coalesce(running.number, 0)
               + row_number() OVER (PARTITION BY spaces.workspace_id ORDER BY first.due_at) AS position
        FROM spaces
        CROSS JOIN LATERAL (
            SELECT id, due_at FROM items
            WHERE items.workspace_id = spaces.workspace_id AND due_at <= :now
            ORDER BY due_at LIMIT :candidates
        ) AS first
        LEFT JOIN running ON running.workspace_id = spaces.workspace_id
        ORDER BY position, due_at LIMIT :candidates
    ), due AS (
        SELECT free.* FROM candidates CROSS JOIN LATERAL (
            SELECT items.id, items.continues_attempt FROM items
            WHERE items.id = candidates.id AND items.due_at <= :now
            LIMIT 1 FOR UPDATE SKIP LOCKED
        ) AS free
        LIMIT :limit
    ), claimed AS (
        UPDATE items SET
            due_at = :until, lease_until = :until, fence = fence + 1, updated_at = :now, continues_attempt = false,
            status = CASE WHEN status = 'pending' THEN 'processing' ELSE status END,
            attempts = attempts + CASE WHEN continues_attempt THEN 0 ELSE 1 END
        WHERE items.id = ANY(ARRAY(SELECT id FROM due))
        RETURNING items.*
    )
    SELECT id, fence FROM claimed
    """
)
EXTEND = Statement("""
    UPDATE items SET due_at = :until, lease_until = :until
    FROM unnest(CAST(:ids AS uuid[]), CAST(:fences AS int[])) AS mine(id, fence)
    WHERE items.id = mine.id AND items.fence = mine.fence AND items.lease_until IS NOT NULL
    RETURNING items.id
""")
# A journal write, with its timeline.
WRITE = Statement("""
    WITH held AS (
        UPDATE items SET stage = :stage, progress = :progress, updated_at = :now
        WHERE id = :item_id AND fence = :fence RETURNING id
    )
    , written AS (
        INSERT INTO journal (item_id, round, name, result, intended_at, finished_at, publishes)
        SELECT id, :round, :name, :result, :intended_at, :finished_at, :publishes FROM held
        ON CONFLICT (item_id, round, name) DO UPDATE SET
            result = excluded.result, intended_at = excluded.intended_at, finished_at = excluded.finished_at
    )
    SELECT id FROM held
""")
WITHDRAW = Statement("""
    WITH held AS (
        UPDATE items SET stage = :stage, progress = :progress, updated_at = :now
        WHERE id = :item_id AND fence = :fence RETURNING id
    ), gone AS (DELETE FROM journal USING held WHERE item_id = held.id AND round = :round AND name = :name)
    SELECT id FROM held
""")
# The end of a run, for a retry.
END = Statement("""
    WITH held AS (
        UPDATE items SET due_at = :until, continues_attempt = true, lease_until = NULL, updated_at = :now
        WHERE id = :item_id AND fence = :fence AND lease_until IS NOT NULL RETURNING id
    )
    SELECT id FROM held
""")
# The API's statement for POST /posts.
ADD = Statement("""
    WITH post AS (
        INSERT INTO posts (id, workspace_id, scheduled_at, created_at, updated_at)
        VALUES (:id, :workspace_id, :scheduled_at, :now, :now) RETURNING id, workspace_id
    ), added AS (
        INSERT INTO items (id, workspace_id, post_id, position, edit_id, connection_id, platform, details, status,
                           progress, attempts, failures, fence, round, continues_attempt, due_at, created_at,
                           updated_at)
        SELECT item.id, post.workspace_id, post.id, item.position, item.edit_id, item.connection_id, item.platform,
               item.details, :status, 0, 0, 0, 0, 0, false, coalesce(:scheduled_at, :now), :now, :now
        FROM post, jsonb_to_recordset(CAST(:items AS jsonb)) AS item(
            id uuid, position int, edit_id uuid, connection_id uuid, platform text, details jsonb)
    )
    SELECT pg_notify(:channel, '') FROM post
""")
# The API's changes of items, as its ORM sent them.
RETRY = Statement("""
    UPDATE items SET status = 'processing', stage = NULL, due_at = :now, updated_at = :now, failures = 0
    WHERE items.id = :item_id
""")
RETRY_FORCED = Statement("""
    UPDATE items SET status = 'processing', stage = NULL, due_at = :now, updated_at = :now, failures = 0,
                     round = :round
    WHERE items.id = :item_id
""")
PUBLISH_NOW = Statement("UPDATE items SET status = 'processing', due_at = :now, updated_at = :now WHERE id = :item_id")
MOVE = Statement(
    "UPDATE items SET due_at = :until, error = NULL, status = 'pending', updated_at = :now WHERE id = :item_id"
)
CHANGE = Statement("""
    UPDATE items SET details = CAST(:details AS jsonb), version = version + 1, round = :round, stage = NULL,
                     progress = 0, failures = 0, updated_at = :now
    WHERE items.id = :item_id
""")
# Whether an item may have sent its video: then the API changes nothing.
SENT = Statement("""
    SELECT journal.item_id FROM journal JOIN items ON journal.item_id = items.id AND journal.round = items.round
    WHERE journal.intended_at IS NOT NULL AND items.id = :item_id
""")


async def send(database: Database, statement: Statement, /, **values: Any) -> list[Any]:
    """Send a statement as a process of the release before."""
    return list(await database.hot_pool.fetch(statement, {"now": clock.now()} | values))
