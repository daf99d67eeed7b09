"""Orders of renditions for tests, and what has become of them."""

import asyncio
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select, text, update

from clipcast.clock import clock
from clipcast.database.models.clips import Clip, Render
from clipcast.database.models.jobs import Job
from clipcast.database.models.renditions import Rendition
from clipcast.jobs.claimed import LEASE
from clipcast.jobs.workers import reclaim_expired
from clipcast.rendering.recipe import Picture, Recipe, Sound
from clipcast.renders.renditions import Input, Order, Ordered, cancel, ensure
from clipcast.testing.harness import Stage

PICTURE = Picture(360, 640, (30, 1))
ENCODE = Recipe(PICTURE, Sound())
COPY = Recipe()


async def uploaded(stage: Stage, name: str = "clip.mp4") -> Clip:
    """Upload the stage's clip and return its row."""
    edit = await stage.caller.upload(stage.clip, name)
    async with stage.installation.database.session() as session:
        return (await session.scalars(select(Render).where(Render.edit_setting_id == UUID(edit)))).one().clip


def order(clip: Clip, recipe: Recipe = ENCODE, **more: object) -> Order:
    assert clip.size is not None
    assert clip.sha256 is not None
    inputs = (Input(clip.storage_key, clip.size, clip.sha256),)
    return Order(**{"workspace_id": clip.workspace_id, "clip_id": clip.id, "inputs": inputs, "recipe": recipe,
                    "due_at": clock.now()} | more)  # type: ignore[arg-type]  # fmt: skip


async def ordered(stage: Stage, clip: Clip, recipe: Recipe = ENCODE, **more: object) -> Ordered:
    """Order one rendition."""
    [found] = await ensure(stage.installation.database.hot_pool, [order(clip, recipe, **more)])
    return found


async def keep(stage: Stage, id: UUID) -> None:
    """Have a render need the rendition."""
    async with stage.installation.database.begin() as session:
        await session.execute(update(Render).values(rendition_id=id))


async def cancelled(stage: Stage, id: UUID) -> bool:
    """Cancel a rendition that nobody needs, and return whether it was."""
    async with stage.installation.database.hot_pool.transaction() as transaction:
        return await cancel(transaction, id)


async def rendition(stage: Stage, id: UUID) -> Rendition:
    async with stage.installation.database.session() as session:
        return await session.get_one(Rendition, id)


async def job(stage: Stage, id: UUID) -> Job:
    async with stage.installation.database.session() as session:
        return await session.get_one(Job, id)


async def change(stage: Stage, id: UUID, job_state: str | None = None, **columns: object) -> None:
    """Set columns of a rendition, and the state of its job."""
    async with stage.installation.database.begin() as session:
        await session.execute(update(Rendition).where(Rendition.id == id).values(**columns))
        if job_state:
            await session.execute(update(Job).where(Job.id == id).values(state=job_state))


async def kill_renderer(stage: Stage, kind: str) -> None:
    """Have a renderer die that runs the jobs of a kind. Another process reclaims them."""
    database = stage.installation.database
    slots = stage.renderer._make_slots({kind: 1}, "rows")
    await slots.open()
    async with database.begin() as session:
        dying = {"state": "running", "worker_id": slots.lease.id}
        await session.execute(update(Job).where(Job.kind == kind).values(dying))
    clock.move(LEASE + timedelta(seconds=1))
    await reclaim_expired(database)


async def until_waiting(stage: Stage) -> None:
    """Wait until a statement waits for a lock."""
    async with asyncio.timeout(60), stage.installation.database.session() as session:
        waiting = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
        while not (await session.execute(waiting)).scalar_one():
            await session.rollback()
            await asyncio.sleep(0.02)
