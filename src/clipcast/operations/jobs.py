"""Jobs as an operator sees them: counts, lists, one job with its history, and a retry of a dead or failed one."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, Select, String, case, cast, func, or_, select, text, true
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from clipcast.audit.service import Actor, record
from clipcast.clock import clock
from clipcast.common.ids import parse_id
from clipcast.common.media import known_media
from clipcast.common.problems import AppError
from clipcast.common.timestamps import format_timestamp
from clipcast.database.models.clips import Clip, Render
from clipcast.database.models.jobs import Attempt, Job, JobState, JournalEntry, Pause, Worker
from clipcast.database.models.posts import Item
from clipcast.database.models.renditions import Rendition
from clipcast.database.models.submissions import Submission
from clipcast.database.models.workspaces import Workspace
from clipcast.jobs.kinds import ALL_QUEUES, ANALYZE, AVATAR, ITEM_KINDS, PUBLISH, RENDITION_KINDS
from clipcast.jobs.pauses import PLATFORM, QUEUE, WORKSPACE
from clipcast.jobs.queue import reschedule, restart
from clipcast.jobs.wake import wake_workers
from clipcast.platforms.registry import PLATFORMS
from clipcast.posts.repository import lock_jobs
from clipcast.posts.service import retry_item
from clipcast.renders.names import what_is_made

# The state that lists show for a job that is done and whose item has failed.
FAILED = "failed"
STATES = (*JobState, FAILED)
# The states in which somebody may have to act come first in lists.
TROUBLE = (JobState.DEAD, JobState.STRANDED, JobState.PAUSED, JobState.HELD)
LAST_ENTRIES = 10
# The warning of a live video whose job `finish` was given up.
UNFINISHED = "unfinished"


@dataclass(frozen=True)
class JobFilter:
    """The filters of a list of jobs. Without a state, it has the jobs that are not done."""

    state: str | None = None
    kind: str | None = None
    queue: str | None = None
    platform: str | None = None
    workspace_id: UUID | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        if self.state == FAILED:
            found = [Job.state == JobState.DONE, Item.status == "failed", Job.kind == PUBLISH]
        else:
            found = [Job.state == self.state if self.state else Job.state != JobState.DONE]
        chosen = {
            Job.kind: self.kind,
            Job.queue: self.queue,
            Job.platform: self.platform,
            Job.workspace_id: self.workspace_id,
        }
        return found + [column == value for column, value in chosen.items() if value is not None]


@dataclass(frozen=True)
class FoundJob:
    """A job with its workspace, its item and the worker that runs it, if it has them."""

    job: Job
    workspace: str
    item: Item | None
    worker: Worker | None
    # One that the job waits for: of its queue, its platform or its workspace.
    pause: Pause | None = None
    # What a renderer makes, the clip that it reads, and a render that gets the file.
    rendition: Rendition | None = None
    clip: str | None = None
    render: str | None = None

    @property
    def title(self) -> str:
        """What the job does, and for which platform or clip."""
        job, clip = self.job, self.clip or "a deleted clip"
        if job.kind == ANALYZE:
            return f"Find clips in {clip}"
        if job.kind == AVATAR:
            return "Fetch the picture of an account"
        if self.render:
            return f"Render {self.render}"
        if made := self.rendition:
            return f"Convert {clip}: {what_is_made(made.action, known_media(made.media or made.expected))}"
        platform = PLATFORMS.get(job.platform or "")
        return job.kind.capitalize() + (f" on {platform.title}" if platform else "")

    @property
    def state(self) -> str:
        failed = self.job.state == JobState.DONE and self.item is not None and self.item.status == "failed"
        return FAILED if failed and self.job.kind == PUBLISH else self.job.state

    @property
    def why(self) -> str:
        """Why the job is in this state, as far as somebody may ask; else empty."""
        error = self.job.error or (self.item.error if self.item else None) or {}
        if self.pause and self.state in (JobState.WAITING, JobState.READY, JobState.OFFERED):
            since = format_timestamp(self.pause.created_at)
            what = f"{self.pause.kind} {self.workspace if self.pause.kind == WORKSPACE else self.pause.name}"
            return f"The {what} is paused since {since}, by {self.pause.paused_by}."
        match self.state:
            case JobState.DEAD | JobState.STRANDED | JobState.PAUSED | JobState.WAITING | "failed":
                return str(error.get("message", ""))
            case JobState.HELD:
                return f"{error.get('message', '')} It waits until {format_timestamp(self.job.hold_until)}.".strip()
            case JobState.REVIEW:
                return "waits for the approval of its post"
            case JobState.RUNNING:
                return f"on {self.worker.name}" if self.worker else "its worker is gone"
            case JobState.BLOCKED:
                return f"waits for the job {self.job.after_id}"
        return ""


def _found() -> Select[Job, str, Item, Worker, Pause, Rendition, str, str]:
    render = select(Render.name).where(Render.rendition_id == Rendition.id).order_by(Render.id).limit(1)
    waited_for = (
        (Pause.kind == QUEUE) & (Pause.name == Job.queue),
        (Pause.kind == PLATFORM) & (Pause.name == Job.platform),
        (Pause.kind == WORKSPACE) & (Pause.name == cast(Job.workspace_id, String)),
    )
    pauses = select(Pause).where(or_(*waited_for)).order_by(Pause.created_at).limit(1).correlate(Job).lateral()
    pause = aliased(Pause, pauses)
    return (
        select(Job, Workspace.name, Item, Worker, pause, Rendition, Clip.title, render.scalar_subquery())
        .join(Workspace, Workspace.id == Job.workspace_id)
        .outerjoin(Item, (Item.id == Job.subject_id) & Job.kind.in_(ITEM_KINDS))
        .outerjoin(Worker, Worker.id == Job.worker_id)
        .outerjoin(pause, true())
        .outerjoin(Rendition, (Rendition.id == Job.subject_id) & Job.kind.in_(RENDITION_KINDS))
        .outerjoin(Submission, (Submission.id == Job.subject_id) & (Job.kind == ANALYZE))
        .outerjoin(Clip, Clip.id == func.coalesce(Rendition.clip_id, Submission.clip_id))
    )


async def list_jobs(session: AsyncSession, wanted: JobFilter, limit: int) -> list[FoundJob]:
    """Return up to `limit` jobs: those in trouble first, then by their last change, the newest first."""
    rank = case(*((Job.state == state, number) for number, state in enumerate(TROUBLE)), else_=len(TROUBLE))
    query = _found().where(*wanted.conditions()).order_by(rank, Job.updated_at.desc(), Job.id.desc())
    return [FoundJob(*row) for row in await session.execute(query.limit(limit))]


async def find_job(session: AsyncSession, job_id: str) -> FoundJob | None:
    """Return the job of this id, or None."""
    row = (await session.execute(_found().where(Job.id == parse_id(job_id)))).first()
    return FoundJob(*row) if row else None


async def count_jobs(session: AsyncSession) -> list[tuple[str, str, int]]:
    """Return, by queue and state, the number of all jobs that are not done."""
    query = select(Job.queue, Job.state, func.count()).where(Job.state != JobState.DONE)
    rows = await session.execute(query.group_by(Job.queue, Job.state).order_by(Job.queue, Job.state))
    return [(queue, state, number) for queue, state, number in rows]


# Each count visits the entries of one index until it has enough. The index of each state begins with these columns.
OF_WORKSPACE = {state: "true" for state in JobState if state != JobState.DONE} | dict.fromkeys(
    (JobState.READY, JobState.RUNNING), "ring = uuid_hash_extended(CAST(:workspace_id AS uuid), 0)"
)
COUNT_BOUNDED = text(
    " UNION ALL ".join(
        f"""
        SELECT queue, '{state}' AS state, (
            SELECT count(*) FROM (
                SELECT FROM jobs
                WHERE state = '{state}' AND jobs.queue = queues.queue AND workspace_id = :workspace_id AND {place}
                LIMIT :most + 1
            ) AS counted
        ) AS number
        FROM unnest(CAST(:queues AS text[])) AS queues(queue)
        """  # noqa: S608 - constants of this file
        for state, place in OF_WORKSPACE.items()
    )
)


async def count_jobs_of(session: AsyncSession, workspace_id: UUID, most: int) -> list[tuple[str, str, int]]:
    """Return, by queue and state, the number of a workspace's jobs that are not done.

    A number above `most` means: more than `most`.
    """
    values = {"workspace_id": workspace_id, "queues": list(ALL_QUEUES), "most": most}
    rows = await session.execute(COUNT_BOUNDED, values)
    return [(queue, state, number) for queue, state, number in rows if number]


async def attempts_of(session: AsyncSession, job: Job) -> list[Attempt]:
    """Return the attempts of the job's item, in order; none for a job without an item."""
    query = select(Attempt).where(Attempt.item_id == job.subject_id).order_by(Attempt.number)
    return list(await session.scalars(query))


async def last_entries(session: AsyncSession, job: Job) -> list[JournalEntry]:
    """Return the last entries of the job's round, the newest first. Their results stay encrypted."""
    at = func.coalesce(JournalEntry.finished_at, JournalEntry.intended_at)
    query = select(JournalEntry).where(JournalEntry.job_id == job.id, JournalEntry.round == job.round)
    return list(await session.scalars(query.order_by(at.desc()).limit(LAST_ENTRIES)))


async def retry_job(session: AsyncSession, found: FoundJob, force: bool, actor: Actor) -> None:
    """Make a job ready that is dead, whose item has failed, or that waits for its next attempt.

    The rules of the API apply to items. The audit log records it. Raise AppError 409 for any other job.
    """
    job, item = found.job, found.item
    if job.kind == PUBLISH and item is not None:
        await retry_item(session, job.workspace_id, str(item.post_id), str(item.id), force)
    else:
        await _retry_other(session, job, item)
    action, subject = ("item.retried", f"Item {item.id}") if item else ("job.retried", f"Job {job.id}")
    details = {"post_id": str(item.post_id)} if item else {}
    record(session, job.workspace_id, actor, action, subject, job.subject_id, force=force, **details)


async def _retry_other(session: AsyncSession, job: Job, item: Item | None) -> None:
    """Retry a job that publishes nothing."""
    made = await _lock_made(session, job)
    await lock_jobs(session, select(Job.subject_id).where(Job.id == job.id))
    if job.state == JobState.DEAD:
        restart(job, clock.now())
        if made is not None and made.status == FAILED:
            made.status, made.error, made.completed_at = "queued", None, None
        if isinstance(made, Rendition):
            made.progress = 0
    elif job.state == JobState.WAITING and job.attempts:
        # It has run, and continues what it did.
        reschedule(job, clock.now())
        job.failures = 0
    else:
        message = (
            f"The job is {job.state}. Only a dead job, one whose item failed, or one that waits for its next attempt, "
            "can be retried."
        )
        raise AppError(409, "item_not_failed", message)
    if item is not None:
        item.warnings = [warning for warning in item.warnings if warning["code"] != UNFINISHED]
    wake_workers(session, job.queue)


async def _lock_made(session: AsyncSession, job: Job) -> Rendition | Submission | None:
    """Lock what a renderer's job makes; None for other jobs. Callers that lock both lock this row before its job."""
    table: type[Rendition | Submission]
    if job.kind in RENDITION_KINDS:
        table = Rendition
    elif job.kind == ANALYZE:
        table = Submission
    else:
        return None
    return await session.get(table, job.subject_id, with_for_update=True, populate_existing=True)
