"""The outcomes of runs: each is one conditional statement that updates the item, its attempt and its timeline."""

import json
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from clipcast.clock import clock
from clipcast.common.storable import storable, storable_json
from clipcast.common.timestamps import format_timestamp
from clipcast.database import Database
from clipcast.database.hot_queries import Executor, Statement, Transaction
from clipcast.jobs.queue import ClaimedItem, LeaseLost
from clipcast.jobs.timeline import WRITE_EVENTS, Timeline
from clipcast.platforms.base import Published, PublishWarning
from clipcast.platforms.errors import PublishError, as_dict

CONNECTION_STATUS = Statement("SELECT status FROM connections WHERE id = :id FOR SHARE")


@cache
def _ending(columns: tuple[str, ...], ends_attempt: bool) -> Statement:
    """Return the statement that sets these columns of the item and ends its lease, given a valid fencing token."""
    attempt = """
        , attempt AS (
            UPDATE attempts SET ended_at = :now, decision = :decision, reason = :reason, error = CAST(:cause AS jsonb)
            FROM held WHERE attempts.id = :attempt_id
        )
    """
    return Statement(f"""
        WITH held AS (
            UPDATE items SET {", ".join(f"{name} = :{name}" for name in columns)}, lease_until = NULL, updated_at = :now
            WHERE id = :item_id AND fence = :fence AND lease_until IS NOT NULL RETURNING id
        ), events AS ({WRITE_EVENTS}) {attempt if ends_attempt else ""}
        SELECT id FROM held
    """)


def _column(value: Any) -> Any:
    """Return the value of a column, with every text in a form that PostgreSQL can store."""
    match value:
        case str():
            return storable(value)
        case dict() | list():
            return json.dumps(storable_json(value))
    return value


class Outcomes:
    """The possible ends of a run. Each method ends the lease.

    Each raises LeaseLost, and changes nothing, if another worker has reclaimed the item.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def reschedule(
        self,
        claimed: ClaimedItem,
        timeline: Timeline,
        stage: str | None,
        progress: int,
        delay: timedelta,
        why: str,
        error: PublishError | None = None,
    ) -> None:
        """End the run, keep the attempt, and show `error` until the next run."""
        now = clock.now()
        timeline.add("wait", why, detail=f"{delay.total_seconds():.0f} s")
        values: dict[str, Any] = {
            "due_at": now + delay,
            "continues_attempt": True,
            "stage": stage,
            "progress": progress,
        }
        values |= {"error": as_dict(error, format_timestamp(now) or "")} if error else {}
        await self._write(claimed, timeline, values)

    async def published(self, claimed: ClaimedItem, timeline: Timeline, result: Published) -> None:
        """Record that the video is live. With `needs_finish`, the platform's `finish` runs next."""
        now = clock.now()
        timeline.add("decision", "published", detail=result.url)
        await self._write(
            claimed,
            timeline,
            {
                "status": "published",
                "stage": None,
                "progress": 100,
                "published_at": now,
                "platform_post_id": result.post_id,
                "platform_post_url": result.url,
                "warnings": [vars(warning) for warning in result.warnings],
                "error": None,
                "failures": 0,
                "due_at": now if result.needs_finish else None,
                "reconnect_by": None,
                "continues_attempt": result.needs_finish,
            },
            None if result.needs_finish else {"decision": "published", "reason": result.url},
        )

    async def finished(
        self,
        claimed: ClaimedItem,
        timeline: Timeline,
        result: Published | None,
        warnings: list[PublishWarning],
        why: str,
    ) -> None:
        """End a published item whose steps after publishing are done or given up. Add `warnings` to the item's."""
        values: dict[str, Any] = {"due_at": None}
        values |= {"warnings": [*claimed.item["warnings"], *map(vars, warnings)]}
        if result is not None:
            values |= {"platform_post_id": result.post_id, "platform_post_url": result.url}
        await self._write(claimed, timeline, values, {"decision": "published", "reason": why})

    async def waiting_for_owner(
        self, claimed: ClaimedItem, timeline: Timeline, error: PublishError, progress: int, until: datetime
    ) -> None:
        """Wait until the account is connected again, at most until `until`.

        The connection is locked first, as it is when the account is connected again: either that transaction sees the
        waiting item, or this one sees the active connection.
        """
        now = clock.now()
        reason = f"{error.code}: waits until {format_timestamp(until)} for the account to be connected again"
        timeline.add("decision", "retry", detail=reason)
        shown = as_dict(error, format_timestamp(now) or "")
        values: dict[str, Any] = {"error": shown, "stage": None, "progress": progress, "continues_attempt": False}
        values |= {"round": claimed.item["round"] + 1} if error.restart else {}
        async with self._database.hot_pool.transaction() as transaction:
            [[status]] = await transaction.fetch(CONNECTION_STATUS, {"id": claimed.connection["id"]})
            waits = status != "active"
            values |= {"due_at": until if waits else now, "reconnect_by": until if waits else None}
            attempt = {"decision": "retry", "reason": reason, "error": shown}
            await self._write(claimed, timeline, values, attempt, transaction)

    async def failed(
        self,
        claimed: ClaimedItem,
        timeline: Timeline,
        error: PublishError,
        progress: int,
        failures: int,
        delay: timedelta | None,
    ) -> None:
        """Retry after `delay`, or fail the item if that is None. `failures` is the number of failures in a row."""
        now = clock.now()
        shown = as_dict(error, format_timestamp(now) or "")
        values: dict[str, Any] = {"error": shown, "failures": failures, "stage": None, "progress": progress}
        if error.restart:
            values |= {"round": claimed.item["round"] + 1}
        if delay is None:
            reason = f"{error.code}: {error.message}"
            timeline.add("decision", "failed", detail=reason)
            values |= {"status": "failed", "due_at": None, "reconnect_by": None}
            await self._write(claimed, timeline, values, {"decision": "failed", "reason": reason, "error": shown})
            return
        reason = f"{error.code}: the next attempt starts in {delay.total_seconds():.0f} s (failure {failures} in a row)"
        timeline.add("decision", "retry", detail=reason)
        values |= {"due_at": now + delay, "continues_attempt": False}
        await self._write(claimed, timeline, values, {"decision": "retry", "reason": reason, "error": shown})

    async def retry_finish(
        self, claimed: ClaimedItem, timeline: Timeline, error: PublishError, delay: timedelta
    ) -> None:
        """Run the platform's `finish` again after `delay`. The item stays published."""
        timeline.add("wait", f"{error.code}: {error.message}", detail=f"{delay.total_seconds():.0f} s")
        values = {"due_at": clock.now() + delay, "continues_attempt": True, "failures": claimed.item["failures"] + 1}
        await self._write(claimed, timeline, values)

    async def release(self, claimed: ClaimedItem, timeline: Timeline) -> None:
        """Make the item due now, for any other worker: this one stops."""
        timeline.add("decision", "handed_over", detail="The worker stops.")
        await self._write(claimed, timeline, {"due_at": clock.now(), "continues_attempt": True})

    async def _write(
        self,
        claimed: ClaimedItem,
        timeline: Timeline,
        values: dict[str, Any],
        attempt: dict[str, Any] | None = None,
        transaction: Transaction | None = None,
    ) -> None:
        values_of_run = {
            "now": clock.now(),
            "item_id": claimed.lease.item_id,
            "fence": claimed.lease.fence,
            "events": timeline.take(),
            "attempt_id": claimed.attempt_id,
        }
        columns = {name: _column(value) for name, value in values.items()}
        if attempt is not None:
            cause = attempt.get("error")
            ended = {name: _column(value) for name, value in attempt.items()} | {"cause": _column(cause) or None}
            values_of_run |= ended
        statement = _ending(tuple(sorted(columns)), attempt is not None)
        executor: Executor = transaction or self._database.hot_pool
        if not await executor.fetch(statement, values_of_run | columns):
            raise LeaseLost(str(claimed.lease.item_id))
