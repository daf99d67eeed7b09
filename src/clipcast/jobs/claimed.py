"""A claimed job with the rows that its run needs, and the right to run it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

import asyncpg

from clipcast.clock import clock

T = TypeVar("T")
# The jobs of a dead worker become ready within this time. A live worker renews its lease several times in it.
LEASE = timedelta(seconds=8)
HEARTBEAT = LEASE / 4


class LeaseLost(Exception):
    """Another worker may have reclaimed the job. The write or request that raises this does not happen."""


@dataclass
class WorkerLease:
    """A worker's right to run its jobs until `good_until`, on the monotonic clock, which no clock setting changes."""

    id: UUID
    good_until: float


@dataclass(frozen=True)
class Lease:
    """A worker's right to run one job, while its own lease is valid."""

    job_id: UUID
    fence: int
    worker: WorkerLease

    def check(self) -> None:
        """Raise LeaseLost if the lease may have ended."""
        if clock.monotonic() >= self.worker.good_until:
            raise LeaseLost(str(self.job_id))


@dataclass
class ClaimedJob:
    """A claimed job. Its fields are columns of `jobs`."""

    lease: Lease
    id: UUID
    workspace_id: UUID
    kind: str
    subject_id: UUID
    platform: str | None
    queue: str
    after_id: UUID | None
    hold_until: datetime | None
    round: int
    program: str | None
    attempts: int
    failures: int
    crash_count: int
    # True if this claim continues the attempt of the run before.
    continued: bool


@dataclass(frozen=True)
class ItemFacts:
    """Columns of an item, as of the claim."""

    id: UUID
    post_id: UUID
    platform: str
    details: dict[str, Any]
    conform: str
    rendition_id: UUID | None
    status: str
    stage: str | None
    progress: int
    warnings: list[dict[str, Any]]
    platform_post_id: str | None
    platform_post_url: str | None


@dataclass(frozen=True)
class ConnectionFacts:
    """Columns of the item's connection, as of the claim."""

    id: UUID
    platform: str
    account_id: str
    username: str
    status: str
    status_reason: str | None
    removed_at: datetime | None
    sandbox: bool
    profile: dict[str, Any]
    scopes: list[str]
    tokens: bytes
    tokens_version: int
    issued_at: datetime
    expires_at: datetime | None


@dataclass(frozen=True)
class ClipFacts:
    """The file of the item's render, as of the claim: the clip's own, or that of the render's rendition.

    `id` is the clip's. `status` is `ready` if the file exists. The last three are the render's, which never change: the
    time of its cover in seconds, and the bytes and language of the captions that posts send beside the video.
    """

    id: UUID
    rendition_id: UUID | None
    status: str
    storage_key: str
    file_name: str
    content_type: str
    size: int | None
    sha256: str | None
    media: dict[str, Any] | None
    cover_at: float | None
    captions_size: int | None
    captions_language: str | None


@dataclass
class ClaimedItem(ClaimedJob):
    """A claimed job of an item."""

    attempt_id: UUID
    item: ItemFacts
    connection: ConnectionFacts
    clip: ClipFacts
    # The scheduled start; None for a post without one.
    scheduled_at: datetime | None
    # By quota: the instant until which the platform has reported it as used up.
    closed: Mapping[str, str] = field(default_factory=dict)
    # The entries of this round by name, those of the job before it included.
    journal: dict[str, Mapping[str, Any]] = field(default_factory=dict)


FACTS = {"item": ItemFacts, "connection": ConnectionFacts, "clip": ClipFacts}
# The columns of a render's file: the rendition's if it has one, else the clip's.
OF_FILE = {
    "rendition_id": "renditions.id",
    "status": """CASE WHEN renditions.id IS NULL THEN clips.status
                      WHEN renditions.status = 'completed' THEN 'ready' ELSE renditions.status END""",
    "file_name": """CASE WHEN renditions.id IS NULL THEN clips.file_name
                         ELSE regexp_replace(clips.file_name, '[.][^.]*$', '') || '.mp4' END""",
    "content_type": "CASE WHEN renditions.id IS NULL THEN clips.content_type ELSE 'video/mp4' END",
} | {
    name: f"CASE WHEN renditions.id IS NULL THEN clips.{name} ELSE renditions.{name} END"
    for name in ("storage_key", "size", "sha256", "media")
}
# What posts take from a render beside its file.
OF_RENDER = {
    "cover_at": "CAST(renders.edit #>> '{cover,at}' AS double precision)",
    "captions_size": "octet_length(renders.captions)",
    "captions_language": "renders.edit #>> '{captions,language}'",
}
# The columns that a claim selects, each as `fact.column`.
FACT_COLUMNS = ", ".join(
    f'{(OF_FILE | OF_RENDER if name == "clip" else {}).get(one.name, f"{name}s.{one.name}")} AS "{name}.{one.name}"'
    for name, facts in FACTS.items()
    for one in fields(facts)
)
JOB_COLUMNS = tuple(one.name for one in fields(ClaimedJob) if one.name not in ("lease", "continued"))


def claimed_from(row: asyncpg.Record, worker: WorkerLease) -> ClaimedJob:
    """Return the job in a row of a claim."""
    columns: dict[str, Any] = {name: row[name] for name in JOB_COLUMNS}
    columns |= {"lease": Lease(row["id"], row["fence"], worker), "continued": row["continued"]}
    if row["item.id"] is None:
        return ClaimedJob(**columns)
    return ClaimedItem(
        **columns,
        attempt_id=row["attempt_id"],
        item=_facts(ItemFacts, "item", row),
        connection=_facts(ConnectionFacts, "connection", row),
        clip=_facts(ClipFacts, "clip", row),
        scheduled_at=row["scheduled_at"],
        closed=row["closed"] or {},
    )


def _facts(facts: type[T], name: str, row: asyncpg.Record) -> T:
    return facts(*[row[f"{name}.{one.name}"] for one in fields(facts)])  # type: ignore[arg-type]
