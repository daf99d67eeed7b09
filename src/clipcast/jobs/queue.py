"""The queue: due items, claimed under a lease with a fencing token.

The rows of `items` are the queue. A claim sets `due_at` to the end of the lease and increments the fencing token
(`fence`). A worker renews its leases while it runs, and every write of a run requires that token. If a worker dies, its
items become due when the lease expires. A frozen worker can neither write nor send after another has reclaimed the
item.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import text, update
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.database import Database
from clipcast.database.hot_queries import Statement
from clipcast.database.models.posts import Item

CHANNEL = "clipcast_due"
# A dead worker's items become due within this time. A running worker renews its leases several times in it.
LEASE = timedelta(seconds=8)


class LeaseLost(Exception):
    """Another worker may have reclaimed the item. The write or request that raises this does not happen."""


@dataclass
class Lease:
    """A worker's right to run one item until `good_until`, on the monotonic clock, which no clock setting changes."""

    item_id: UUID
    fence: int
    good_until: float

    def check(self) -> None:
        """Raise LeaseLost if the lease may have ended."""
        if clock.monotonic() >= self.good_until:
            raise LeaseLost(str(self.item_id))


@dataclass
class ClaimedItem:
    """A claimed item with all rows that its run needs."""

    lease: Lease
    item: dict[str, Any]
    attempt_id: UUID
    connection: dict[str, Any]
    clip: dict[str, Any]
    # The scheduled start; None for a post without one.
    scheduled_at: datetime | None = None
    # By quota: the instant until which the platform has reported it as used up.
    closed: dict[str, str] = field(default_factory=dict)
    journal: dict[str, dict[str, Any]] = field(default_factory=dict)


OF_CONNECTION = "connection."
# Candidates per wanted item: other workers may claim the same ones at the same time.
CANDIDATES_PER_ITEM = 3

# The workspaces that have items with a due time. The recursion visits the index once per workspace, independent of the
# number of items.
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

# A claim is one round trip: it returns the items, their attempts, and the rows that a run needs. The next item is the
# longest due one of the workspace with the fewest running items. LIMIT 1 makes PostgreSQL look up the rows of other
# tables by index, item by item.
CLAIM = Statement(
    SPACES  # noqa: S608 - both parts are constants
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
    ), new_attempts AS (
        INSERT INTO attempts (id, item_id, number, worker, started_at)
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

LOST_ATTEMPTS = Statement("""
    UPDATE attempts SET ended_at = :now, decision = 'lost', reason = 'The worker stopped or lost its lease.'
    FROM unnest(CAST(:ids AS uuid[]), CAST(:numbers AS int[])) AS mine(item_id, number)
    WHERE attempts.item_id = mine.item_id AND attempts.number < mine.number AND attempts.ended_at IS NULL
""")

JOURNALS = Statement("""
    SELECT journal.* FROM journal JOIN items ON items.id = journal.item_id AND items.round = journal.round
    WHERE items.id = ANY(:ids)
""")

EXTEND = Statement("""
    UPDATE items SET due_at = :until, lease_until = :until
    FROM unnest(CAST(:ids AS uuid[]), CAST(:fences AS int[])) AS mine(id, fence)
    WHERE items.id = mine.id AND items.fence = mine.fence AND items.lease_until IS NOT NULL
    RETURNING items.id
""")

NEXT_DUE = Statement(
    SPACES  # noqa: S608 - both parts are constants
    + """
    SELECT min(first.due_at) FROM spaces CROSS JOIN LATERAL (
        SELECT due_at FROM items WHERE items.workspace_id = spaces.workspace_id AND due_at IS NOT NULL
        ORDER BY due_at LIMIT 1
    ) AS first
    """
)


async def claim(database: Database, limit: int, worker: str, quotas_of: str = "") -> list[ClaimedItem]:
    """Claim up to `limit` due items, fair by workspace, oldest first, each with a new or continued attempt.

    `quotas_of` is the prefix of the subjects of their quotas.
    """
    good_until = clock.monotonic() + LEASE.total_seconds()
    now = clock.now()
    values = {
        "now": now,
        "until": now + LEASE,
        "limit": limit,
        "candidates": limit * CANDIDATES_PER_ITEM,
        "attempt_ids": [new_id() for _ in range(limit)],
        "worker": worker,
        "quotas_of": quotas_of,
    }
    claimed = {row["id"]: _claimed_item(row, good_until) for row in await database.hot_pool.fetch(CLAIM, values)}
    reclaimed = {id: one for id, one in claimed.items() if one.lease.fence > 1}
    if reclaimed:
        # The journal is read after the claim, not by it: the claim sees the database as of its start, and a worker
        # whose lease has just expired may write until the claim locks the row. After that, its fencing token is stale.
        for row in await database.hot_pool.fetch(JOURNALS, {"ids": list(reclaimed)}):
            reclaimed[row["item_id"]].journal[row["name"]] = dict(row)
        numbers = [one.item["attempts"] for one in reclaimed.values()]
        await database.hot_pool.fetch(LOST_ATTEMPTS, {"now": now, "ids": list(reclaimed), "numbers": numbers})
    return list(claimed.values())


def _claimed_item(row: asyncpg.Record, good_until: float) -> ClaimedItem:
    item = dict(row)
    context = {name: item.pop(name) for name in ("attempt_id", "clip", "scheduled_at", "closed")}
    connection = {
        name.removeprefix(OF_CONNECTION): item.pop(name) for name in list(item) if name.startswith(OF_CONNECTION)
    }
    return ClaimedItem(
        Lease(item["id"], item["fence"], good_until),
        item,
        context["attempt_id"],
        connection,
        context["clip"],
        context["scheduled_at"],
        context["closed"] or {},
    )


async def extend(database: Database, leases: list[Lease]) -> list[Lease]:
    """Renew the leases for `LEASE` from now. Return the lost ones: ended, or reclaimed by another worker."""
    good_until = clock.monotonic() + LEASE.total_seconds()
    values = {
        "until": clock.now() + LEASE,
        "ids": [lease.item_id for lease in leases],
        "fences": [lease.fence for lease in leases],
    }
    kept = {row["id"] for row in await database.hot_pool.fetch(EXTEND, values)}
    for lease in leases:
        if lease.item_id in kept:
            lease.good_until = good_until
    return [lease for lease in leases if lease.item_id not in kept]


async def next_due(database: Database) -> datetime | None:
    """Return the earliest due time of all items, claimed ones included; None if no item has one."""
    [[found]] = await database.hot_pool.fetch(NEXT_DUE, {})
    return found  # type: ignore[no-any-return]


async def requeue_waiting(session: AsyncSession, connection_id: UUID) -> None:
    """Make items that wait for this connection due now."""
    waiting = (Item.connection_id == connection_id, Item.reconnect_by.is_not(None), Item.lease_until.is_(None))
    await session.execute(update(Item).where(*waiting).values(due_at=clock.now(), reconnect_by=None))
    await wake_workers(session)


# The other items of an account become due this long after the one that a caller retries. If the platform rejects that
# one, they see the renewed limit first.
FOLLOW_AFTER = timedelta(seconds=15)

# Locked items are skipped: another transaction runs, changes or deletes them. Waiting for them could deadlock two
# requests.
RELEASE_RATE_LIMITED = text("""
    UPDATE items SET due_at = :at WHERE id IN (
        SELECT items.id FROM connections AS retried
        JOIN connections AS of USING (platform, account_id, sandbox)
        JOIN items ON items.connection_id = of.id
        WHERE retried.id = ANY(:connection_ids) AND items.status = 'processing' AND items.lease_until IS NULL
          AND items.due_at > :at AND items.error ->> 'class' = 'rate_limited'
        FOR UPDATE OF items SKIP LOCKED
    )
""")


async def release_rate_limited(session: AsyncSession, connection_ids: Collection[UUID]) -> None:
    """Make due the items, of all workspaces, that wait for a limit of these connections' accounts."""
    values = {"connection_ids": list(connection_ids), "at": clock.now() + FOLLOW_AFTER}
    await session.execute(RELEASE_RATE_LIMITED, values)


async def wake_workers(session: AsyncSession) -> None:
    """Notify all workers, when the transaction commits, that an item may be due."""
    await session.execute(text(f"NOTIFY {CHANNEL}"))
