"""The outcomes of runs: each is one conditional statement that updates the job, its item and the timeline."""

import json
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.common.storable import storable, storable_json
from clipcast.common.timestamps import format_timestamp
from clipcast.database import Database
from clipcast.database.changes import tell
from clipcast.database.hot_queries import Executor, Statement
from clipcast.database.models.jobs import JobState
from clipcast.jobs.claimed import ClaimedItem, LeaseLost
from clipcast.jobs.kinds import FINISH, KINDS, Kind
from clipcast.jobs.timeline import WRITE_EVENTS, Timeline
from clipcast.jobs.unblock import UNFINISHED
from clipcast.jobs.wake import wake_router
from clipcast.platforms.base import Published, PublishWarning
from clipcast.platforms.errors import PublishError, as_dict

CONNECTION_STATUS = Statement("SELECT status FROM connections WHERE id = :id FOR SHARE")

END_ATTEMPT = """
    , attempt AS (
        UPDATE attempts SET ended_at = :now, decision = :decision, reason = :reason, error = CAST(:cause AS jsonb)
        FROM held WHERE attempts.id = :attempt_id
    )
"""
# The job that runs the platform's `finish` continues the attempt.
ADD_FINISH = """
    , followed AS (
        INSERT INTO jobs (id, workspace_id, kind, subject_id, platform, queue, priority, state, due_at, after_id, round,
                          program, attempts, continues_attempt, created_at, updated_at)
        SELECT :finish_id, workspace_id, :finish_kind, subject_id, platform, :finish_queue, :finish_priority, 'ready',
               :now, id, round, program, attempts, true, :now, :now
        FROM held
    )
"""


@cache
def _ending(of_job: tuple[str, ...], of_item: tuple[str, ...], *parts: str) -> Statement:
    """Return the statement that ends a run, given a valid fencing token: it sets these columns of the job and item."""
    set_item = "".join(f"{name} = :{name}, " for name in of_item)
    shown = f"UPDATE items SET {set_item}updated_at = :now FROM held WHERE items.id = held.subject_id"
    return Statement(f"""
        WITH held AS (
            UPDATE jobs SET {", ".join(f"{name} = :{name}" for name in of_job)}, worker_id = NULL, updated_at = :now
            WHERE id = :job_id AND fence = :fence AND state = 'running' RETURNING jobs.*
        ), shown AS ({shown}), events AS ({WRITE_EVENTS}) {"".join(parts)}
        SELECT id FROM held
    """)


def _due(delay: timedelta) -> dict[str, Any]:
    """Return the columns of a job whose next run starts after `delay`."""
    now = clock.now()
    return {"state": JobState.READY if delay <= timedelta() else JobState.WAITING, "due_at": now + delay}


# With the `due_at` of before, and so before the jobs of its workspace that are due later.
READY: dict[str, Any] = {"state": JobState.READY}
DONE: dict[str, Any] = {"state": JobState.DONE, "hold_until": None}


def _column(value: Any) -> Any:
    """Return the value of a column, with every text in a form that PostgreSQL can store."""
    match value:
        case str():
            return storable(value)
        case dict() | list():
            return json.dumps(storable_json(value))
    return value


class ItemOutcomes:
    """The possible ends of a run. Each method ends the right to run the job.

    Each raises LeaseLost, and changes nothing, if another worker has reclaimed the job.
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
        timeline.add("wait", why, detail=f"{delay.total_seconds():.0f} s")
        shown: dict[str, Any] = {"stage": stage, "progress": progress}
        shown |= {"error": _shown(error)} if error else {}
        await self._write(claimed, timeline, _due(delay) | {"continues_attempt": True}, shown)

    async def published(self, claimed: ClaimedItem, timeline: Timeline, result: Published) -> None:
        """Record that the video is live. With `needs_finish`, a job that runs the platform's `finish` follows."""
        timeline.add("decision", "published", detail=result.url)
        now = clock.now()
        shown = {
            "status": "published",
            "stage": None,
            "progress": 100,
            "published_at": now,
            "goes_at": now,
            "platform_post_id": result.post_id,
            "platform_post_url": result.url,
            "warnings": [vars(warning) for warning in result.warnings],
            "error": None,
        }
        attempt = {"decision": "published", "reason": result.url}
        finish = KINDS[FINISH] if result.needs_finish else None
        await self._write(claimed, timeline, DONE | {"failures": 0}, shown, None if finish else attempt, follow=finish)

    async def finished(
        self,
        claimed: ClaimedItem,
        timeline: Timeline,
        result: Published | None,
        warnings: list[PublishWarning],
        why: str,
    ) -> None:
        """End the steps after publishing: they are done or given up. Add `warnings` to the item's."""
        shown: dict[str, Any] = {"warnings": [*claimed.item.warnings, *map(vars, warnings)]}
        if result is not None:
            shown |= {"platform_post_id": result.post_id, "platform_post_url": result.url}
        await self._write(claimed, timeline, DONE, shown, {"decision": "published", "reason": why})

    async def waiting_for_owner(
        self, claimed: ClaimedItem, timeline: Timeline, error: PublishError, progress: int, until: datetime
    ) -> None:
        """Wait until the account is connected again, at most until `until`.

        The connection is locked first, as it is when the account is connected again: either that transaction sees the
        held job, or this one sees the active connection.
        """
        reason = f"{error.code}: waits until {format_timestamp(until)} for the account to be connected again"
        timeline.add("decision", "retry", detail=reason)
        shown = {"error": _shown(error, "The item then continues."), "stage": None, "progress": progress}
        held = {"state": JobState.HELD, "due_at": until, "hold_until": until}
        columns: dict[str, Any] = {"continues_attempt": False} | _next_round(claimed, error)
        async with self._database.hot_pool.transaction() as transaction:
            [[status]] = await transaction.fetch(CONNECTION_STATUS, {"id": claimed.connection.id})
            columns |= held if status != "active" else _due(timedelta()) | {"hold_until": None}
            attempt = {"decision": "retry", "reason": reason, "error": shown["error"]}
            await self._write(claimed, timeline, columns, shown, attempt, executor=transaction)

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
        shown: dict[str, Any] = {"error": _shown(error), "stage": None, "progress": progress}
        columns: dict[str, Any] = {"failures": failures} | _next_round(claimed, error)
        if delay is None:
            shown["error"] = _shown(error, "Then retry the item." if error.kind == "reconnect" else "")
            reason = f"{error.code}: {error.message}"
            timeline.add("decision", "failed", detail=reason)
            attempt = {"decision": "failed", "reason": reason, "error": shown["error"]}
            await self._write(claimed, timeline, columns | DONE, shown | {"status": "failed"}, attempt)
            return
        reason = f"{error.code}: the next attempt starts in {delay.total_seconds():.0f} s (failure {failures} in a row)"
        timeline.add("decision", "retry", detail=reason)
        columns |= _due(delay) | {"continues_attempt": False}
        attempt = {"decision": "retry", "reason": reason, "error": shown["error"]}
        await self._write(claimed, timeline, columns, shown, attempt)

    async def retry_finish(
        self, claimed: ClaimedItem, timeline: Timeline, error: PublishError, delay: timedelta
    ) -> None:
        """Run the platform's `finish` again after `delay`. The item stays published."""
        timeline.add("wait", f"{error.code}: {error.message}", detail=f"{delay.total_seconds():.0f} s")
        columns = _due(delay) | {"continues_attempt": True, "failures": claimed.failures + 1}
        await self._write(claimed, timeline, columns, {})

    async def block(
        self, claimed: ClaimedItem, timeline: Timeline, progress: int, after: UUID, is_conversion: bool, why: str
    ) -> None:
        """Run the job again when the job `after`, which makes a rendition, has ended. Keep the attempt.

        The stage is `preparing`. `is_conversion`: the rendition is made for this item, not for its render.
        """
        timeline.add("wait", why)
        async with self._database.hot_pool.transaction() as transaction:
            waits = bool(await transaction.fetch(UNFINISHED, {"id": after}))
            columns = _due(timedelta()) | {"continues_attempt": True, "after_id": after}
            columns |= {"state": JobState.BLOCKED} if waits else {}
            shown: dict[str, Any] = {"stage": "preparing", "progress": progress, "error": None}
            shown |= {"rendition_id": after} if is_conversion else {}
            await self._write(claimed, timeline, columns, shown, executor=transaction)

    async def release(self, claimed: ClaimedItem, timeline: Timeline) -> None:
        """Make the job ready for any other worker: this one stops."""
        timeline.add("decision", "handed_over", detail="The worker stops.")
        await self._write(claimed, timeline, READY | {"continues_attempt": True}, {})

    async def start_over(self, claimed: ClaimedItem, timeline: Timeline, why: str) -> None:
        """Begin a new round at once, and keep the attempt."""
        timeline.add("journal", "new_round", detail=why)
        columns = READY | {"continues_attempt": True, "round": claimed.round + 1, "program": None}
        await self._write(claimed, timeline, columns, {})

    async def leave(self, claimed: ClaimedItem, timeline: Timeline, pin: str, delay: timedelta, why: str) -> None:
        """Leave the job, after `delay`, to workers that can run the program of this pin. Keep the attempt."""
        timeline.add("wait", why, detail=f"{delay.total_seconds():.0f} s")
        await self._write(claimed, timeline, _due(delay) | {"continues_attempt": True, "program": pin}, {})

    async def _write(
        self,
        claimed: ClaimedItem,
        timeline: Timeline,
        of_job: dict[str, Any],
        of_item: dict[str, Any],
        attempt: dict[str, Any] | None = None,
        *,
        follow: Kind | None = None,
        executor: Executor | None = None,
    ) -> None:
        values = {
            "now": clock.now(),
            "job_id": claimed.lease.job_id,
            "fence": claimed.lease.fence,
            "events": timeline.take(),
            "attempt_id": claimed.attempt_id,
        }
        values |= {name: _column(value) for name, value in (of_job | of_item).items()}
        parts = []
        if attempt is not None:
            values |= {name: _column(value) for name, value in attempt.items() if name != "error"}
            values["cause"] = _column(attempt.get("error"))
            parts.append(END_ATTEMPT)
        if follow is not None:
            values |= {"finish_id": new_id(), "finish_kind": follow.name, "finish_queue": follow.queue}
            values["finish_priority"] = follow.priority
            parts.append(ADD_FINISH)
        statement, sender = _ending(tuple(of_job), tuple(of_item), *parts), executor or self._database.hot_pool
        if not await sender.fetch(statement, values):
            raise LeaseLost(str(claimed.lease.job_id))
        if "status" in of_item or of_job.get("state") == JobState.HELD:
            wake_router(sender)
        tell(sender, claimed.item.id)


def _shown(error: PublishError, then: str = "") -> dict[str, Any]:
    """Return the `error` of an item. `then` is what follows the fix."""
    shown = as_dict(error, format_timestamp(clock.now()) or "")
    return shown | {"fix": f"{shown['fix']} {then}".rstrip()}


def _next_round(claimed: ClaimedItem, error: PublishError) -> dict[str, Any]:
    """Return the columns that begin a new round, if the error requires one."""
    return {"round": claimed.round + 1, "program": None} if error.restart else {}
