"""What runs of webhooks read and record: deliveries and their results, and the health of a webhook."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from asyncpg import Record
from pydantic_core import to_json

from clipcast.clock import clock
from clipcast.common.timestamps import format_timestamp
from clipcast.database.hot_queries import AsyncpgPool, Statement, Transaction
from clipcast.jobs.claimed import ClaimedJob
from clipcast.jobs.runs import MINE, mine
from clipcast.webhooks.schedule import DISABLED_AFTER, WARNED_AFTER, WARNING, bounded, next_wait, pause_after
from clipcast.webhooks.sending import GONE, Result

# The last attempts that a delivery keeps.
TRIES_MAX = 20
# The statuses with which a receiver asks for a pause of all requests.
BUSY = (429, 503)

WEBHOOK = """
    SELECT id, url, secret, former_secret, former_until, older_secrets, older_until, disabled_at, failures,
           failing_since, paused_until, warned_at, last_error, last_success_at, updated_at
    FROM webhooks WHERE id = :id
"""
READ_WEBHOOK = Statement(WEBHOOK)
LOCK_WEBHOOK = Statement(f"{WEBHOOK} FOR NO KEY UPDATE")
UNCHANGED = Statement("SELECT FROM webhooks WHERE id = :id AND updated_at = :read_at")
# First attempts, in the order of their events, and then retries: what a receiver rejects holds nothing else up. No row
# if the webhook has changed; one without a delivery if none is due.
DUE = Statement("""
    WITH first AS (
        SELECT id, event_id, attempts, subject_id, sequence, due_at FROM deliveries
        WHERE webhook_id = :webhook_id AND status = 'pending' AND attempts = 0 AND due_at <= :now AND id <> ALL(:known)
        ORDER BY sequence LIMIT :limit
    ), retries AS (
        SELECT id, event_id, attempts, subject_id, sequence, due_at FROM deliveries
        WHERE webhook_id = :webhook_id AND status = 'pending' AND attempts > 0 AND due_at <= :now AND id <> ALL(:known)
        ORDER BY due_at
        LIMIT least(CAST(:retries AS bigint), CAST(:limit AS bigint) - (SELECT count(*) FROM first))
    )
    SELECT due.id, due.event_id, due.attempts, due.subject_id, events.post_id, events.body
    FROM webhooks
    LEFT JOIN (SELECT * FROM first UNION ALL SELECT * FROM retries) AS due ON true
    LEFT JOIN events ON events.id = due.event_id
    WHERE webhooks.id = :webhook_id AND webhooks.updated_at = :read_at
    ORDER BY due.attempts > 0, CASE WHEN due.attempts = 0 THEN due.sequence END, due.due_at
""")
# Nothing of a delivery that was replayed meanwhile: its attempts begin anew.
RECORD = Statement(f"""
    WITH result AS (
        SELECT * FROM jsonb_to_recordset(CAST(:results AS jsonb)) AS result(
            id uuid, attempts int, status text, due_at timestamptz, ended_at timestamptz, attempt jsonb)
    ), locked AS (
        SELECT deliveries.id FROM deliveries JOIN result USING (id) ORDER BY deliveries.sequence
        FOR NO KEY UPDATE OF deliveries
    )
    UPDATE deliveries SET
        status = result.status, attempts = deliveries.attempts + 1, due_at = result.due_at, ended_at = result.ended_at,
        tries = CASE WHEN jsonb_array_length(tries) < {TRIES_MAX} THEN tries ELSE tries - 0 END || result.attempt
    FROM result JOIN locked USING (id)
    WHERE deliveries.id = result.id AND deliveries.status = 'pending' AND deliveries.attempts = result.attempts
      AND {MINE}
    RETURNING EXISTS (SELECT FROM webhooks WHERE id = deliveries.webhook_id AND updated_at = :read_at) AS is_unchanged
""")  # noqa: S608 - constants
SAVE_HEALTH = Statement("""
    UPDATE webhooks SET
        failures = :failures, failing_since = :failing_since, paused_until = :paused_until, warned_at = :warned_at,
        last_error = :last_error, last_success_at = :last_success_at,
        disabled_at = coalesce(disabled_at, CAST(:ended_at AS timestamptz)),
        disabled_reason = coalesce(disabled_reason, :reason), updated_at = :now
    WHERE id = :id
""")
GIVE_UP = Statement("""
    UPDATE deliveries SET status = 'failed', ended_at = :now WHERE id IN (
        SELECT id FROM deliveries WHERE webhook_id = :id AND status = 'pending' ORDER BY sequence FOR NO KEY UPDATE
    )
""")


@dataclass(frozen=True)
class DueDelivery:
    """A delivery to send now."""

    id: UUID
    event_id: UUID
    attempts: int
    subject_id: UUID
    post_id: UUID | None
    body: str

    @property
    def is_retry(self) -> bool:
        return self.attempts > 0


@dataclass(frozen=True)
class WebhookRow:
    """The columns of a webhook that a run needs."""

    id: UUID
    url: str
    secret: bytes
    former_secret: bytes | None
    former_until: datetime | None
    older_secrets: list[bytes]
    older_until: list[datetime]
    disabled_at: datetime | None
    failures: int
    failing_since: datetime | None
    paused_until: datetime | None
    warned_at: datetime | None
    last_error: str | None
    last_success_at: datetime | None
    updated_at: datetime


async def read_webhook(pool: AsyncpgPool, id: UUID) -> WebhookRow | None:
    """Return a webhook; None if it was deleted. Raise DatabaseUnavailable."""
    return _webhook(await pool.fetch(READ_WEBHOOK, {"id": id}))


async def lock_webhook(transaction: Transaction, id: UUID) -> WebhookRow | None:
    """Lock and return a webhook; None if it was deleted. Its job is locked after it. Raise DatabaseUnavailable."""
    return _webhook(await transaction.fetch(LOCK_WEBHOOK, {"id": id}))


def _webhook(rows: Sequence[Record]) -> WebhookRow | None:
    return WebhookRow(**dict(rows[0])) if rows else None


async def is_unchanged(pool: AsyncpgPool, id: UUID, read_at: datetime) -> bool:
    """Return whether a webhook is as it was read: its `updated_at` is `read_at`. Raise DatabaseUnavailable."""
    return bool(await pool.fetch(UNCHANGED, {"id": id, "read_at": read_at}))


async def read_due(
    pool: AsyncpgPool, webhook_id: UUID, read_at: datetime, known: Collection[UUID], limit: int, retries: int
) -> list[DueDelivery] | None:
    """Return at most `limit` due deliveries that are not `known`: first attempts in the order of their events.

    Then come retries, at most so many as `retries`.

    None if the webhook was changed, disabled or deleted: its `updated_at` is not `read_at`. Raise DatabaseUnavailable.
    """
    values = {
        "webhook_id": webhook_id, "read_at": read_at, "now": clock.now(), "known": list(known), "limit": limit,
        "retries": retries,
    }  # fmt: skip
    rows = await pool.fetch(DUE, values)
    return [DueDelivery(**dict(row)) for row in rows if row["id"] is not None] if rows else None


async def record(
    pool: AsyncpgPool, claimed: ClaimedJob, read_at: datetime, results: Collection[tuple[DueDelivery, Result]]
) -> bool:
    """Record the results of attempts. Return whether the webhook and these deliveries are still as they were read.

    Raise LeaseLost, and record nothing, if another worker has the job.
    """
    rows = [_row(delivery, result) for delivery, result in results]
    values = {"results": to_json(rows).decode(), "read_at": read_at}
    found = await pool.fetch(RECORD, values | mine(claimed))
    if not found and rows:
        claimed.lease.check()  # else they were given up, replayed or deleted meanwhile
    return len(found) == len(rows) and all(row["is_unchanged"] for row in found)


def _row(delivery: DueDelivery, result: Result) -> dict[str, Any]:
    now = clock.now()
    wait = None if result.error is None else next_wait(delivery.attempts + 1, result.retry_after)
    status = "delivered" if result.error is None else "failed" if wait is None else "pending"
    return {
        "id": delivery.id,
        "attempts": delivery.attempts,
        "status": status,
        "due_at": now if wait is None else now + wait,
        "ended_at": None if status == "pending" else now,
        "attempt": {
            "at": format_timestamp(result.began_at),
            "seconds": round(result.seconds, 3),
            "status": result.status,
            "error": result.error,
        },
    }


@dataclass
class Health:
    """How well a webhook responds. Attempts at the same time count as one."""

    id: UUID
    # The webhook's `updated_at` when it was read.
    updated_at: datetime
    failures: int
    failing_since: datetime | None
    paused_until: datetime | None
    warned_at: datetime | None
    last_error: str | None
    last_success_at: datetime | None
    disabled_at: datetime | None
    # Why this run disables it.
    reason: str | None = None
    _counted_at: datetime | None = field(default=None)
    _changed: bool = field(default=False)
    _told: bool = field(default=False)

    @classmethod
    def of(cls, row: WebhookRow) -> "Health":
        names = (
            "id", "updated_at", "failures", "failing_since", "paused_until", "warned_at", "last_error",
            "last_success_at", "disabled_at",
        )  # fmt: skip
        return cls(**{name: getattr(row, name) for name in names})

    @property
    def is_failing(self) -> bool:
        return self.failures > 0

    @property
    def is_disabled(self) -> bool:
        return self.disabled_at is not None or self.reason is not None

    @property
    def is_paused(self) -> bool:
        return self.not_before > clock.now()

    @property
    def not_before(self) -> datetime:
        """The earliest time of the next request."""
        return self.paused_until or clock.now()

    def add(self, result: Result) -> None:
        """Count the result of an attempt."""
        now, self._changed = clock.now(), True
        if result.error is None:
            self.failures, self.failing_since, self.paused_until, self.warned_at = 0, None, None, None
            self.last_success_at = now
            return
        self.last_error = result.error
        self.failing_since = self.failing_since or result.began_at
        if self._counted_at is None or result.began_at >= self._counted_at:
            self.failures, self._counted_at = self.failures + 1, now
        if result.status is None or result.status in BUSY:  # other receivers reject this event, perhaps no other one
            pause = max(pause_after(self.failures), bounded(result.retry_after))
            self.paused_until = max(now + pause, self.not_before) if pause else self.paused_until
        if result.status == GONE:
            self.reason = "gone"
        elif now - self.failing_since < WARNED_AFTER:
            return
        elif self.warned_at is None:
            self.warned_at, self._told = now, True
        elif now - self.failing_since >= DISABLED_AFTER and now - self.warned_at >= WARNING:
            self.reason = "failures"

    async def save(self, transaction: Transaction) -> bool:
        """Save what changed. Return whether that may have written an event."""
        if not self._changed:
            return False
        now = clock.now()
        values = {name: value for name, value in vars(self).items() if not name.startswith("_")}
        await transaction.fetch(SAVE_HEALTH, values | {"now": now, "ended_at": now if self.reason else None})
        if self.reason is not None:
            await transaction.fetch(GIVE_UP, {"id": self.id, "now": now})
        return self._told or self.reason is not None
