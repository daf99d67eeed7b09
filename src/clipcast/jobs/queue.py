"""The queue: items that are due, claimed under a lease with a fencing token.

The rows of `items` are the queue. Claiming pushes `due_at` to the end of the lease and counts `fence` up; a worker
extends its leases while it lives, and every write it makes is conditional on its fence. So an item of a dead worker
comes back by itself, and a worker that was only frozen can neither write nor send once another has the item.
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
# A dead worker's items are taken over within this time; a live one extends its leases several times in it.
LEASE = timedelta(seconds=8)


class LeaseLost(Exception):
    """Another worker has the item. Whatever this one was about to write or send must not happen."""


@dataclass
class Lease:
    """This worker's hold on one item. `good_until` is on the monotonic clock, which a frozen process cannot fool."""

    item_id: UUID
    fence: int
    good_until: float

    def check(self) -> None:
        """Raises LeaseLost when the hold may have ended."""
        if clock.monotonic() >= self.good_until:
            raise LeaseLost(str(self.item_id))


@dataclass
class ClaimedItem:
    """A claimed item with everything its run needs."""

    lease: Lease
    item: dict[str, Any]
    attempt_id: UUID
    connection: dict[str, Any]
    clip: dict[str, Any]
    # When it was to begin; None for a post that was made for now.
    scheduled_at: datetime | None = None
    # Until when the platform has said that nothing is left of a quota, by its name.
    closed: dict[str, str] = field(default_factory=dict)
    journal: dict[str, dict[str, Any]] = field(default_factory=dict)


OF_CONNECTION = "connection."
# Items looked at for each that is wanted: other workers may be claiming the same ones in this moment.
SEEN_BEYOND = 3

# The workspaces that have items which are or will be due: hops from one to the next over the index, whatever the number
# of items.
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

# All that a claim is, in one trip: the items, their attempts, and what a run needs to know. Workspaces take turns: next
# is the one that has the fewest items running, and of each the item that is longest due. What is wanted of other tables
# is looked up row by row, which is what the LIMIT 1 is for.
CLAIM = Statement(
    SPACES  # noqa: S608 - both parts are constants
    + """
    , running AS (
        SELECT workspace_id, count(*) AS number FROM items WHERE lease_until IS NOT NULL GROUP BY workspace_id
    ), candidates AS (
        SELECT first.id, first.due_at, coalesce(running.number, 0)
               + row_number() OVER (PARTITION BY spaces.workspace_id ORDER BY first.due_at) AS turn
        FROM spaces
        CROSS JOIN LATERAL (
            SELECT id, due_at FROM items
            WHERE items.workspace_id = spaces.workspace_id AND due_at <= :now
            ORDER BY due_at LIMIT :seen
        ) AS first
        LEFT JOIN running ON running.workspace_id = spaces.workspace_id
        ORDER BY turn, due_at LIMIT :seen
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
    ), tried AS (
        INSERT INTO attempts (id, item_id, number, worker, started_at)
        SELECT (CAST(:attempt_ids AS uuid[]))[row_number() OVER ()], id, attempts, :worker, :now FROM claimed
        ON CONFLICT (item_id, number) DO UPDATE
        SET worker = excluded.worker, ended_at = NULL, decision = NULL, reason = NULL
        RETURNING item_id, id
    )
    SELECT claimed.*, due.continues_attempt AS goes_on, tried.id AS attempt_id, context.*
    FROM claimed
    JOIN due ON due.id = claimed.id
    JOIN tried ON tried.item_id = claimed.id
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
    """At most `limit` due items, the longest due first, each with a new or continued attempt.

    `quotas_of` is what the names of their quotas' subjects begin with.
    """
    good_until = clock.monotonic() + LEASE.total_seconds()
    now = clock.now()
    wanted = {
        "now": now,
        "until": now + LEASE,
        "limit": limit,
        "seen": limit * SEEN_BEYOND,
        "attempt_ids": [new_id() for _ in range(limit)],
        "worker": worker,
        "quotas_of": quotas_of,
    }
    work = {row["id"]: _work(row, good_until) for row in await database.hot_pool.fetch(CLAIM, wanted)}
    again = {id: one for id, one in work.items() if one.lease.fence > 1}
    if again:
        # Only now: the claim itself saw the database as it was when it began, and a worker whose lease had just ended
        # may have written until the claim took its row. From here on, its fence keeps it from writing.
        for row in await database.hot_pool.fetch(JOURNALS, {"ids": list(again)}):
            again[row["item_id"]].journal[row["name"]] = dict(row)
        numbers = [one.item["attempts"] for one in again.values()]
        await database.hot_pool.fetch(LOST_ATTEMPTS, {"now": now, "ids": list(again), "numbers": numbers})
    return list(work.values())


def _work(row: asyncpg.Record, good_until: float) -> ClaimedItem:
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
    """Extends the leases by `LEASE` from now. Returns those that another worker has taken."""
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
    """When the next item is due, leases included."""
    [[found]] = await database.hot_pool.fetch(NEXT_DUE, {})
    return found  # type: ignore[no-any-return]


async def requeue_waiting(session: AsyncSession, connection_id: UUID) -> None:
    """Whatever waited for this account to be connected again is due now."""
    waiting = (Item.connection_id == connection_id, Item.reconnect_by.is_not(None), Item.lease_until.is_(None))
    await session.execute(update(Item).where(*waiting).values(due_at=clock.now(), reconnect_by=None))
    await wake_workers(session)


# Other items of an account follow this much later than the one that somebody tries: a refusal reaches them in time.
FOLLOW_AFTER = timedelta(seconds=15)

# Items that are locked are being tried, changed or deleted by somebody else. Waiting for them could block two requests
# that each hold what the other waits for.
RELEASE_RATE_LIMITED = text("""
    UPDATE items SET due_at = :at WHERE id IN (
        SELECT items.id FROM connections AS tried
        JOIN connections AS of USING (platform, account_id, sandbox)
        JOIN items ON items.connection_id = of.id
        WHERE tried.id = ANY(:connection_ids) AND items.status = 'processing' AND items.lease_until IS NULL
          AND items.due_at > :at AND items.error ->> 'class' = 'rate_limited'
        FOR UPDATE OF items SKIP LOCKED
    )
""")


async def release_rate_limited(session: AsyncSession, connection_ids: Collection[UUID]) -> None:
    """Make the items due that wait for a limit of these connections' accounts, in whichever workspace they are."""
    values = {"connection_ids": list(connection_ids), "at": clock.now() + FOLLOW_AFTER}
    await session.execute(RELEASE_RATE_LIMITED, values)


async def wake_workers(session: AsyncSession) -> None:
    """Tells every worker, once the transaction commits, that something may be due."""
    await session.execute(text(f"NOTIFY {CHANNEL}"))
