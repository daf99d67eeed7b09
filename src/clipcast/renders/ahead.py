"""Conversions ahead: what platforms will need of a render, ordered with it."""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.clock import clock
from clipcast.common.problems import Problem
from clipcast.database.hot_queries import from_session
from clipcast.database.models.clips import Render
from clipcast.database.models.renditions import RenditionAhead
from clipcast.platforms.registry import PLATFORMS
from clipcast.rendering.planner import plan
from clipcast.renders.conforming import SourceFile, order_of
from clipcast.renders.renditions import FOR_NO_POST, ensure
from clipcast.renders.service import CONFORM_FOR, output_of, require_place


def unknown_platforms(names: Sequence[str]) -> list[Problem]:
    """Return a problem for each name that is no platform."""
    return [
        Problem(f"/conform_for/{index}", "not_allowed", f"Use one of: {', '.join(PLATFORMS)}.")
        for index, name in enumerate(names)
        if name not in PLATFORMS
    ]


async def order_ahead(session: AsyncSession, render: Render, names: Sequence[str]) -> None:
    """Order what these platforms need of a render's file, made or not, and keep it as long as the render.

    Each platform's rules are those of its default kind of post. The render gets a warning for each that does not take
    the file, converted or not: nothing is ordered for it. Raise AppError 429 if too many renders wait.
    """
    media, clip, made = output_of(render), render.clip, render.rendition
    if media is None or not names:
        return
    made_id, key = (made.id, made.key) if made else (None, None)
    file = SourceFile(render.workspace_id, clip.id, made_id, key, clip.storage_key, clip.size, clip.sha256, media)
    warnings, orders = [], {}
    for index, name in enumerate(names):
        platform = PLATFORMS[name]
        planned = plan(media, platform.media_for(platform.metadata.model_construct()))
        warnings += [
            replace(one, path=f"{CONFORM_FOR}{index}", message=f"{platform.title}: {one.message}")
            for one in planned.problems
        ]
        if planned.recipe is not None and not planned.problems:
            orders[name] = order_of(file, planned, clock.now(), FOR_NO_POST)
    if orders:
        await require_place(session, render.workspace_id)
        ordered = await ensure(await from_session(session), list(orders.values()))
        rows = [
            {"render_id": render.id, "platform": name, "rendition_id": one.id}
            for name, one in zip(orders, ordered, strict=True)
        ]
        statement = insert(RenditionAhead).values(rows)
        changed = {"rendition_id": statement.excluded.rendition_id}
        await session.execute(statement.on_conflict_do_update(index_elements=["render_id", "platform"], set_=changed))
    others = [one for one in render.warnings if not one["path"].startswith(CONFORM_FOR)]
    render.warnings = [*others, *(one.as_dict() for one in warnings)]
