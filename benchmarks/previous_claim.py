"""The comparison of `claim`: how the release before the table `jobs` claimed items, on tables of its own.

There, the rows of `items` were the queue, and each claim visited all workspaces with a due time.
"""

import asyncpg

from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.database.hot_queries import AsyncpgPool, Statement
from clipcast.jobs.claimed import LEASE

TABLES = """
    CREATE SCHEMA previous;
    CREATE TABLE previous.items (LIKE public.items INCLUDING DEFAULTS);
    ALTER TABLE previous.items
        ADD PRIMARY KEY (id),
        ADD COLUMN IF NOT EXISTS due_at timestamptz,
        ADD COLUMN IF NOT EXISTS lease_until timestamptz,
        ADD COLUMN IF NOT EXISTS fence int NOT NULL DEFAULT 0,
        ADD COLUMN IF NOT EXISTS continues_attempt boolean NOT NULL DEFAULT false;
    CREATE INDEX ON previous.items (workspace_id, due_at) WHERE due_at IS NOT NULL;
    CREATE INDEX ON previous.items (workspace_id) WHERE lease_until IS NOT NULL;
    CREATE INDEX ON previous.items (post_id, position);
    CREATE INDEX ON previous.items (edit_id);
    CREATE INDEX ON previous.items (connection_id);
    CREATE TABLE previous.attempts (LIKE public.attempts INCLUDING ALL);
    ALTER TABLE previous.attempts ADD FOREIGN KEY (item_id) REFERENCES previous.items (id);
"""
# The same items as in `items`, due when their jobs are.
FILL = """
    TRUNCATE previous.items, previous.attempts;
    INSERT INTO previous.items (id, workspace_id, post_id, position, edit_id, connection_id, platform, details, status,
                                progress, attempts, created_at, updated_at, due_at)
    SELECT items.id, items.workspace_id, post_id, position, edit_id, connection_id, items.platform, details, 'pending',
           0, 0, items.created_at, items.updated_at, jobs.due_at
    FROM items JOIN jobs ON jobs.id = items.id;
"""
# Candidates per wanted item: other workers may claim the same ones at the same time.
CANDIDATES_PER_ITEM = 3

SPACES = """
    WITH RECURSIVE spaces(workspace_id) AS (
        (SELECT workspace_id FROM previous.items WHERE due_at IS NOT NULL ORDER BY workspace_id LIMIT 1)
        UNION ALL
        SELECT (
            SELECT items.workspace_id FROM previous.items
            WHERE items.due_at IS NOT NULL AND items.workspace_id > spaces.workspace_id
            ORDER BY items.workspace_id LIMIT 1
        ) FROM spaces WHERE spaces.workspace_id IS NOT NULL
    )
"""
CLAIM = Statement(
    SPACES
    + """
    , running AS (
        SELECT workspace_id, count(*) AS number FROM previous.items WHERE lease_until IS NOT NULL GROUP BY workspace_id
    ), candidates AS (
        SELECT first.id, first.due_at, coalesce(running.number, 0)
               + row_number() OVER (PARTITION BY spaces.workspace_id ORDER BY first.due_at) AS position
        FROM spaces
        CROSS JOIN LATERAL (
            SELECT id, due_at FROM previous.items
            WHERE items.workspace_id = spaces.workspace_id AND due_at <= :now
            ORDER BY due_at LIMIT :candidates
        ) AS first
        LEFT JOIN running ON running.workspace_id = spaces.workspace_id
        ORDER BY position, due_at LIMIT :candidates
    ), due AS (
        SELECT free.* FROM candidates CROSS JOIN LATERAL (
            SELECT items.id, items.continues_attempt FROM previous.items
            WHERE items.id = candidates.id AND items.due_at <= :now
            LIMIT 1 FOR UPDATE SKIP LOCKED
        ) AS free
        LIMIT :limit
    ), claimed AS (
        UPDATE previous.items SET
            due_at = :until, lease_until = :until, fence = fence + 1, updated_at = :now, continues_attempt = false,
            status = CASE WHEN status = 'pending' THEN 'processing' ELSE status END,
            attempts = attempts + CASE WHEN continues_attempt THEN 0 ELSE 1 END
        WHERE items.id = ANY(ARRAY(SELECT id FROM due))
        RETURNING items.*
    ), new_attempts AS (
        INSERT INTO previous.attempts (id, item_id, number, worker, started_at)
        SELECT (CAST(:attempt_ids AS uuid[]))[row_number() OVER ()], id, attempts, :worker, :now FROM claimed
        ON CONFLICT (item_id, number) DO UPDATE
        SET worker = excluded.worker, ended_at = NULL, decision = NULL, reason = NULL
        RETURNING item_id, id
    )
    SELECT claimed.*, due.continues_attempt AS goes_on, new_attempts.id AS attempt_id, context.*
    FROM claimed
    JOIN due ON due.id = claimed.id
    JOIN new_attempts ON new_attempts.item_id = claimed.id
    CROSS JOIN LATERAL (
        SELECT row_to_json(clips) AS clip, posts.scheduled_at,
               (SELECT jsonb_object_agg(quotas.name, quotas.spent_until) FROM quotas
                WHERE quotas.subject IN (
                    :quotas_of || connections.platform,
                    :quotas_of || connections.platform || ' ' || connections.account_id
                ) AND quotas.spent_until > :now) AS closed,
               connections.id AS "connection.id", connections.platform AS "connection.platform",
               connections.account_id AS "connection.account_id", connections.username AS "connection.username",
               connections.status AS "connection.status", connections.status_reason AS "connection.status_reason",
               connections.removed_at AS "connection.removed_at",
               connections.sandbox AS "connection.sandbox", connections.profile AS "connection.profile",
               connections.scopes AS "connection.scopes", connections.tokens AS "connection.tokens",
               connections.tokens_version AS "connection.tokens_version",
               connections.issued_at AS "connection.issued_at", connections.expires_at AS "connection.expires_at"
        FROM connections, posts, renders JOIN clips ON clips.id = renders.clip_id
        WHERE connections.id = claimed.connection_id AND posts.id = claimed.post_id
          AND renders.edit_setting_id = claimed.edit_id
        LIMIT 1
    ) AS context
    """
)
NEXT_DUE = Statement(
    SPACES
    + """
    SELECT min(first.due_at) FROM spaces CROSS JOIN LATERAL (
        SELECT due_at FROM previous.items WHERE items.workspace_id = spaces.workspace_id AND due_at IS NOT NULL
        ORDER BY due_at LIMIT 1
    ) AS first
    """
)


async def claim(pool: AsyncpgPool, limit: int) -> list[asyncpg.Record]:
    """Claim up to `limit` items and return their rows."""
    now = clock.now()
    values = {
        "now": now,
        "until": now + LEASE,
        "limit": limit,
        "candidates": limit * CANDIDATES_PER_ITEM,
        "attempt_ids": [new_id() for _ in range(limit)],
        "worker": "benchmark",
        "quotas_of": "",
    }
    return await pool.fetch(CLAIM, values)


async def next_due(pool: AsyncpgPool) -> None:
    await pool.fetch(NEXT_DUE, {})
