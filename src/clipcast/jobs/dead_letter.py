"""Dead jobs: those whose runs have ended their workers. They do not run again until a person retries them."""

import json
from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

import asyncpg

from clipcast.clock import clock
from clipcast.common.timestamps import format_timestamp
from clipcast.database.changes import tell
from clipcast.database.hot_queries import Statement, Transaction
from clipcast.jobs.kinds import ANALYZE, FINISH, ITEM_KINDS
from clipcast.jobs.unblock import unblock
from clipcast.platforms.base import PublishWarning
from clipcast.platforms.errors import InternalError, MediaRejected, OutcomeUnknown, PublishError, as_dict

# A worker that dies takes all of its runs with it, so that one death proves little. From this number of deaths on, the
# job runs alone. After `CRASHES_MAX`, it is dead.
QUARANTINED_FROM = 2
CRASHES_MAX = 3

LAST_ENTRY = Statement("""
    SELECT name, bool_or(intended_at IS NOT NULL AND publishes) OVER () AS may_be_seen
    FROM journal WHERE item_id = :id AND round = :round
    ORDER BY coalesce(finished_at, intended_at) DESC LIMIT 1
""")

BURY = Statement("""
    WITH job AS (
        UPDATE jobs SET error = CAST(:evidence AS jsonb) WHERE id = :id RETURNING subject_id, attempts
    ), attempt AS (
        UPDATE attempts SET ended_at = :now, decision = 'failed', reason = :reason, error = CAST(:error AS jsonb)
        FROM job WHERE attempts.item_id = job.subject_id AND attempts.number = job.attempts
    )
    UPDATE items SET
        status = CASE WHEN :live THEN status ELSE 'failed' END,
        error = CASE WHEN :live THEN error ELSE CAST(:error AS jsonb) END,
        warnings = CASE WHEN :live THEN warnings || CAST(:warning AS jsonb) ELSE warnings END,
        stage = NULL, updated_at = :now
    FROM job WHERE items.id = job.subject_id
""")

# What the renderers' jobs make, which fails with its job.
BURY_CONVERSION = Statement("""
    WITH job AS (
        UPDATE jobs SET error = CAST(:evidence AS jsonb) WHERE id = :id
    ), analysis AS (
        UPDATE submissions SET status = 'failed', error = CAST(:error AS jsonb), completed_at = :now
        WHERE id = :id AND status IN ('queued', 'analyzing')
    )
    UPDATE renditions SET status = 'failed', error = CAST(:error AS jsonb), completed_at = :now
    WHERE id = :id AND status IN ('queued', 'active')
""")
# The jobs that die with these workers.
DYING = "SELECT id FROM jobs WHERE worker_id = ANY(:ids) AND state = 'running' AND crash_count + 1 >= :crashes_max"
LOCK_RENDITIONS = Statement(f"SELECT FROM renditions WHERE id IN ({DYING}) ORDER BY key FOR NO KEY UPDATE")
LOCK_SUBMISSIONS = Statement(f"SELECT FROM submissions WHERE id IN ({DYING}) ORDER BY id FOR NO KEY UPDATE")


def crash_error(evidence: Mapping[str, Any], may_be_seen: bool) -> PublishError:
    """Return the error of an item whose run has ended three workers."""
    message = f"{CRASHES_MAX} workers died while they ran this item, the last one while it ran nothing else."
    if signal := evidence.get("signal"):
        message += f" The last process ended by {signal}."
    if may_be_seen:
        return OutcomeUnknown("outcome_unknown", f"The platform did not confirm whether the video is live. {message}")
    return InternalError(
        "run_kills_worker", message, final=True,
        fix="Look at the worker's log and memory (`clipcast jobs show`), then retry the item. Report it if it repeats.",
    )  # fmt: skip


def _renderer_error(kind: str) -> PublishError:
    if kind == ANALYZE:
        return MediaRejected(
            "analysis_failed", f"A renderer ended {CRASHES_MAX} times while it looked for clips in this video.",
            fix="Submit the video again. If that ends the same way, look at the log and memory of the renderers, or "
            "export the video again, as MP4 with H.264 and AAC.",
        )  # fmt: skip
    return MediaRejected(
        "conversion_crashed", f"A renderer ended {CRASHES_MAX} times while it converted this file.",
        fix="Retry it. If that ends the same way, look at the log and memory of the renderers, or export the clip "
        "again, as MP4 with H.264 and AAC.",
    )  # fmt: skip


async def lock_dying(transaction: Transaction, worker_ids: Collection[UUID]) -> None:
    """Lock what the jobs make that die with these workers: whoever locks it and its job locks it first."""
    for statement in (LOCK_RENDITIONS, LOCK_SUBMISSIONS):
        await transaction.fetch(statement, {"ids": list(worker_ids), "crashes_max": CRASHES_MAX})


async def bury(transaction: Transaction, job: asyncpg.Record, evidence: Mapping[str, Any]) -> None:
    """Record why a dead job is dead, on the job and on its subject. A video that is live stays live."""
    tell(transaction, job["subject_id"])
    if job["kind"] not in ITEM_KINDS:
        shown = as_dict(_renderer_error(job["kind"]), format_timestamp(clock.now()) or "")
        values = {"id": job["id"], "now": clock.now(), "error": json.dumps(shown)}
        values["evidence"] = json.dumps({"worker": job["worker"]} | shown)
        await transaction.fetch(BURY_CONVERSION, values)
        await unblock(transaction, job["id"])
        return
    entries = await transaction.fetch(LAST_ENTRY, {"id": job["id"], "round": job["round"]})
    last = dict(entries[0]) if entries else {"name": None, "may_be_seen": False}
    now = clock.now()
    error = crash_error(evidence, bool(last["may_be_seen"]))
    shown = as_dict(error, format_timestamp(now) or "")
    warning = PublishWarning("unfinished", f"The video is live. {error.message}", error.fix)
    values = {
        "id": job["id"],
        "now": now,
        "evidence": json.dumps({"worker": job["worker"], "last_entry": last["name"], **evidence} | shown),
        "reason": f"{error.code}: {error.message}",
        "error": json.dumps(shown),
        "warning": json.dumps([vars(warning)]),
        "live": job["kind"] == FINISH,
    }
    await transaction.fetch(BURY, values)
