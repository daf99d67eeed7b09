"""The audit log: who did what, when, from where. An entry is committed with what it tells of."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.database import page_of
from clipcast.database.models.audit import AuditEntry

SUBJECT_MAX = 200


@dataclass(frozen=True)
class Actor:
    """Somebody signed in, or an API key, and the address that the request came from."""

    kind: str
    id: UUID
    name: str
    address: str


def record(
    session: AsyncSession,
    workspace_id: UUID,
    actor: Actor,
    action: str,
    subject: str,
    subject_id: UUID | None = None,
    **details: Any,
) -> None:
    """Adds an entry to the transaction. `details` must hold no secret."""
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


async def list_entries(
    session: AsyncSession, workspace_id: UUID, offset: int, limit: int
) -> tuple[list[AuditEntry], int]:
    """Newest first, and how many there are in all."""
    query = select(AuditEntry).where(AuditEntry.workspace_id == workspace_id)
    return await page_of(session, query.order_by(AuditEntry.id.desc()), offset, limit)
