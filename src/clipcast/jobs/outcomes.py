"""Writing down what became of a run: one conditional update of the item, the attempt and its timeline together."""

import json
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from clipcast.clock import clock
from clipcast.common.storable import storable, storable_json
from clipcast.common.timestamps import format_timestamp
from clipcast.database import Database
from clipcast.database.hot_queries import AsyncpgPool, Statement, Transaction
from clipcast.jobs.queue import ClaimedItem, LeaseLost
from clipcast.jobs.timeline import WRITE_EVENTS, Timeline
from clipcast.platforms.base import Published, PublishWarning
from clipcast.platforms.errors import PublishError, as_dict

CONNECTION_STATUS = Statement("SELECT status FROM connections WHERE id = :id FOR SHARE")


@cache
def _ending(columns: tuple[str, ...], ends_attempt: bool) -> Statement:
    """Writes these columns of the item and ends its lease, all of it only while the fence is ours."""
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
    """Return the value of a column: every text that enters an item or attempt is one that can be stored."""
    match value:
        case str():
            return storable(value)
        case dict() | list():
            return json.dumps(storable_json(value))
    return value


class Outcomes:
    """Each method ends the lease. All raise LeaseLost, and change nothing, when the item is no longer ours."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def reschedule(
        self,
        work: ClaimedItem,
        timeline: Timeline,
        stage: str | None,
        progress: int,
        delay: timedelta,
        why: str,
        error: PublishError | None = None,
    ) -> None:
        """The run goes on later, in the same attempt. Meanwhile the item tells of `told`."""
        now = clock.now()
        timeline.add("wait", why, detail=f"{delay.total_seconds():.0f} s")
        values: dict[str, Any] = {
            "due_at": now + delay,
            "continues_attempt": True,
            "stage": stage,
            "progress": progress,
        }
        values |= {"error": as_dict(error, format_timestamp(now) or "")} if error else {}
        await self._write(work, timeline, values)

    async def published(self, work: ClaimedItem, timeline: Timeline, result: Published) -> None:
        """The video is live. When it is unfinished, the platform's `finish` is still to run."""
        now = clock.now()
        timeline.add("decision", "published", detail=result.url)
        await self._write(
            work,
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
        self, work: ClaimedItem, timeline: Timeline, result: Published | None, warnings: list[PublishWarning], why: str
    ) -> None:
        """What came after the video was live is done, or is given up; the item stays published.

        `warnings` are added to those that the item has.
        """
        values: dict[str, Any] = {"due_at": None}
        values |= {"warnings": [*work.item["warnings"], *map(vars, warnings)]}
        if result is not None:
            values |= {"platform_post_id": result.post_id, "platform_post_url": result.url}
        await self._write(work, timeline, values, {"decision": "published", "reason": why})

    async def waiting_for_owner(
        self, work: ClaimedItem, timeline: Timeline, error: PublishError, progress: int, until: datetime
    ) -> None:
        """The account must be connected again. That makes the item due; so does `until`, when it has waited enough.

        The connection is locked first, as it is by whoever connects the account again: either they see the waiting
        item, or this sees that they were faster.
        """
        now = clock.now()
        reason = f"{error.code}: waiting until {format_timestamp(until)} for the account to be connected again"
        timeline.add("decision", "retry", detail=reason)
        shown = as_dict(error, format_timestamp(now) or "")
        values: dict[str, Any] = {"error": shown, "stage": None, "progress": progress, "continues_attempt": False}
        values |= {"round": work.item["round"] + 1} if error.restart else {}
        async with self._database.hot_pool.transaction() as transaction:
            [[status]] = await transaction.fetch(CONNECTION_STATUS, {"id": work.connection["id"]})
            waits = status != "active"
            values |= {"due_at": until if waits else now, "reconnect_by": until if waits else None}
            attempt = {"decision": "retry", "reason": reason, "error": shown}
            await self._write(work, timeline, values, attempt, transaction)

    async def failed(
        self,
        work: ClaimedItem,
        timeline: Timeline,
        error: PublishError,
        progress: int,
        failures: int,
        delay: timedelta | None,
    ) -> None:
        """Tries again after `delay`, or ends the item when there is none. `failures` counts those in a row."""
        now = clock.now()
        shown = as_dict(error, format_timestamp(now) or "")
        values: dict[str, Any] = {"error": shown, "failures": failures, "stage": None, "progress": progress}
        if error.restart:
            values |= {"round": work.item["round"] + 1}
        if delay is None:
            reason = f"{error.code}: {error.message}"
            timeline.add("decision", "failed", detail=reason)
            values |= {"status": "failed", "due_at": None, "reconnect_by": None}
            await self._write(work, timeline, values, {"decision": "failed", "reason": reason, "error": shown})
            return
        reason = f"{error.code}: trying again in {delay.total_seconds():.0f} s (failure {failures} in a row)"
        timeline.add("decision", "retry", detail=reason)
        values |= {"due_at": now + delay, "continues_attempt": False}
        await self._write(work, timeline, values, {"decision": "retry", "reason": reason, "error": shown})

    async def retry_finish(self, work: ClaimedItem, timeline: Timeline, error: PublishError, delay: timedelta) -> None:
        """The video is live and stays so; what comes after it is tried again."""
        timeline.add("wait", f"{error.code}: {error.message}", detail=f"{delay.total_seconds():.0f} s")
        values = {"due_at": clock.now() + delay, "continues_attempt": True, "failures": work.item["failures"] + 1}
        await self._write(work, timeline, values)

    async def release(self, work: ClaimedItem, timeline: Timeline) -> None:
        """The worker stops; any other may go on at once."""
        timeline.add("decision", "handed_over", detail="The worker was asked to stop.")
        await self._write(work, timeline, {"due_at": clock.now(), "continues_attempt": True})

    async def _write(
        self,
        work: ClaimedItem,
        timeline: Timeline,
        values: dict[str, Any],
        attempt: dict[str, Any] | None = None,
        from_session: Transaction | None = None,
    ) -> None:
        given = {
            "now": clock.now(),
            "item_id": work.lease.item_id,
            "fence": work.lease.fence,
            "events": timeline.take(),
            "attempt_id": work.attempt_id,
        }
        columns = {name: _column(value) for name, value in values.items()}
        if attempt is not None:
            cause = attempt.get("error")
            given |= {name: _column(value) for name, value in attempt.items()} | {"cause": _column(cause) or None}
        statement = _ending(tuple(sorted(columns)), attempt is not None)
        where: AsyncpgPool | Transaction = from_session or self._database.hot_pool
        if not await where.fetch(statement, given | columns):
            raise LeaseLost(str(work.lease.item_id))
