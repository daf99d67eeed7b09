"""Queries about clips, always within one workspace."""

from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.common.ids import parse_id
from clipcast.database import page_of
from clipcast.database.models.clips import Clip, Render


async def get_clip(session: AsyncSession, workspace_id: UUID, clip_id: str, lock: bool = False) -> Clip | None:
    query = select(Clip).where(Clip.workspace_id == workspace_id, Clip.id == parse_id(clip_id))
    return (await session.execute(query.with_for_update() if lock else query)).scalar_one_or_none()


async def list_clips(
    session: AsyncSession, workspace_id: UUID, oldest_first: bool, offset: int, limit: int
) -> tuple[list[Clip], int]:
    """Return a page of the clips whose upload is complete, and the number of all. Those in the bin are left out."""
    in_bin = exists().where(Render.clip_id == Clip.id, Render.key == "", Render.deleted_at.is_not(None))
    query = select(Clip).where(Clip.workspace_id == workspace_id, Clip.status == "ready", ~in_bin)
    return await page_of(session, query.order_by(Clip.id if oldest_first else Clip.id.desc()), offset, limit)
