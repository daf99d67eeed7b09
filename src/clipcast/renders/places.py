"""Limits of what a workspace may have at a time."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.database.models.workspaces import Workspace


async def lock_count(session: AsyncSession, workspace_id: UUID) -> None:
    """Hold the workspace until the end of the transaction, so that no other one adds what the next query counts."""
    await session.execute(select(Workspace.id).where(Workspace.id == workspace_id).with_for_update(key_share=True))
