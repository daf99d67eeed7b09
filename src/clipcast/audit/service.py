"""The audit log: who did what, when and from where. An entry is committed together with its action."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.database import page_of
from clipcast.database.models.audit import AuditEntry
from clipcast.database.models.workspaces import Workspace

SUBJECT_MAX = 200
# The last entries of a workspace among which one about a subject is looked for: no index has subjects.
LOOKED_AT = 1000


@dataclass(frozen=True)
class Actor:
    """A signed-in user, an API key, a connect link or a command, and the address of the request or the host."""

    kind: str
    id: UUID
    name: str
    address: str
    # Whether it may publish without the approval that a client wants.
    may_skip_review: bool = False


def record(
    session: AsyncSession,
    workspace_id: UUID,
    actor: Actor,
    action: str,
    subject: str,
    subject_id: UUID | None = None,
    **details: Any,
) -> None:
    """Add an entry to the transaction. `details` must not contain a secret."""
    session.add(
        AuditEntry(
            workspace_id=workspace_id,
            actor_kind=actor.kind,
            actor_id=actor.id,
            actor_name=actor.name,
            address=actor.address,
            action=action,
            subject=subject[:SUBJECT_MAX],
            subject_id=subject_id,
            details=details,
        )
    )


async def record_everywhere(session: AsyncSession, actor: Actor, action: str, subject: str, **details: Any) -> None:
    """Add an entry to the log of every workspace: the operator's action concerns them all."""
    for workspace_id in await session.scalars(select(Workspace.id)):
        record(session, workspace_id, actor, action, subject, **details)


async def list_entries(
    session: AsyncSession, workspace_id: UUID, offset: int, limit: int
) -> tuple[list[AuditEntry], int]:
    """Return a page of entries, newest first, and the number of all entries."""
    query = select(AuditEntry).where(AuditEntry.workspace_id == workspace_id)
    return await page_of(session, query.order_by(AuditEntry.id.desc()), offset, limit)


async def newest_about(session: AsyncSession, workspace_id: UUID, subject: str) -> AuditEntry | None:
    """Return the newest entry about a subject, among the workspace's last ones; None if they have none."""
    last = select(AuditEntry.id).where(AuditEntry.workspace_id == workspace_id).order_by(AuditEntry.id.desc())
    query = select(AuditEntry).where(AuditEntry.id.in_(last.limit(LOOKED_AT)), AuditEntry.subject == subject)
    return (await session.scalars(query.order_by(AuditEntry.id.desc()).limit(1))).one_or_none()
