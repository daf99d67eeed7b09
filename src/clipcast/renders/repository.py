"""Queries about renders, always within one workspace."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, exists, func, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased, contains_eager

from clipcast.common.ids import parse_id
from clipcast.database import among, page_of
from clipcast.database.limits import SEES_ALL
from clipcast.database.models.clips import Render
from clipcast.database.models.jobs import Job, JobState
from clipcast.database.models.posts import Item
from clipcast.database.models.renditions import Rendition, RenditionAhead

# The statuses of renders that are being made.
PENDING = ("queued", "active")
# The status that callers of the original API ask for.
STATUSES = {"processing": PENDING}


def _status() -> ColumnElement[str]:
    """Return the status of a render in a query that is joined with renditions."""
    return func.coalesce(Rendition.status, Render.status)


def _joined(workspace_id: UUID) -> Select[Render]:
    return (
        select(Render)
        .outerjoin(Rendition, Rendition.id == Render.rendition_id)
        .options(contains_eager(Render.rendition))
        .where(Render.workspace_id == workspace_id)
    )


async def get_render(session: AsyncSession, workspace_id: UUID, render_id: str, lock: bool = False) -> Render | None:
    query = select(Render).where(Render.workspace_id == workspace_id, Render.id == parse_id(render_id))
    return (await session.execute(query.with_for_update(of=Render) if lock else query)).scalar_one_or_none()


async def render_of_clip(session: AsyncSession, clip_id: UUID, key: str = "") -> Render | None:
    """Return the render of a clip with this key. The empty key is the clip as it is."""
    return (
        await session.execute(select(Render).where(Render.clip_id == clip_id, Render.key == key))
    ).scalar_one_or_none()


async def list_renders(
    session: AsyncSession, workspace_id: UUID, status: str | None, offset: int, limit: int, name: str = ""
) -> tuple[list[Render], int]:
    """Return a page of renders whose names contain `name`, newest first, and the number of all such renders.

    Renders in the bin of the library are left out.
    """
    query = _joined(workspace_id).where(Render.deleted_at.is_(None))
    if status:
        query = query.where(_status().in_(STATUSES.get(status, (status,))))
    if name:
        query = query.where(Render.name.icontains(name, autoescape=True))
    return await page_of(session, query.order_by(Render.id.desc()), offset, limit)


async def renders_by_edit_id(session: AsyncSession, workspace_id: UUID, ids: list[UUID]) -> dict[UUID, Render]:
    rows = await session.execute(
        select(Render).where(Render.workspace_id == workspace_id, among(Render.edit_setting_id, ids))
    )
    return {render.edit_setting_id: render for render in rows.scalars()}


async def renders_by_id(session: AsyncSession, workspace_id: UUID, ids: Collection[UUID]) -> dict[UUID, Render]:
    rows = await session.execute(select(Render).where(Render.workspace_id == workspace_id, among(Render.id, ids)))
    return {render.id: render for render in rows.scalars()}


async def completed_renditions(session: AsyncSession, workspace_id: UUID, keys: Collection[str]) -> dict[str, UUID]:
    """Return the renditions of these keys whose files exist, by key."""
    if not keys:
        return {}
    query = select(Rendition.key, Rendition.id).where(
        Rendition.workspace_id == workspace_id, Rendition.key.in_(keys), Rendition.status == "completed"
    )
    return {key: id for key, id in await session.execute(query)}  # noqa: C416 (mypy cannot read dict(rows))


async def renditions_ahead(session: AsyncSession, *render_ids: UUID) -> list[RenditionAhead]:
    """Return what was ordered with these renders for platforms, by platform."""
    query = select(RenditionAhead).where(RenditionAhead.render_id.in_(render_ids)).order_by(RenditionAhead.platform)
    return list((await session.execute(query)).scalars())


async def count_pending(session: AsyncSession, workspace_id: UUID) -> dict[str, int]:
    """Return the number of the workspace's renders that are queued, and of those that are active."""
    query = (
        select(Rendition.status, func.count(Render.id))
        .join(Render, Render.rendition_id == Rendition.id)
        .where(Render.workspace_id == workspace_id, Rendition.status.in_(PENDING))
        .group_by(Rendition.status)
    )
    counts = dict.fromkeys(PENDING, 0)
    for status, count in await session.execute(query):
        counts[status] = count
    return counts


async def queue_position(session: AsyncSession, rendition: Rendition) -> int:
    """Return the place of a queued rendition among the workspace's jobs that are ready in its queue, from 1."""
    own = aliased(Job)

    def order(job: type[Job]) -> Any:
        return tuple_(job.priority, job.due_at, job.id)

    query = select(func.count()).where(
        own.id == rendition.id,
        Job.workspace_id == rendition.workspace_id,
        Job.state == JobState.READY,
        Job.queue == own.queue,
        order(Job) < order(own),
    )
    return 1 + (await session.execute(query)).scalar_one()


async def count_ordered(session: AsyncSession, workspace_id: UUID) -> int:
    """Return the number of renditions that renders have ordered, also for platforms, and that are not made yet."""
    of_render = exists().where(Render.rendition_id == Rendition.id)
    ahead = exists().where(RenditionAhead.rendition_id == Rendition.id)
    query = select(func.count()).where(
        Rendition.workspace_id == workspace_id, Rendition.status.in_(PENDING), or_(of_render, ahead)
    )
    return (await session.execute(query)).scalar_one()


async def is_posted(session: AsyncSession, *renders: Render) -> bool:
    """Return whether an item names one of the renders."""
    query = select(Item.id).where(Item.edit_id.in_([render.edit_setting_id for render in renders])).limit(1)
    return (await session.execute(query.execution_options(**SEES_ALL))).first() is not None


async def renders_of_clip(session: AsyncSession, clip_id: UUID) -> list[Render]:
    """Return all renders of a clip, locked."""
    query = select(Render).where(Render.clip_id == clip_id).order_by(Render.id).with_for_update(of=Render)
    return list((await session.execute(query)).scalars())
