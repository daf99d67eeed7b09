"""Tables: jobs and the workers that run them, the journal, the timeline of attempts, and quota counters."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Computed,
    ForeignKey,
    Index,
    LargeBinary,
    SmallInteger,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.database import Base


class JobState(StrEnum):
    """The states of a job. Only `ready` jobs start."""

    # Until `due_at`.
    WAITING = "waiting"
    READY = "ready"
    # In the hands of an outside engine, until `offered_until`.
    OFFERED = "offered"
    RUNNING = "running"
    # Until the job `after_id` ends.
    BLOCKED = "blocked"
    # Until the account is connected again, at most until `due_at`.
    HELD = "held"
    # Until its post is approved (reviews/service.py). It has no end, so that nothing but the approval frees it.
    REVIEW = "review"
    # Until an operator resumes its queue, platform or workspace.
    PAUSED = "paused"
    # Until a worker starts that can run its program (jobs/stranded.py).
    STRANDED = "stranded"
    DONE = "done"
    # Until a person retries it, or somebody orders its rendition again: its runs have ended their workers.
    DEAD = "dead"


class Job(Base):
    """One thing to run: the row says where it waits, runs, retries and ends. Its kind says how (jobs/kinds.py)."""

    __tablename__ = "jobs"
    __table_args__ = (
        Index("ix_jobs_ready", "queue", "ring", "priority", "due_at", postgresql_where=text("state = 'ready'")),
        # For claims beside ready jobs of programs that the worker cannot run.
        Index(
            "ix_jobs_ready_by_program",
            "queue",
            "ring",
            text("coalesce(program, '')"),
            "priority",
            "due_at",
            postgresql_where=text("state = 'ready'"),
        ),
        Index("ix_jobs_timed", "due_at", postgresql_where=text("state IN ('waiting', 'held')")),
        Index("ix_jobs_running", "worker_id", postgresql_where=text("state = 'running'")),
        Index("ix_jobs_busy", "queue", "ring", postgresql_where=text("state = 'running'")),
        Index("ix_jobs_blocked", "after_id", postgresql_where=text("state = 'blocked'")),
        Index("ix_jobs_offered", "queue", "offered_until", postgresql_where=text("state = 'offered'")),
        Index(
            "ix_jobs_set_aside",
            "workspace_id",
            "state",
            "queue",
            postgresql_where=text("state IN ('held', 'review', 'paused', 'stranded', 'dead')"),
        ),
        Index(
            "ix_jobs_waiting",
            "workspace_id",
            "state",
            "queue",
            postgresql_where=text("state IN ('waiting', 'blocked')"),
        ),
        Index("ix_jobs_subject_id", "subject_id"),
        # The jobs that only some workers can run.
        Index(
            "ix_jobs_program",
            "state",
            "program",
            postgresql_where=text("state IN ('ready', 'stranded') AND program IS NOT NULL"),
        ),
        # A subject has at most one unfinished job of each kind.
        Index("uq_jobs_unfinished", "kind", "subject_id", unique=True, postgresql_where=text("state <> 'done'")),
        {
            "postgresql_with": {
                "fillfactor": "80",
                "autovacuum_vacuum_scale_factor": "0.02",
                "autovacuum_vacuum_cost_delay": "0",
            }
        },
    )

    # The own id of the item that the job publishes, or of the rendition or submission that it makes.
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"))
    # The place of the workspace in the ring around which claims go (jobs/queue.py). It is a hash, so that the places
    # are evenly spread and a claim can begin anywhere.
    ring: Mapped[int] = mapped_column(BigInteger, Computed("uuid_hash_extended(workspace_id, 0)", persisted=True))
    kind: Mapped[str]
    # What the job is about (jobs/kinds.py). Triggers delete the jobs of items, renditions, submissions and notice
    # channels with them.
    subject_id: Mapped[UUID]
    platform: Mapped[str | None]
    queue: Mapped[str]
    # Within its workspace: the lowest number first.
    priority: Mapped[int] = mapped_column(SmallInteger)
    state: Mapped[str]
    # The earliest start of the next run, and so the job's place in the order of its workspace. For a held job, the end
    # of its wait.
    due_at: Mapped[datetime]
    # The job whose journal this one reads, and whose end a blocked job waits for.
    after_id: Mapped[UUID | None]
    # The latest instant until which the job waits for its account to be connected again.
    hold_until: Mapped[datetime | None]
    worker_id: Mapped[UUID | None]
    # The fencing token: the number of claims. A write of a run requires the number of its claim.
    fence: Mapped[int] = mapped_column(default=0, server_default="0")
    # The number of offers to an outside engine. A worker takes the job by the newest one only.
    offers: Mapped[int] = mapped_column(default=0, server_default="0")
    offered_until: Mapped[datetime | None]
    # Journal entries belong to a round; a new round starts the program over (jobs/journal.py).
    round: Mapped[int] = mapped_column(default=0, server_default="0")
    # The program that began this round (jobs/versions.py): `tiktok.publish@1`, and `tiktok.publish@1!` once the video
    # may be visible.
    program: Mapped[str | None]
    attempts: Mapped[int] = mapped_column(default=0, server_default="0")
    # The number of failures in a row without progress, which determines the next delay and the last attempt.
    failures: Mapped[int] = mapped_column(default=0, server_default="0")
    # The number of workers, and of renderers' children, that died while they ran the job.
    crash_count: Mapped[int] = mapped_column(SmallInteger, default=0, server_default="0")
    # True if the next claim continues the current attempt, which only waits.
    continues_attempt: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    # Why a dead job is dead, a paused one paused, or a stranded one does not run; for a renderer's job, also why it
    # waits for its next attempt. An item's job leaves that to its item.
    error: Mapped[dict[str, Any] | None]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    updated_at: Mapped[datetime] = mapped_column(default=clock.now)


class Worker(Base):
    """A live worker. Its lease covers all jobs that it runs (jobs/workers.py)."""

    __tablename__ = "workers"
    __table_args__ = ({"postgresql_with": {"fillfactor": "50"}},)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    # Host and process.
    name: Mapped[str]
    engine: Mapped[str]
    # The version of Clipcast.
    version: Mapped[str]
    # By queue: the number of slots, and of free ones at the last heartbeat.
    slots: Mapped[dict[str, Any]]
    free: Mapped[dict[str, Any]]
    # What `jobs.program` holds for the jobs that the worker can run.
    programs: Mapped[list[str]] = mapped_column(ARRAY(String))
    started_at: Mapped[datetime]
    lease_until: Mapped[datetime]
    # True if an operator wants the worker to stop.
    drain: Mapped[bool] = mapped_column(default=False, server_default=text("false"))


class Pause(Base):
    """A queue, platform or workspace whose jobs an operator has paused (jobs/pauses.py)."""

    __tablename__ = "pauses"

    # queue, platform or workspace.
    kind: Mapped[str] = mapped_column(primary_key=True)
    # The name of the queue or platform, or the id of the workspace.
    name: Mapped[str] = mapped_column(primary_key=True)
    paused_by: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class EndedPause(Base):
    """A past pause of a queue: scheduled jobs did not start in this time."""

    __tablename__ = "ended_pauses"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    queue: Mapped[str]
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime]


class DrainedWorker(Base):
    """A worker that was declared dead before it knew that it shall stop. If it lives, its next registration says so."""

    __tablename__ = "drained_workers"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    ended_at: Mapped[datetime]


class KnownProgram(Base):
    """A program that a worker of this installation could run, and the newest software that brought it."""

    __tablename__ = "known_programs"

    # As in `jobs.program`.
    name: Mapped[str] = mapped_column(primary_key=True)
    # Such as `Clipcast 0.1.0`.
    software: Mapped[str]


class JournalEntry(Base):
    """The result of a step, or the intent of a guarded request. Results are encrypted: some are secrets."""

    __tablename__ = "journal"

    # The column keeps its former name for one release, for processes of the release before.
    job_id: Mapped[UUID] = mapped_column("item_id", ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    round: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    # Null while the entry is only an intent.
    result: Mapped[bytes | None] = mapped_column(LargeBinary)
    # Null for a step, which has no intent.
    intended_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    # True if the guarded request makes a video visible: once it may have been sent, the outcome can be unknown.
    publishes: Mapped[bool]


class QuotaState(Base):
    """The use of a platform's quota by an account or the app, the `subject` (platforms/quota.py)."""

    __tablename__ = "quotas"

    subject: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[dict[str, Any]]
    # The instant until which the platform has reported the quota as used up.
    spent_until: Mapped[datetime | None]
    # The number of changes: a process saves a row only if its version is unchanged.
    version: Mapped[int] = mapped_column(BigInteger, server_default="0")


class Attempt(Base):
    """One attempt of an item, from its claim to a decision. A wait does not end it."""

    __tablename__ = "attempts"
    __table_args__ = (UniqueConstraint("item_id", "number"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    item_id: Mapped[UUID] = mapped_column(ForeignKey("items.id", ondelete="CASCADE"))
    number: Mapped[int]
    worker: Mapped[str]
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    # The decision: published, retry, failed, or lost (the worker died or froze).
    decision: Mapped[str | None]
    reason: Mapped[str | None]
    error: Mapped[dict | None] = mapped_column(JSONB(none_as_null=True))  # type: ignore[type-arg]


class AttemptEvent(Base):
    """One event of an attempt: a request to the platform, a change of the journal, a wait or a decision."""

    __tablename__ = "attempt_events"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    attempt_id: Mapped[UUID] = mapped_column(ForeignKey("attempts.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str]
    name: Mapped[str]
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime]
    http_status: Mapped[int | None]
    bytes_sent: Mapped[int | None]
    platform_request_id: Mapped[str | None]
    detail: Mapped[str | None]
