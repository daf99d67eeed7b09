"""The sweep: what is kept, what expires, and what killed runs and deleted rows leave behind."""

from collections import namedtuple
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, select, update

from clipcast.clips.unwanted import delete_unwanted
from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.common.unavailable import StorageUnavailable
from clipcast.database.models.clips import Clip, Render, UnwantedObject
from clipcast.database.models.jobs import Job
from clipcast.database.models.posts import Item
from clipcast.database.models.renditions import Rendition
from clipcast.database.models.workspaces import Workspace
from clipcast.installation import Installation, storage_mark
from clipcast.rendering.recipe import Recipe
from clipcast.renders import space
from clipcast.renders.orphans import AGE, ORPHANS_BORNE, OrphanSearch
from clipcast.renders.renderer import Renderer
from clipcast.renders.renditions import use
from clipcast.renders.sweeps import LEFT_FOR, budget_of, delete_left, delete_orphans, expire, sweep, sweep_work_folders
from clipcast.storage import Storage
from clipcast.testing.harness import Stage
from tests.renders.orders import COPY, change, job, keep, ordered, rendition, uploaded

WEEK = timedelta(days=7, hours=1)


@pytest.fixture
async def renderer(stage: Stage) -> AsyncIterator[Renderer]:
    installation = stage.installation
    found = Renderer(installation.settings, installation.database, installation.storage)
    yield found
    await found.close()


async def made(stage: Stage, renderer: Renderer, recipe: Recipe = COPY) -> Rendition:
    found = await ordered(stage, await uploaded(stage), recipe)
    await renderer.run_due()
    return await rendition(stage, found.id)


async def keys(stage: Stage, prefix: str = "renditions/") -> list[str]:
    return sorted(key for key, _ in await stage.installation.storage.list(prefix) if key != storage_mark.KEY)


async def let_expire(stage: Stage) -> int:
    return await expire(stage.installation.settings, stage.installation.database, stage.installation.storage)


async def needed_by_an_item(stage: Stage, id: object, status: str) -> None:
    await stage.post(await stage.connect("tiktok"), "tiktok", {"title": "x", "privacyLevel": "PUBLIC_TO_EVERYONE"})
    await stage.installation.database.hot_pool.following.close()  # it orders what the item needs
    async with stage.installation.database.begin() as session:
        await session.execute(update(Item).values(rendition_id=id, status=status))


async def test_unused_file_expires_after_the_time_it_is_kept(stage: Stage, renderer: Renderer) -> None:
    found = await made(stage, renderer)
    clock.move(timedelta(days=6))
    assert (await let_expire(stage), len(await keys(stage))) == (0, 2)
    clock.move(timedelta(days=2))
    assert (await let_expire(stage), await keys(stage)) == (1, [])
    expired = await rendition(stage, found.id)
    assert (expired.status, expired.storage_key) == ("expired", None)
    again = await ordered(stage, await uploaded(stage), COPY)
    assert (again.id, again.status) == (found.id, "queued")
    await renderer.run_due()
    assert (await rendition(stage, found.id)).storage_key == f"renditions/{found.id}/2.mp4"


async def test_order_renews_the_time(stage: Stage, renderer: Renderer) -> None:
    await made(stage, renderer)
    clock.move(timedelta(days=6))
    await ordered(stage, await uploaded(stage), COPY)
    clock.move(timedelta(days=6))
    assert await let_expire(stage) == 0


@pytest.mark.parametrize(("status", "expired"), [("pending", 0), ("processing", 0), ("published", 1), ("failed", 1)])
async def test_file_is_kept_while_an_item_needs_it(stage: Stage, renderer: Renderer, status: str, expired: int) -> None:
    found = await made(stage, renderer)
    await needed_by_an_item(stage, found.id, status)
    clock.move(WEEK)
    assert await let_expire(stage) == expired


@pytest.mark.parametrize(("status", "expired"), [("pending", 0), ("processing", 0), ("published", 1), ("failed", 1)])
async def test_budget_spares_the_render_that_an_item_names(
    stage: Stage, renderer: Renderer, monkeypatch: pytest.MonkeyPatch, status: str, expired: int
) -> None:
    found = await made(stage, renderer)
    await needed_by_an_item(stage, None, status)
    await keep(stage, found.id)  # the render of the item
    clock.move(timedelta(hours=2))
    disk = namedtuple("disk", "total used free")
    monkeypatch.setattr(space.shutil, "disk_usage", lambda folder: disk(5, 0, 10**12))
    assert await let_expire(stage) == expired


async def test_use_renews_the_time(stage: Stage, renderer: Renderer) -> None:
    found = await made(stage, renderer)
    clock.move(timedelta(days=6))
    await use(stage.installation.database.hot_pool, found.id)
    clock.move(timedelta(days=6))
    assert await let_expire(stage) == 0


async def test_callers_render_is_kept(stage: Stage, renderer: Renderer) -> None:
    await keep(stage, (await made(stage, renderer)).id)
    clock.move(10 * WEEK)
    assert await let_expire(stage) == 0


async def test_budget_takes_the_least_recently_used_first(
    stage: Stage, renderer: Renderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = []
    for number in range(3):
        found = await made(stage, renderer, Recipe(min_bytes=100_000 + number))
        sizes.append(found)
        clock.move(timedelta(hours=2))
    await ordered(stage, await uploaded(stage), Recipe(min_bytes=100_000))  # the oldest is used again
    clock.move(timedelta(hours=2))
    disk = namedtuple("disk", "total used free")
    room = sum(one.size or 0 for one in sizes[:2]) + 10
    monkeypatch.setattr(space.shutil, "disk_usage", lambda folder: disk(room * 5, 0, 10**12))
    assert await let_expire(stage) == 1
    assert [(await rendition(stage, one.id)).status for one in sizes] == ["completed", "expired", "completed"]


async def test_budget_spares_what_an_item_needs_and_what_was_just_used(
    stage: Stage, renderer: Renderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = await made(stage, renderer)
    disk = namedtuple("disk", "total used free")
    monkeypatch.setattr(space.shutil, "disk_usage", lambda folder: disk(5, 0, 10**12))
    assert await let_expire(stage) == 0
    await needed_by_an_item(stage, found.id, "processing")
    clock.move(timedelta(hours=2))
    assert await let_expire(stage) == 0


def test_budget_is_a_share_of_the_disk_of_the_store(
    installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The data directory may be on another disk."""
    disk = namedtuple("disk", "total used free")
    monkeypatch.setattr(space.shutil, "disk_usage", lambda folder: disk(100 if folder == tmp_path else 5, 0, 0))
    settings = installation.settings
    assert budget_of(settings) == 1
    assert budget_of(settings.model_copy(update={"storage_url": tmp_path.as_uri()})) == 20


async def test_bucket_has_no_budget(stage: Stage, renderer: Renderer, monkeypatch: pytest.MonkeyPatch) -> None:
    await made(stage, renderer)
    clock.move(timedelta(hours=2))
    disk = namedtuple("disk", "total used free")
    monkeypatch.setattr(space.shutil, "disk_usage", lambda folder: disk(5, 0, 10**12))
    settings = stage.installation.settings.model_copy(update={"storage_url": "s3://bucket"})
    assert await expire(settings, stage.installation.database, stage.installation.storage) == 0


async def test_storage_that_is_away_keeps_nothing_from_expiring(
    stage: Stage, renderer: Renderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = await made(stage, renderer)
    clock.move(WEEK)

    async def away(self: Storage, key: str) -> None:
        raise StorageUnavailable("away")

    with monkeypatch.context() as broken:
        broken.setattr(Storage, "delete", away)
        assert await let_expire(stage) == 1
    assert ((await rendition(stage, found.id)).status, len(await keys(stage))) == ("expired", 2)
    search = OrphanSearch(stage.installation.database, stage.installation.storage)
    await sweep(stage.installation.settings, stage.installation.database, stage.installation.storage, search)
    assert await keys(stage) == []


async def test_orphans_are_deleted_and_running_and_named_files_are_not(stage: Stage, renderer: Renderer) -> None:
    found = await made(stage, renderer)
    running = await ordered(stage, await uploaded(stage))
    async with stage.installation.database.begin() as session:
        await session.execute(update(Job).where(Job.id == running.id).values(state="running", fence=4))
    storage = stage.installation.storage
    for key in (f"renditions/{found.id}/7.mp4", f"renditions/{new_id()}/1.mp4", f"renditions/{running.id}/3.jpg",
                f"renditions/{running.id}/4.mp4", "renditions/stray"):  # fmt: skip
        await storage.put_bytes(key, b"x")
    folder = stage.installation.settings.data_dir / "media" / "renditions"
    (folder / str(found.id) / "3.mp4#1").write_bytes(b"half")
    (folder / str(running.id) / "4.mp4#1").write_bytes(b"half")
    assert await delete_orphans(stage.installation.database, storage) == []  # all are young
    clock.move(LEFT_FOR + timedelta(minutes=1))
    orphans = await delete_orphans(stage.installation.database, storage)
    assert len(orphans) == 5
    assert await keys(stage) == sorted([f"renditions/{found.id}/1.jpg", f"renditions/{found.id}/1.mp4",
                                        f"renditions/{running.id}/4.mp4"])  # fmt: skip
    assert await storage.unfinished("renditions") == [f"renditions/{running.id}/4.mp4#1"]


async def test_work_folders_of_ended_runs_are_deleted(stage: Stage) -> None:
    running = await ordered(stage, await uploaded(stage))
    async with stage.installation.database.begin() as session:
        await session.execute(update(Job).where(Job.id == running.id).values(state="running", fence=2))
    folder: Path = stage.installation.settings.data_dir / space.FOLDER
    await sweep_work_folders(stage.installation.settings, stage.installation.database)
    for name in (f"{running.id}.1", f"{running.id}.2", f"{new_id()}.1", "stray"):
        (folder / name).mkdir(parents=True)
        (folder / name / "converted.mp4").write_bytes(b"x")
    (folder / "file").write_bytes(b"x")
    await sweep_work_folders(stage.installation.settings, stage.installation.database)
    assert [path.name for path in folder.iterdir()] == [f"{running.id}.2"]


async def test_deleted_clip_takes_its_files_along(stage: Stage, renderer: Renderer) -> None:
    found = await made(stage, renderer)
    assert len(await keys(stage, "")) == 4  # the clip, the rendition, and both thumbnails
    async with stage.installation.database.begin() as session:
        await session.execute(delete(Render))
        await session.execute(delete(Clip))
    clock.move(timedelta(minutes=2))
    assert await delete_left(stage.installation.database) == 1
    async with stage.installation.database.session() as session:
        assert list(await session.scalars(select(Job).where(Job.id == found.id))) == []
    await delete_unwanted(stage.installation.database, stage.installation.storage)
    assert await keys(stage, "") == []


async def test_deleted_workspace_takes_all_its_files_along(
    stage: Stage, renderer: Renderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows go first. The storage that is away then does not keep the files."""
    await keep(stage, (await made(stage, renderer)).id)
    async with stage.installation.database.begin() as session:
        await session.execute(delete(Workspace))
    async with stage.installation.database.session() as session:
        assert list(await session.scalars(select(Rendition))) == []
        assert len(list(await session.scalars(select(UnwantedObject)))) >= 4

    async def away(self: Storage, key: str) -> None:
        raise StorageUnavailable("away")

    with monkeypatch.context() as broken:
        broken.setattr(Storage, "delete", away)
        await delete_unwanted(stage.installation.database, stage.installation.storage)
    assert len(await keys(stage, "")) == 4
    await delete_unwanted(stage.installation.database, stage.installation.storage)
    assert await keys(stage, "") == []


async def test_files_of_another_database_stay(stage: Stage) -> None:
    """Most objects belong to no row: the bucket is shared, or the address of the database is wrong."""
    storage, database = stage.installation.storage, stage.installation.database
    for _ in range(ORPHANS_BORNE + 1):
        await storage.put_bytes(f"renditions/{new_id()}/1.mp4", b"x")
    clock.move(LEFT_FOR + timedelta(minutes=1))
    assert await delete_orphans(database, storage) == []
    assert len(await keys(stage)) == ORPHANS_BORNE + 1


async def test_sweep_spares_orphans_for_a_week_after_the_storage_was_taken_over(stage: Stage) -> None:
    """The operator of a restored database may still restore a newer one, whose files these are."""
    database, storage = stage.installation.database, stage.installation.storage
    stray = f"renditions/{new_id()}/1.mp4"
    await storage.put_bytes(stray, b"x")

    async def swept() -> list[str]:
        await sweep(stage.installation.settings, database, storage, OrphanSearch(database, storage))
        return await keys(stage)

    await storage_mark.take_over(database, storage)
    clock.move(AGE - timedelta(hours=1))
    assert await swept() == [stray]
    clock.move(timedelta(hours=2))
    await storage.put_bytes(storage_mark.KEY, b'{"mark": "of another"}')
    assert await swept() == [stray]
    await storage_mark.take_over(database, storage)
    clock.move(AGE + timedelta(hours=1))
    assert await swept() == []


async def test_clip_that_is_gone_keeps_what_an_item_needs(stage: Stage, renderer: Renderer) -> None:
    found = await made(stage, renderer)
    await needed_by_an_item(stage, found.id, "processing")
    await change(stage, found.id, clip_id=None)
    clock.move(timedelta(minutes=2))
    assert await delete_left(stage.installation.database) == 0
    assert (await job(stage, found.id)).state == "done"
