"""Queries about clips and renders, always within one workspace."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.common.ids import parse_id
from clipcast.database import page_of
from clipcast.database.models.clips import Clip, Render
from clipcast.database.models.posts import Item


async def get_clip(session: AsyncSession, workspace_id: UUID, clip_id: str, lock: bool = False) -> Clip | None:
    query = select(Clip).where(Clip.workspace_id == workspace_id, Clip.id == parse_id(clip_id))
    return (await session.execute(query.with_for_update() if lock else query)).scalar_one_or_none()


async def get_render(session: AsyncSession, workspace_id: UUID, render_id: str, lock: bool = False) -> Render | None:
    query = select(Render).where(Render.workspace_id == workspace_id, Render.id == parse_id(render_id))
    return (await session.execute(query.with_for_update(of=Render) if lock else query)).scalar_one_or_none()


async def render_of_clip(session: AsyncSession, clip_id: UUID) -> Render | None:
    """Return the render that is the clip as it is."""
    return (
        await session.execute(select(Render).where(Render.clip_id == clip_id, Render.key == ""))
    ).scalar_one_or_none()


async def list_renders(
    session: AsyncSession, workspace_id: UUID, status: str | None, offset: int, limit: int, name: str = ""
) -> tuple[list[Render], int]:
    """Return a page of renders whose names contain `name`, newest first, and the number of all such renders."""
    query = select(Render).where(Render.workspace_id == workspace_id)
    if status:
        query = query.where(Render.status == status)
    if name:
        query = query.where(Render.name.icontains(name, autoescape=True))
    return await page_of(session, query.order_by(Render.id.desc()), offset, limit)


async def renders_by_edit_id(session: AsyncSession, workspace_id: UUID, ids: list[UUID]) -> dict[UUID, Render]:
    rows = await session.execute(
        select(Render).where(Render.workspace_id == workspace_id, Render.edit_setting_id.in_(ids))
    )
    return {render.edit_setting_id: render for render in rows.scalars()}


async def is_posted(session: AsyncSession, render: Render) -> bool:
    """Return whether an item names the render."""
    query = select(Item.id).where(Item.edit_id == render.edit_setting_id).limit(1)
    return (await session.execute(query)).first() is not None
