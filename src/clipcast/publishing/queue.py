"""The queue: items that are due, claimed under a lease with a fencing token.

The rows of `items` are the queue. Claiming pushes `due_at` to the end of the lease and counts `fence` up; a worker
extends its leases while it lives, and every write it makes is conditional on its fence. So an item of a dead worker
comes back by itself, and a worker that was only frozen can neither write nor send once another has the item.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text, update
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.clock import clock
from clipcast.database import Database
from clipcast.database.direct import Statement, Transaction
from clipcast.ids import new_id
from clipcast.posts.models import Item

CHANNEL = "clipcast_due"
# A dead worker's items are taken over within this time; a live one extends its leases several times in it.
LEASE = timedelta(seconds=8)


class LeaseLost(Exception):
    """Another worker has the item. Whatever this one was about to write or send must not happen."""


# Items looked at for each that is wanted: other workers may be claiming the same ones in this moment.
SEEN_BEYOND = 3


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
class Work:
    """A claimed item with everything its run needs, read in the claim's own transaction."""

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


# Workspaces take turns: next is the one that has the fewest items running, and of each the item that is longest due.
# `spaces` hops from one workspace to the next over the index, whatever the number of items.
CLAIM = Statement("""
    WITH RECURSIVE spaces(workspace_id) AS (
        (SELECT workspace_id FROM items WHERE due_at IS NOT NULL ORDER BY workspace_id LIMIT 1)
        UNION ALL
        SELECT (
            SELECT items.workspace_id FROM items
            WHERE items.due_at IS NOT NULL AND items.workspace_id > spaces.workspace_id
            ORDER BY items.workspace_id LIMIT 1
        ) FROM spaces WHERE spaces.workspace_id IS NOT NULL
    ), running AS (
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
        SELECT items.id, items.resuming FROM items JOIN candidates ON candidates.id = items.id
        WHERE items.due_at <= :now
        ORDER BY candidates.turn, candidates.due_at LIMIT :limit FOR UPDATE OF items SKIP LOCKED
    )
    UPDATE items SET
        due_at = :until, lease_until = :until, fence = fence + 1, updated_at = :now, resuming = false,
        status = CASE WHEN status = 'pending' THEN 'processing' ELSE status END,
        attempts = attempts + CASE WHEN due.resuming THEN 0 ELSE 1 END
    FROM due WHERE items.id = due.id
    RETURNING items.*, due.resuming AS goes_on
""")

LOST_ATTEMPTS = Statement("""
    UPDATE attempts SET ended_at = :now, decision = 'lost', reason = 'The worker stopped or lost its lease.'
    WHERE item_id = ANY(:ids) AND ended_at IS NULL
""")

OPEN_ATTEMPTS = Statement("SELECT item_id, id FROM attempts WHERE item_id = ANY(:ids) AND ended_at IS NULL")

# One that had been closed goes on under its old id.
NEW_ATTEMPTS = Statement("""
    INSERT INTO attempts (id, item_id, number, worker, started_at)
    SELECT new.id, new.item_id, new.number, :worker, :now
    FROM unnest(CAST(:ids AS uuid[]), CAST(:items AS uuid[]), CAST(:numbers AS int[])) AS new(id, item_id, number)
    ON CONFLICT (item_id, number) DO UPDATE
    SET worker = excluded.worker, ended_at = NULL, decision = NULL, reason = NULL
    RETURNING item_id, id
""")

CONTEXTS = Statement("""
    SELECT items.id AS item_id, row_to_json(clips) AS clip, posts.scheduled_at,
           (SELECT jsonb_object_agg(quotas.name, quotas.spent_until) FROM quotas
            WHERE quotas.subject IN (
                :where || connections.platform, :where || connections.platform || ' ' || connections.account_id
            ) AND quotas.spent_until > :now) AS closed,
           connections.id, connections.platform, connections.account_id, connections.username, connections.status,
           connections.status_reason, connections.sandbox, connections.profile, connections.scopes,
           connections.tokens, connections.tokens_version, connections.issued_at, connections.expires_at
    FROM items
    JOIN connections ON connections.id = items.connection_id
    JOIN posts ON posts.id = items.post_id
    JOIN renders ON renders.edit_setting_id = items.edit_id
    JOIN clips ON clips.id = renders.clip_id
    WHERE items.id = ANY(:ids)
""")

NOT_OF_CONNECTION = ("item_id", "clip", "scheduled_at", "closed")

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

NEXT_DUE = Statement("SELECT min(due_at) FROM items WHERE due_at IS NOT NULL")


async def claim(database: Database, limit: int, worker: str, quotas_of: str = "") -> list[Work]:
    """At most `limit` due items, the longest due first, each with a new or continued attempt.

    `quotas_of` is what the names of their quotas' subjects begin with.
    """
    good_until = clock.monotonic() + LEASE.total_seconds()
    now = clock.now()
    async with database.direct.transaction() as transaction:
        wanted = {"now": now, "until": now + LEASE, "limit": limit, "seen": limit * SEEN_BEYOND}
        items = {row["id"]: dict(row) for row in await transaction.fetch(CLAIM, wanted)}
        if not items:
            return []
        attempts = await _attempts(transaction, items, worker, now)
        contexts = await transaction.fetch(CONTEXTS, {"ids": list(items), "where": quotas_of, "now": now})
        work = {
            row["item_id"]: Work(
                Lease(row["item_id"], items[row["item_id"]]["fence"], good_until),
                items[row["item_id"]],
                attempts[row["item_id"]],
                {key: value for key, value in row.items() if key not in NOT_OF_CONNECTION},
                row["clip"],
                row["scheduled_at"],
                row["closed"] or {},
            )
            for row in contexts
        }
        if any(item["fence"] > 1 for item in items.values()):
            for row in await transaction.fetch(JOURNALS, {"ids": list(items)}):
                work[row["item_id"]].journal[row["name"]] = dict(row)
    return list(work.values())


async def _attempts(
    transaction: Transaction, items: dict[UUID, dict[str, Any]], worker: str, now: datetime
) -> dict[UUID, UUID]:
    """The attempt of each item: the one under way where the item only waited, else a new one."""
    going_on = [item["id"] for item in items.values() if item["goes_on"]]
    found: dict[UUID, UUID] = {}
    if going_on:
        found = {row["item_id"]: row["id"] for row in await transaction.fetch(OPEN_ATTEMPTS, {"ids": going_on})}
    fresh = [item for item in items.values() if item["id"] not in found]
    if not fresh:
        return found
    if any(item["fence"] > 1 for item in fresh):
        await transaction.fetch(LOST_ATTEMPTS, {"now": now, "ids": [item["id"] for item in fresh]})
    new = {
        "ids": [new_id() for _ in fresh],
        "items": [item["id"] for item in fresh],
        "numbers": [item["attempts"] for item in fresh],
        "worker": worker,
        "now": now,
    }
    return found | {row["item_id"]: row["id"] for row in await transaction.fetch(NEW_ATTEMPTS, new)}


async def extend(database: Database, leases: list[Lease]) -> list[Lease]:
    """Extends the leases by `LEASE` from now. Returns those that another worker has taken."""
    good_until = clock.monotonic() + LEASE.total_seconds()
    values = {
        "until": clock.now() + LEASE,
        "ids": [lease.item_id for lease in leases],
        "fences": [lease.fence for lease in leases],
    }
    kept = {row["id"] for row in await database.direct.fetch(EXTEND, values)}
    for lease in leases:
        if lease.item_id in kept:
            lease.good_until = good_until
    return [lease for lease in leases if lease.item_id not in kept]


async def next_due(database: Database) -> datetime | None:
    """When the next item is due, leases included."""
    [[found]] = await database.direct.fetch(NEXT_DUE, {})
    return found  # type: ignore[no-any-return]


async def release_waiting(session: AsyncSession, connection_id: UUID) -> None:
    """Whatever waited for this account to be connected again is due now."""
    waiting = (Item.connection_id == connection_id, Item.reconnect_by.is_not(None), Item.lease_until.is_(None))
    await session.execute(update(Item).where(*waiting).values(due_at=clock.now(), reconnect_by=None))
    await wake_workers(session)


async def wake_workers(session: AsyncSession) -> None:
    """Tells every worker, once the transaction commits, that something may be due."""
    await session.execute(text(f"NOTIFY {CHANNEL}"))
