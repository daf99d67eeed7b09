"""The end of what is in the bin of the clips library: after 30 days, unless a post uses it."""

from sqlalchemy import exists, select

from clipcast.clips.library import KEPT
from clipcast.clock import clock
from clipcast.common.problems import AppError
from clipcast.database import Database
from clipcast.database.models.clips import Render
from clipcast.database.models.posts import Item
from clipcast.renders.service import delete_render

AT_ONCE = 100


async def delete_from_bin(database: Database) -> int:
    """Delete clips that were put into the bin 30 days ago, and return their number.

    Their objects are recorded for deletion.
    """
    query = select(Render.id).where(
        Render.deleted_at < clock.now() - KEPT, ~exists().where(Item.edit_id == Render.edit_setting_id)
    )
    async with database.session() as session:
        found = (await session.scalars(query.order_by(Render.deleted_at).limit(AT_ONCE))).all()
    deleted = 0
    for id in found:
        try:
            async with database.begin() as session:
                locked = select(Render).where(Render.id == id, Render.deleted_at.is_not(None))
                if render := (await session.scalars(locked.with_for_update(of=Render))).first():
                    await delete_render(session, render)
                    deleted += 1
        except AppError:
            continue  # used meanwhile
    return deleted
