"""What runs of jobs without items share: the right to a job, the end of a run, and the errors that none foresees."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any, Protocol
from uuid import UUID

import structlog

from clipcast.clock import clock
from clipcast.common.storable import storable_json
from clipcast.common.timestamps import format_timestamp
from clipcast.common.unavailable import DatabaseUnavailable
from clipcast.database.hot_queries import Statement, Transaction
from clipcast.database.models.jobs import JobState
from clipcast.jobs.claimed import ClaimedJob, LeaseLost
from clipcast.jobs.retry import next_try
from clipcast.platforms.errors import InternalError, PublishError, as_dict

log = structlog.get_logger()

BROKEN = InternalError("internal_error", "Internal error of Clipcast.")
# True while the run has its job, in a statement with the values of `mine`.
MINE = "EXISTS (SELECT FROM jobs WHERE jobs.id = :job_id AND fence = :fence AND state = 'running')"
LOCK = Statement("SELECT FROM jobs WHERE id = :job_id AND fence = :fence AND state = 'running' FOR UPDATE")
DELETE_JOB = Statement("DELETE FROM jobs WHERE id = :job_id AND fence = :fence AND state = 'running' RETURNING id")
END_JOB = Statement("""
    UPDATE jobs SET
        state = :state, due_at = :due_at, worker_id = NULL, updated_at = :now, failures = :failures,
        crash_count = :crash_count, error = CAST(:error AS jsonb), after_id = :after_id
    WHERE id = :job_id AND fence = :fence AND state = 'running' RETURNING id
""")


class Outcomes(Protocol):
    """The ends of a run that any error can have. Each raises LeaseLost and changes nothing without the job."""

    async def failed(self, claimed: ClaimedJob, error: PublishError) -> None:
        """End the job, and record why there is no result."""

    async def again(
        self, claimed: ClaimedJob, delay: timedelta = timedelta(), error: PublishError | None = None
    ) -> None:
        """Run the job again after `delay`, and show `error` until then."""


def mine(claimed: ClaimedJob) -> dict[str, Any]:
    """Return the values of MINE."""
    return {"job_id": claimed.id, "fence": claimed.lease.fence}


async def lock_job(transaction: Transaction, claimed: ClaimedJob) -> None:
    """Lock a running job. Raise LeaseLost if another worker has it."""
    if not await transaction.fetch(LOCK, mine(claimed)):
        raise LeaseLost(str(claimed.id))


def shown(error: PublishError | None) -> str | None:
    """Return an error as the JSON that rows hold."""
    return json.dumps(storable_json(as_dict(error, format_timestamp(clock.now()) or ""))) if error else None


async def end_job(
    transaction: Transaction,
    claimed: ClaimedJob,
    state: JobState,
    delay: timedelta = timedelta(),
    *,
    error: PublishError | None = None,
    crashes: int = 0,
    after_id: UUID | None = None,
) -> None:
    """End the right to run the job, which is due again after `delay`. `crashes` are added. Raise LeaseLost."""
    now = clock.now()
    values = mine(claimed) | {
        "state": state,
        "due_at": now + delay,
        "now": now,
        "failures": 0 if state == JobState.DONE else claimed.failures + (error is not None),
        "crash_count": claimed.crash_count + crashes,
        "error": shown(error),
        "after_id": after_id,
    }
    if not await transaction.fetch(END_JOB, values):
        raise LeaseLost(str(claimed.id))


async def delete_job(transaction: Transaction, claimed: ClaimedJob) -> None:
    """End the right to run the job, of which nobody needs a trace. Raise LeaseLost."""
    if not await transaction.fetch(DELETE_JOB, mine(claimed)):
        raise LeaseLost(str(claimed.id))


async def run_to_decision(
    claimed: ClaimedJob, decide: Callable[[ClaimedJob], Awaitable[None]], outcomes: Outcomes
) -> None:
    """Run `decide`, and save every error that it raises as an outcome. Raise CancelledError alone."""
    about = {"kind": claimed.kind, "subject_id": str(claimed.subject_id)}
    try:
        await decide(claimed)
    except LeaseLost:
        log.warning("lease_lost", **about)
    except asyncio.CancelledError:
        try:
            await asyncio.shield(outcomes.again(claimed))
        except (LeaseLost, DatabaseUnavailable):
            log.warning("not_released", **about)
        raise
    except DatabaseUnavailable as error:
        # No outcome can be saved now. The lease expires, and another process begins again.
        log.error("database_unavailable", error=str(error), **about)
    except Exception:
        log.exception("run_crashed", **about)
        with suppress(LeaseLost, DatabaseUnavailable):
            delay = next_try(BROKEN, claimed.failures + 1)
            await (outcomes.failed(claimed, BROKEN) if delay is None else outcomes.again(claimed, delay, BROKEN))
