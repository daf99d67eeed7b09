"""The runner of submissions: it finds the clips of one video, in a child process."""

import asyncio
import json
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any

import structlog

from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.common.media import FactsUnreadable, stored_media
from clipcast.common.storable import storable_json
from clipcast.common.unavailable import DatabaseUnavailable, StorageUnavailable
from clipcast.database import Database
from clipcast.database.hot_queries import Statement
from clipcast.database.models.jobs import JobState
from clipcast.jobs.claimed import ClaimedJob, LeaseLost
from clipcast.jobs.retry import spread
from clipcast.jobs.runs import MINE, end_job, mine, run_to_decision, shown
from clipcast.platforms.errors import MediaRejected, PublishError
from clipcast.rendering.analysis import Subject, find_cuts
from clipcast.rendering.children import Children, ChildUnavailable
from clipcast.rendering.errors import UnreadableMedia
from clipcast.renders.strategies import STRATEGIES, Found, Limits
from clipcast.renders.submissions import found_clips
from clipcast.renders.waits import no_child, storage_away
from clipcast.storage import Storage, StorageError

log = structlog.get_logger()

# Seconds between two looks whether the submission still exists.
LOOK_EVERY = 1.0
PAUSE = timedelta(seconds=15)
START = Statement(f"""
    UPDATE submissions SET status = 'analyzing', started_at = :now, error = NULL, completed_at = NULL
    WHERE id = :id AND {MINE}
    RETURNING strategy, limits, edit, clip_id
""")
CLIP = Statement("SELECT storage_key, size, title, media FROM clips WHERE id = :id")
LOOK = Statement(f"SELECT {MINE} AS mine")
LOCK = Statement("SELECT FROM submissions WHERE id = :id FOR NO KEY UPDATE")
END = Statement("""
    UPDATE submissions SET
        status = :status, error = CAST(:error AS jsonb),
        completed_at = CASE WHEN :ended THEN CAST(:now AS timestamptz) END
    WHERE id = :id
""")
INSERT = Statement("""
    INSERT INTO found_clips (id, submission_id, position, title, rating, start_time, end_time, edit)
    SELECT id, :submission_id, position, title, rating, start_time, end_time, CAST(:edit AS jsonb)
    FROM jsonb_to_recordset(CAST(:found AS jsonb)) AS found(
        id uuid, position int, title text, rating float, start_time float, end_time float)
""")
SOURCE_GONE = MediaRejected(
    "analysis_failed", "The uploaded file is missing or incomplete.", fix="Upload the video again.",
)  # fmt: skip
STORAGE_AWAY = storage_away("analysis")
NO_CHILD = no_child("analysis")


class AnalysisOutcomes:
    """The possible ends of a run. Each raises LeaseLost and changes nothing if another renderer has the job."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def completed(self, claimed: ClaimedJob, edit: dict[str, Any], title: str, found: list[Found]) -> None:
        """Record the clips."""
        rows = [
            {
                "id": str(new_id()),
                "position": row.position,
                "title": row.title,
                "rating": row.rating,
                "start_time": row.start_time,
                "end_time": row.end_time,
            }
            for row in found_clips(claimed.subject_id, edit, title, found)
        ]
        await self._end(claimed, JobState.DONE, "completed", found=rows, edit=edit)

    async def failed(self, claimed: ClaimedJob, error: PublishError) -> None:
        """Record why there are no clips."""
        log.warning(error.code, submission_id=str(claimed.subject_id), reason=error.message)
        await self._end(claimed, JobState.DONE, "failed", error=error)

    async def again(
        self, claimed: ClaimedJob, delay: timedelta = timedelta(), error: PublishError | None = None
    ) -> None:
        """Run the job again after `delay`, and show `error` until then."""
        state = JobState.WAITING if delay > timedelta() else JobState.READY
        await self._end(claimed, state, "queued", delay, error)

    async def _end(
        self,
        claimed: ClaimedJob,
        state: JobState,
        status: str,
        delay: timedelta = timedelta(),
        error: PublishError | None = None,
        found: list[dict[str, Any]] | None = None,
        edit: dict[str, Any] | None = None,
    ) -> None:
        values = {"id": claimed.subject_id, "status": status, "error": shown(error), "now": clock.now()}
        async with self._database.hot_pool.transaction() as transaction:
            if not await transaction.fetch(LOCK, {"id": claimed.subject_id}):
                raise LeaseLost(str(claimed.id))
            await end_job(transaction, claimed, state, delay, error=error)
            await transaction.fetch(END, values | {"ended": state is JobState.DONE})
            if found:
                stored = {"found": json.dumps(storable_json(found)), "edit": json.dumps(edit or {})}
                await transaction.fetch(INSERT, stored | {"submission_id": claimed.subject_id})


class AnalysisRunner:
    """The resources that all analyses of a renderer share."""

    def __init__(self, database: Database, storage: Storage, children: Children) -> None:
        self._database = database
        self._storage = storage
        self._children = children
        self._outcomes = AnalysisOutcomes(database)

    async def close(self) -> None:
        pass

    def may_end(self, task: asyncio.Task[None]) -> bool:
        """Return False: another renderer begins again."""
        return False

    async def run(self, claimed: ClaimedJob) -> None:
        """Run `claimed` to a decision. Save every error as its outcome; raise only CancelledError."""
        await run_to_decision(claimed, self._decide, self._outcomes)

    async def _decide(self, claimed: ClaimedJob) -> None:
        try:
            await self._find(claimed)
        except UnreadableMedia as error:
            await self._outcomes.failed(claimed, MediaRejected("analysis_failed", error.message))
        except (StorageError, FactsUnreadable):
            await self._outcomes.failed(claimed, SOURCE_GONE)
        except (StorageUnavailable, ChildUnavailable) as away:
            log.error("analysis_waits", error=str(away), submission_id=str(claimed.subject_id))
            why = STORAGE_AWAY if isinstance(away, StorageUnavailable) else NO_CHILD
            await self._outcomes.again(claimed, spread(PAUSE), why)

    async def _find(self, claimed: ClaimedJob) -> None:
        hot, ids = self._database.hot_pool, {"id": claimed.subject_id} | mine(claimed)
        started = await hot.fetch(START, ids | {"now": clock.now()})
        if not started:
            raise LeaseLost(str(claimed.id))
        [submission] = started
        [clip] = await hot.fetch(CLIP, {"id": submission["clip_id"]}) or [None]
        if clip is None:
            raise LeaseLost(str(claimed.id))
        media = stored_media(clip["media"])
        read = partial(self._storage.read, clip["storage_key"])

        async def cuts(subject: Subject) -> list[float]:
            return await find_cuts(self._children, read, media, subject, claimed.workspace_id)

        strategy = STRATEGIES[submission["strategy"]]
        finding = asyncio.ensure_future(strategy.find(media, Limits(**submission["limits"]), cuts))
        try:
            while not finding.done():
                await asyncio.wait({finding}, timeout=LOOK_EVERY)
                claimed.lease.check()
                with suppress(DatabaseUnavailable):  # the lease ends if that lasts
                    [look] = await hot.fetch(LOOK, mine(claimed))
                    if not look["mine"]:
                        raise LeaseLost(str(claimed.id))
            found = finding.result()
        finally:
            finding.cancel()
            await asyncio.gather(finding, return_exceptions=True)
        await self._outcomes.completed(claimed, submission["edit"], clip["title"], found)
