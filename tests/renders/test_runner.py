"""The runner of renderers: each order ends as one file, or with the reason why there is none."""

import asyncio
import hashlib
from collections import namedtuple
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import delete, select, update

from clipcast.clock import clock
from clipcast.common.media import stored_media
from clipcast.common.unavailable import StorageFull, StorageUnavailable
from clipcast.database.models.clips import Clip, Render
from clipcast.database.models.jobs import Job, JobState, Worker
from clipcast.database.models.renditions import Rendition
from clipcast.jobs import workers
from clipcast.jobs.claimed import LEASE, ClaimedJob
from clipcast.jobs.dead_letter import CRASHES_MAX
from clipcast.jobs.engines.rows import RowsEngine
from clipcast.jobs.pauses import pause, resume
from clipcast.rendering.children import ChildUnavailable
from clipcast.rendering.convert import OUTPUT, Converted
from clipcast.rendering.errors import ConversionError, WatermarkUnreadable, WorkFolderFull
from clipcast.rendering.recipe import Edit, Recipe, Trim, recipe_of
from clipcast.renders import runner, space
from clipcast.renders.outcomes import RenditionOutcomes
from clipcast.renders.renderer import Renderer
from clipcast.renders.renditions import Source, ensure
from clipcast.storage import StorageError
from clipcast.testing.harness import Stage, running
from tests.renders.orders import (
    COPY,
    ENCODE,
    cancelled,
    change,
    job,
    keep,
    kill_renderer,
    order,
    ordered,
    rendition,
    until_waiting,
    uploaded,
)

Convert = Callable[..., Any]


@pytest.fixture
async def renderer(stage: Stage) -> AsyncIterator[Renderer]:
    found = new_renderer(stage)
    yield found
    await found.close()


def new_renderer(stage: Stage) -> Renderer:
    return Renderer(stage.installation.settings, stage.installation.database, stage.installation.storage)


def work_folders(stage: Stage) -> list[Path]:
    folder = stage.installation.settings.data_dir / space.FOLDER
    return list(folder.iterdir()) if folder.exists() else []


async def stored(stage: Stage) -> list[str]:
    found = [key for key, _ in await stage.installation.storage.list("renditions/")]
    return sorted([*found, *await stage.installation.storage.unfinished("renditions")])


def converting(monkeypatch: pytest.MonkeyPatch, act: Callable[[Path, Callable[[float], None]], Any]) -> list[int]:
    """Have conversions run `act`, then return the source as it is. Return the list of the calls."""
    calls: list[int] = []

    async def convert(
        children: object,
        inputs: Any,
        recipe: object,
        folder: Path,
        progress: Callable[[float], None],
        **settings: object,
    ) -> Converted:
        calls.append(1)
        content = b"".join([piece async for piece in inputs[0].read(0, inputs[0].size)])
        (folder / OUTPUT).write_bytes(content)
        await act(folder, progress)
        return Converted(folder / OUTPUT, len(content), 0.0, ("A letter is missing.",))

    monkeypatch.setattr(runner, "convert", convert)
    return calls


def raising(error: Exception, times: int = 100) -> Callable[..., Any]:
    left = [error] * times

    async def act(folder: Path, progress: object) -> None:
        if left:
            raise left.pop()

    return act


def refusing(stage: Stage, monkeypatch: pytest.MonkeyPatch, error: Exception, times: int) -> None:
    """Have the storage refuse the next renditions."""
    storage, left = stage.installation.storage, [error] * times
    put = storage.put

    async def refuse(key: str, pieces: Any) -> None:
        if left and key.startswith("renditions/"):
            raise left.pop()
        await put(key, pieces)

    monkeypatch.setattr(storage, "put", refuse)


async def nothing(folder: Path, progress: object) -> None:
    pass


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(60):
        while not await condition():
            await asyncio.sleep(0.02)


@pytest.mark.parametrize(("recipe", "action"), [(ENCODE, "video"), (COPY, "remux")])
async def test_order_is_made(stage: Stage, renderer: Renderer, recipe: Any, action: str) -> None:
    found = await ordered(stage, await uploaded(stage), recipe)
    assert await renderer.run_due() == 1
    made = await rendition(stage, found.id)
    assert (made.status, made.progress, made.error, made.action) == ("completed", 100, None, action)
    assert made.storage_key == f"renditions/{found.id}/1.mp4"
    content = b"".join([one async for one in stage.installation.storage.read(made.storage_key, 0, made.size or 0)])
    assert hashlib.sha256(content).hexdigest() == made.sha256
    media = stored_media(made.media)
    size = (360, 640) if recipe is ENCODE else (540, 960)
    assert (media.size, media.width, media.height, media.container) == (len(content), *size, "mp4")
    assert await stored(stage) == [f"renditions/{found.id}/1.jpg", f"renditions/{found.id}/1.mp4"]
    assert (await job(stage, found.id)).state == JobState.DONE
    assert work_folders(stage) == []


async def test_made_file_may_be_the_source_of_another(stage: Stage, renderer: Renderer) -> None:
    clip = await uploaded(stage)
    first = await ordered(stage, clip)
    second = await ordered(stage, clip, COPY, inputs=(), source=Source(first.id, first.key))
    async with stage.installation.database.begin() as session:  # it is claimed first
        later = clock.now() + timedelta(hours=1)
        await session.execute(update(Job).where(Job.id == first.id).values(state="waiting", due_at=later))
    await renderer.run_due()
    assert (await job(stage, second.id)).state == JobState.BLOCKED
    async with stage.installation.database.begin() as session:
        await session.execute(update(Job).where(Job.id == first.id).values(state="ready"))
    while await renderer.run_due():
        pass
    one, other = await rendition(stage, first.id), await rendition(stage, second.id)
    assert (one.status, other.status) == ("completed", "completed")
    assert stored_media(other.media).width == 360


async def test_cancelled_rendition_does_not_wait_for_its_source(
    stage: Stage, renderer: Renderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is cancelled after its run has looked, and before it waits."""
    clip = await uploaded(stage)
    first = await ordered(stage, clip, due_at=clock.now() + timedelta(hours=1))
    second = await ordered(stage, clip, COPY, inputs=(), source=Source(first.id, first.key))
    real = RenditionOutcomes.blocked

    async def blocked(self: RenditionOutcomes, claimed: ClaimedJob, after: UUID) -> None:
        assert await cancelled(stage, claimed.subject_id)
        await real(self, claimed, after)

    monkeypatch.setattr(RenditionOutcomes, "blocked", blocked)
    while await renderer.run_due():
        pass
    assert (await rendition(stage, second.id)).status == "cancelled"
    assert (await job(stage, second.id)).state == JobState.DONE


async def test_upload_deleted_in_mid_conversion_is_replaced_by_the_same_bytes(
    stage: Stage, renderer: Renderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = await uploaded(stage)
    await uploaded(stage, "again.mp4")
    found = await ordered(stage, clip)

    async def act(folder: Path, progress: object) -> None:
        if len(calls) == 1:
            async with stage.installation.database.begin() as session:
                await session.execute(delete(Render).where(Render.clip_id == clip.id))
                await session.execute(delete(Clip).where(Clip.id == clip.id))
            raise StorageError("gone")

    calls = converting(monkeypatch, act)
    while await renderer.run_due():
        pass
    assert ((await rendition(stage, found.id)).status, len(calls)) == ("completed", 2)


async def test_order_does_not_revive_a_job_while_it_is_buried(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    clip, began, real = await uploaded(stage), clock.now(), workers.bury
    found = await ordered(stage, clip)
    pool, ordering = stage.installation.database.hot_pool, list[asyncio.Task[Any]]()

    async def bury(*about: Any) -> None:
        await real(*about)
        ordering.append(asyncio.create_task(ensure(pool, [order(clip)], failed_before=began)))
        await until_waiting(stage)

    monkeypatch.setattr(workers, "bury", bury)
    for _ in range(CRASHES_MAX):
        await kill_renderer(stage, "render")
    [[again]] = await asyncio.gather(*ordering)
    left = await job(stage, found.id)
    assert (again.status, left.state, left.crash_count) == ("failed", JobState.DEAD, CRASHES_MAX)


async def test_source_that_failed_fails_what_is_made_of_it(stage: Stage, renderer: Renderer) -> None:
    clip = await uploaded(stage)
    first = await ordered(stage, clip)
    second = await ordered(stage, clip, COPY, inputs=(), source=Source(first.id, first.key))
    await change(stage, first.id, JobState.DONE, status="failed", error={"code": "conversion_timeout", "message": "x"})
    await renderer.run_due()
    assert ((await rendition(stage, second.id)).error or {})["code"] == "conversion_timeout"


@pytest.mark.parametrize("is_lost", [False, True])
async def test_expired_or_lost_source_is_made_again(stage: Stage, renderer: Renderer, is_lost: bool) -> None:
    clip = await uploaded(stage)
    first = await ordered(stage, clip)
    await renderer.run_due()
    second = await ordered(stage, clip, COPY, inputs=(), source=Source(first.id, first.key))
    if is_lost:
        await stage.installation.storage.delete(f"renditions/{first.id}/1.mp4")
    else:
        await change(stage, first.id, status="expired", storage_key=None)
    while await renderer.run_due():
        pass
    assert (await rendition(stage, first.id)).storage_key == f"renditions/{first.id}/2.mp4"
    assert (await rendition(stage, second.id)).status == "completed"


async def test_progress_is_shown_and_never_falls(
    stage: Stage, renderer: Renderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "LOOK_EVERY", 0.02)
    found = await ordered(stage, await uploaded(stage))
    seen: list[int] = []

    async def act(folder: Path, progress: Callable[[float], None]) -> None:
        for share in (0.5, 0.2, 0.9):
            progress(share)
            best = max(0.5, share)

            async def shown(best: float = best) -> bool:
                seen.append((await rendition(stage, found.id)).progress)
                return seen[-1] == int(best * runner.CONVERTING)

            await until(shown)

    converting(monkeypatch, act)
    await renderer.run_due()
    assert seen == sorted(seen)
    made = await rendition(stage, found.id)
    assert (made.status, made.progress, made.warnings) == ("completed", 100, ["A letter is missing."])


async def test_progress_of_a_second_run_begins_where_the_first_was(
    stage: Stage, renderer: Renderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = await ordered(stage, await uploaded(stage))
    await change(stage, found.id, status="active", progress=60)

    async def act(folder: Path, progress: Callable[[float], None]) -> None:
        progress(0.1)
        await asyncio.sleep(3 * 0.02)
        assert (await rendition(stage, found.id)).progress == 60

    monkeypatch.setattr(runner, "LOOK_EVERY", 0.02)
    converting(monkeypatch, act)
    await renderer.run_due()
    assert (await rendition(stage, found.id)).status == "completed"


async def test_cancelled_conversion_ends_at_once(
    stage: Stage, renderer: Renderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = await ordered(stage, await uploaded(stage))
    killed: list[bool] = []

    async def act(folder: Path, progress: object) -> None:
        assert await cancelled(stage, found.id)
        try:
            await asyncio.sleep(600)
        except asyncio.CancelledError:
            killed.append(True)
            raise

    converting(monkeypatch, act)
    async with asyncio.timeout(60):
        await renderer.run_due()
    made = await rendition(stage, found.id)
    assert (made.status, made.storage_key, killed) == ("cancelled", None, [True])
    assert (await job(stage, found.id)).state == JobState.DONE
    assert (await stored(stage), work_folders(stage)) == ([], [])


async def test_waiting_conversion_is_cancelled_without_a_renderer(stage: Stage, renderer: Renderer) -> None:
    found = await ordered(stage, await uploaded(stage))
    assert await cancelled(stage, found.id)
    assert (await rendition(stage, found.id)).status == "cancelled"
    assert await renderer.run_due() == 0
    assert not await cancelled(stage, found.id)


async def test_cancellation_spares_what_a_render_needs(stage: Stage) -> None:
    found = await ordered(stage, await uploaded(stage))
    await keep(stage, found.id)
    assert not await cancelled(stage, found.id)
    assert (await rendition(stage, found.id)).status == "queued"


async def test_cancelled_and_ordered_again_is_made(
    stage: Stage, renderer: Renderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = await uploaded(stage)
    found = await ordered(stage, clip)
    again: list[bool] = []

    async def act(folder: Path, progress: object) -> None:
        if not again:
            again.append(True)
            await cancelled(stage, found.id)
            clock.move(timedelta(seconds=1))
            await ordered(stage, clip)

    converting(monkeypatch, act)
    await renderer.run_due()
    await renderer.run_due()
    assert (await rendition(stage, found.id)).status == "completed"


async def test_what_nobody_needs_is_cancelled_instead_of_made(
    stage: Stage, renderer: Renderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = converting(monkeypatch, nothing)
    found = await ordered(stage, await uploaded(stage), due_at=clock.now() + timedelta(hours=1))
    clock.move(timedelta(hours=1))
    await renderer.run_due()
    assert ((await rendition(stage, found.id)).status, calls) == ("cancelled", [])


@pytest.mark.parametrize("deaths", [1, 2, 3])
async def test_three_deaths_of_the_child_end_the_conversion(
    stage: Stage, renderer: Renderer, monkeypatch: pytest.MonkeyPatch, deaths: int
) -> None:
    calls = converting(monkeypatch, raising(ConversionError("conversion_crashed", "It crashed."), deaths))
    found = await ordered(stage, await uploaded(stage))
    while await renderer.run_due():
        pass
    made = await rendition(stage, found.id)
    assert (made.status, len(calls)) == (("completed", deaths + 1) if deaths < 3 else ("failed", 3))
    assert (made.error or {}).get("code") == (None if deaths < 3 else "conversion_crashed")
    assert (await job(stage, found.id)).state == JobState.DONE
    assert len(await stored(stage)) == (2 if deaths < 3 else 0)


@pytest.mark.parametrize("code", ["conversion_failed", "conversion_timeout"])
async def test_file_that_cannot_be_converted_fails_once(
    stage: Stage, renderer: Renderer, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    calls = converting(monkeypatch, raising(ConversionError(code, "It does not work.")))
    found = await ordered(stage, await uploaded(stage))
    while await renderer.run_due():
        pass
    made = await rendition(stage, found.id)
    error = made.error or {}
    assert (made.status, error["code"], error["class"], error["actor"]) == ("failed", code, "media", "caller")
    assert "new post or render" in error["fix"]
    assert len(calls) == 1


@pytest.mark.parametrize("failures", [1, 2])
async def test_file_that_cannot_be_copied_is_encoded(
    stage: Stage, renderer: Renderer, monkeypatch: pytest.MonkeyPatch, failures: int
) -> None:
    calls = converting(monkeypatch, raising(ConversionError("conversion_failed", "It cannot be copied."), failures))
    clip = await uploaded(stage)
    found = await ordered(stage, clip, COPY)
    await keep(stage, found.id)
    await renderer.run_due()
    made, waiting = await rendition(stage, found.id), await job(stage, found.id)
    assert (made.status, made.action, made.error, made.key) == ("queued", "video", None, found.key)
    assert (waiting.state, waiting.kind, waiting.queue) == (JobState.READY, "render", "cpu")
    recipe = recipe_of(made.recipe)
    assert recipe.picture
    assert (recipe.picture.width, recipe.picture.height, recipe.picture.rate) == (540, 960, (30, 1))
    while await renderer.run_due():
        pass
    assert ((await rendition(stage, found.id)).status, len(calls)) == ("completed" if failures == 1 else "failed", 2)
    # An order of the same file after its expiry encodes, too.
    async with stage.installation.database.begin() as session:
        await session.execute(update(Rendition).values(status="expired", storage_key=None, thumbnail_key=None))
    await ordered(stage, clip, COPY)
    again = await job(stage, found.id)
    assert (again.state, again.kind, again.queue) == (JobState.READY, "render", "cpu")


async def test_failed_trim_at_a_key_frame_names_the_exact_one(
    stage: Stage, renderer: Renderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    converting(monkeypatch, raising(ConversionError("conversion_failed", "It cannot be copied.")))
    found = await ordered(stage, await uploaded(stage), Recipe(edit=Edit(trim=Trim(0.2, 1, "keyframe"))))
    while await renderer.run_due():
        pass
    assert "`precision: exact`" in (((await rendition(stage, found.id)).error or {})["fix"])


async def test_unreadable_watermark_does_not_blame_the_clip(
    stage: Stage, renderer: Renderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    converting(monkeypatch, raising(WatermarkUnreadable("The watermark cannot be read.")))
    found = await ordered(stage, await uploaded(stage))
    await renderer.run_due()
    error = (await rendition(stage, found.id)).error or {}
    assert (error["code"], error["fix"]) == ("conversion_failed", runner.WATERMARK)


async def test_invalid_result_fails(stage: Stage, renderer: Renderer, monkeypatch: pytest.MonkeyPatch) -> None:
    async def act(folder: Path, progress: object) -> None:
        content = (folder / OUTPUT).read_bytes()
        (folder / OUTPUT).write_bytes(bytes(len(content)))

    converting(monkeypatch, act)
    found = await ordered(stage, await uploaded(stage))
    await renderer.run_due()
    error = (await rendition(stage, found.id)).error or {}
    assert (error["code"], "not a valid video" in error["message"]) == ("conversion_failed", True)
    assert await stored(stage) == []


@pytest.mark.parametrize("how", ["no room", "full in the middle", "no space left"])
async def test_full_disk_waits_for_the_operator(
    stage: Stage, renderer: Renderer, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    errors = {"full in the middle": WorkFolderFull(), "no space left": OSError(28, "No space left on device")}
    calls = converting(monkeypatch, raising(errors[how], 1) if how in errors else nothing)
    disk = namedtuple("disk", "total used free")
    if how == "no room":
        monkeypatch.setattr(space.shutil, "disk_usage", lambda folder: disk(100 * 2**30, 0, 2**30))
    found = await ordered(stage, await uploaded(stage))
    await keep(stage, found.id)
    await renderer.run_due()
    made, waiting = await rendition(stage, found.id), await job(stage, found.id)
    for error in (made.error or {}, waiting.error or {}):
        assert (error["code"], error["class"], error["actor"]) == ("disk_full", "internal", "operator")
    assert (made.status, waiting.state, len(calls)) == ("queued", JobState.WAITING, int(how != "no room"))
    monkeypatch.setattr(space.shutil, "disk_usage", lambda folder: disk(100 * 2**30, 0, 50 * 2**30))
    clock.move(runner.DISK_PAUSE * 1.3)
    await renderer.run_due()
    assert ((await rendition(stage, found.id)).status, (await job(stage, found.id)).error) == ("completed", None)


@pytest.mark.parametrize("failures", [2, 3])
async def test_file_that_is_not_stored_is_kept_for_a_while(
    stage: Stage, renderer: Renderer, monkeypatch: pytest.MonkeyPatch, failures: int
) -> None:
    calls = converting(monkeypatch, nothing)
    monkeypatch.setattr(runner, "STORE_PAUSES", (0, 0))
    refusing(stage, monkeypatch, StorageUnavailable("read-only"), failures)
    found = await ordered(stage, await uploaded(stage))
    await keep(stage, found.id)
    await renderer.run_due()
    made = await rendition(stage, found.id)
    assert (made.status, len(calls)) == ("completed" if failures == 2 else "queued", 1)


@pytest.mark.usefixtures("stopped_clock")
async def test_full_store_waits_for_the_operator_longer_and_longer(
    stage: Stage, renderer: Renderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    converting(monkeypatch, nothing)
    refusing(stage, monkeypatch, StorageFull("No space left on device"), 9)
    found = await ordered(stage, await uploaded(stage))
    await keep(stage, found.id)
    for minutes in (1, 2, 4, 8, 10):
        await renderer.run_due()
        waiting = await job(stage, found.id)
        assert (waiting.error or {})["code"] == "storage_full"
        assert timedelta(minutes=minutes) * 0.9 < waiting.due_at - clock.now() <= timedelta(minutes=minutes) * 1.25
        clock.move(waiting.due_at - clock.now())


async def test_render_that_is_ordered_as_a_poll_runs_once_a_minute(
    stage: Stage, renderer: Renderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = converting(monkeypatch, nothing)
    refusing(stage, monkeypatch, StorageFull("No space left on device"), 9)
    body = {"video_id": str((await uploaded(stage)).id), "speed": 2}
    made = await stage.caller.post("/renders", body)
    assert made.status_code == 202, made.text
    async with stage.installation.database.session() as session:
        [found] = await session.scalars(select(Rendition.id))
    for _ in range(3):
        await renderer.run_due()
        clock.move((await job(stage, found)).due_at - clock.now())
    await renderer.run_due()
    clock.move(timedelta(seconds=61))
    for _ in range(2):
        assert (await stage.caller.post("/renders", body)).status_code == 200
        await renderer.run_due()
    assert (len(calls), (await job(stage, found)).failures) == (5, 5)


@pytest.mark.parametrize("error", [StorageUnavailable("away"), ChildUnavailable("no process")], ids=str)
async def test_outages_blame_nobody_and_pass(
    stage: Stage, renderer: Renderer, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    converting(monkeypatch, raising(error, 8))
    found = await ordered(stage, await uploaded(stage))
    await keep(stage, found.id)
    for _ in range(8):
        await renderer.run_due()
        made = await rendition(stage, found.id)
        assert (made.status, (made.error or {})["actor"]) == ("queued", "operator")
        clock.move(runner.LONGEST_PAUSE * 1.3)
    await renderer.run_due()
    made = await rendition(stage, found.id)
    assert (made.status, made.error, (await job(stage, found.id)).crash_count) == ("completed", None, 0)


async def test_source_deleted_meanwhile_is_an_error_with_a_fix(stage: Stage, renderer: Renderer) -> None:
    clip = await uploaded(stage)
    found = await ordered(stage, clip)
    await stage.installation.storage.delete(clip.storage_key)
    await renderer.run_due()
    error = (await rendition(stage, found.id)).error or {}
    assert (error["code"], "deleted" in error["message"]) == ("conversion_failed", True)


async def test_rendition_deleted_meanwhile_leaves_nothing(
    stage: Stage, renderer: Renderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = await ordered(stage, await uploaded(stage))

    async def act(folder: Path, progress: object) -> None:
        async with stage.installation.database.begin() as session:
            await session.delete(await session.get_one(Rendition, found.id))

    converting(monkeypatch, act)
    await renderer.run_due()
    assert (await stored(stage), work_folders(stage)) == ([], [])


async def test_loser_deletes_its_own_file_alone(
    stage: Stage, renderer: Renderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Declare a renderer dead while it converts. Another one makes the file first."""
    found = await ordered(stage, await uploaded(stage))
    other = new_renderer(stage)
    nested: list[bool] = []

    async def act(folder: Path, progress: object) -> None:
        if nested:
            return
        nested.append(True)
        async with stage.installation.database.begin() as session:
            await session.execute(update(Worker).values(lease_until=clock.now() - timedelta(seconds=1)))
        await other.run_due()

    converting(monkeypatch, act)
    monkeypatch.setattr(runner, "LOOK_EVERY", 60)
    await renderer.run_due()
    await other.close()
    made = await rendition(stage, found.id)
    assert made.storage_key == f"renditions/{found.id}/2.mp4"
    assert await stored(stage) == [f"renditions/{found.id}/2.jpg", f"renditions/{found.id}/2.mp4"]


async def test_files_of_earlier_runs_are_deleted_and_no_later_ones(
    stage: Stage, renderer: Renderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file may have expired and have been ordered again before the run that made it cleans up."""
    converting(monkeypatch, nothing)
    found = await ordered(stage, await uploaded(stage))
    folder, fence = f"renditions/{found.id}", (await job(stage, found.id)).fence + 1
    for name in (f"{fence - 1}.mp4", f"{fence + 1}.mp4", f"{fence + 10}.jpg"):
        await stage.installation.storage.put_bytes(f"{folder}/{name}", b"left")
    await renderer.run_due()
    assert set(await stored(stage)) == {
        f"{folder}/{name}" for name in (f"{fence}.mp4", f"{fence}.jpg", f"{fence + 1}.mp4", f"{fence + 10}.jpg")
    }


async def test_stopping_renderer_hands_over_at_once(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    started = asyncio.Event()

    async def act(folder: Path, progress: object) -> None:
        started.set()
        await asyncio.sleep(60)

    converting(monkeypatch, act)
    found = await ordered(stage, await uploaded(stage))
    async with asyncio.timeout(30):
        async with running(new_renderer(stage)):
            await started.wait()
    handed = await job(stage, found.id)
    assert (handed.state, handed.crash_count, work_folders(stage)) == (JobState.READY, 0, [])
    converting(monkeypatch, nothing)
    other = new_renderer(stage)
    await other.run_due()
    assert (await rendition(stage, found.id)).status == "completed"


async def test_dead_renderers_job_is_dead_the_third_time(stage: Stage, renderer: Renderer) -> None:
    """The renderer's process dies, not its child: the job runs in its queue again, and ends as a failed conversion."""
    found = await ordered(stage, await uploaded(stage))
    for death in range(1, 4):
        slots = renderer._make_slots({"cpu": 1}, "rows")
        slots._run = forever  # type: ignore[assignment]
        await slots.open()
        runs = await RowsEngine(stage.installation.database).fill_once(slots)
        assert len(runs) == 1
        clock.move(LEASE + timedelta(seconds=1))
        await renderer.slots.open()
        await stage.worker.run_due()  # any process reclaims
        for run in runs:
            run.cancel()
        await asyncio.gather(*runs, return_exceptions=True)
        left = await job(stage, found.id)
        assert (left.crash_count, left.queue, left.state) == (
            death,
            "cpu",
            JobState.READY if death < 3 else JobState.DEAD,
        )
    made = await rendition(stage, found.id)
    assert (made.status, (made.error or {})["code"]) == ("failed", "conversion_crashed")


async def forever(claimed: object) -> None:
    await asyncio.sleep(600)


async def test_paused_queue_makes_nothing(stage: Stage, renderer: Renderer) -> None:
    found = await ordered(stage, await uploaded(stage))
    async with stage.installation.database.begin() as session:
        await pause(session, "queue", "cpu", "test")
    assert await renderer.run_due() == 0
    async with stage.installation.database.begin() as session:
        await resume(session, "queue", "cpu")
    await renderer.run_due()
    assert (await rendition(stage, found.id)).status == "completed"


async def test_remote_source_is_copied_to_the_work_folder(
    stage: Stage, renderer: Renderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "is_local", lambda url: False)
    folders: list[list[str]] = []

    async def act(folder: Path, progress: object) -> None:
        folders.append(sorted(path.name for path in folder.iterdir()))

    converting(monkeypatch, act)
    found = await ordered(stage, await uploaded(stage))
    await renderer.run_due()
    assert folders == [[OUTPUT, "input0"]]
    assert (await rendition(stage, found.id)).status == "completed"


async def test_unexpected_error_is_retried_and_then_shown(
    stage: Stage, renderer: Renderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = converting(monkeypatch, raising(RuntimeError("a bug")))
    found = await ordered(stage, await uploaded(stage))
    await keep(stage, found.id)
    for _ in range(4):
        await renderer.run_due()
        clock.move(timedelta(minutes=13))
    made = await rendition(stage, found.id)
    assert (made.status, (made.error or {})["class"], len(calls)) == ("failed", "internal", 4)
