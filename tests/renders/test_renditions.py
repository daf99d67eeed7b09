"""Orders of renditions: one file for all who need it."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from clipcast.clock import clock
from clipcast.database.hot_queries import from_session
from clipcast.database.models.jobs import Job, JobState
from clipcast.database.models.renditions import Rendition
from clipcast.rendering.recipe import Recipe, Sound
from clipcast.renders import renditions
from clipcast.renders.renditions import FOR_A_POST_SOON, FOR_NO_POST, ensure
from clipcast.testing.harness import Stage
from tests.renders.orders import COPY, ENCODE, PICTURE, change, job, order, ordered, rendition, uploaded


async def numbers(stage: Stage) -> tuple[int, int]:
    async with stage.installation.database.session() as session:
        jobs = select(func.count()).select_from(Job).where(Job.kind.in_(("render", "remux")))
        return (
            (await session.scalars(select(func.count()).select_from(Rendition))).one(),
            (await session.scalars(jobs)).one(),
        )


async def test_order_becomes_a_job_of_the_queue_of_its_action(stage: Stage) -> None:
    clip = await uploaded(stage)
    orders = [order(clip), order(clip, COPY), order(clip, Recipe(PICTURE, Sound(mute=True)), estimate=601)]
    encoded, copied, long = await ensure(stage.installation.database.hot_pool, orders)
    assert (encoded.status, copied.status, encoded.progress) == ("queued", "queued", 0)
    for found, kind, queue in ((encoded, "render", "cpu"), (copied, "remux", "remux"), (long, "render", "long")):
        made = await job(stage, found.id)
        assert (made.kind, made.queue, made.state, made.subject_id) == (kind, queue, JobState.READY, found.id)


async def test_workers_of_the_jobs_own_queue_are_woken(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    woken: list[str] = []
    monkeypatch.setattr(renditions, "wake_workers", lambda executor, queue: woken.append(queue))
    clip = await uploaded(stage)
    await ordered(stage, clip, estimate=601)
    await ordered(stage, clip, estimate=1)
    assert woken == ["long", "long"]


async def test_same_file_twice_is_ordered_once(stage: Stage) -> None:
    first, second = await uploaded(stage), await uploaded(stage, "again.mp4")
    assert first.id != second.id
    one, other = await ordered(stage, first), await ordered(stage, second)
    assert one.id == other.id
    assert (await ordered(stage, first, COPY)).id != one.id
    assert await numbers(stage) == (2, 2)


async def test_concurrent_orders_share_one_rendition(stage: Stage) -> None:
    clip = await uploaded(stage)
    found = await asyncio.gather(*(ensure(stage.installation.database.hot_pool, [order(clip), order(clip, COPY)])
                                   for _ in range(10)))  # fmt: skip
    assert len({tuple(one.id for one in pair) for pair in found}) == 1
    assert await numbers(stage) == (2, 2)


async def test_earlier_order_and_higher_priority_win(stage: Stage) -> None:
    clip, later = await uploaded(stage), clock.now() + timedelta(hours=5)
    found = await ordered(stage, clip, due_at=later, priority=FOR_NO_POST)
    assert (await job(stage, found.id)).state == JobState.WAITING
    await ordered(stage, clip, due_at=later + timedelta(hours=1))
    assert ((await job(stage, found.id)).due_at, (await job(stage, found.id)).priority) == (later, 5)
    await ordered(stage, clip, priority=FOR_A_POST_SOON)
    made = await job(stage, found.id)
    assert (made.state, made.priority) == (JobState.READY, FOR_A_POST_SOON)
    assert made.due_at <= clock.now()


async def test_completed_rendition_stays_as_it_is(stage: Stage) -> None:
    clip = await uploaded(stage)
    found = await ordered(stage, clip)
    await change(stage, found.id, JobState.DONE, status="completed", sha256="ab", size=7, storage_key="renditions/x")
    again = await ordered(stage, clip)
    assert (again.id, again.status, again.sha256, again.size) == (found.id, "completed", "ab", 7)
    assert (await job(stage, found.id)).state == JobState.DONE


@pytest.mark.parametrize("state", [JobState.DONE, JobState.DEAD])
@pytest.mark.parametrize("status", ["failed", "cancelled", "expired"])
async def test_ended_rendition_is_made_anew(stage: Stage, status: str, state: JobState) -> None:
    clip = await uploaded(stage)
    found = await ordered(stage, clip)
    now = clock.now()
    await change(stage, found.id, state, status=status, completed_at=now, progress=42, error={"code": "x"})
    unchanged, *_ = await ensure(stage.installation.database.hot_pool, [order(clip)], failed_before=now)
    assert unchanged.status == ("queued" if status == "expired" else status)
    clock.move(timedelta(seconds=1))
    again = await ordered(stage, clip)
    assert (again.id, again.status, again.progress, again.error) == (found.id, "queued", 0, None)
    assert (await job(stage, found.id)).state == JobState.READY


async def test_running_job_goes_on(stage: Stage) -> None:
    clip = await uploaded(stage)
    found = await ordered(stage, clip)
    await change(stage, found.id, JobState.RUNNING, status="active", progress=42)
    again = await ordered(stage, clip)
    assert (again.status, again.progress, (await job(stage, found.id)).state) == ("active", 42, JobState.RUNNING)


async def test_waiting_for_the_disk_is_not_cut_short(stage: Stage) -> None:
    clip = await uploaded(stage)
    found = await ordered(stage, clip)
    async with stage.installation.database.begin() as session:
        waiting = await session.get_one(Job, found.id)
        waiting.state, waiting.due_at, waiting.error = "waiting", clock.now() + timedelta(minutes=1), {"code": "disk"}
    await ordered(stage, clip)
    assert (await job(stage, found.id)).state == JobState.WAITING


async def test_orders_in_a_session_are_part_of_its_transaction(stage: Stage) -> None:
    clip = await uploaded(stage)
    async with stage.installation.database.session() as session:
        await ensure(await from_session(session), [order(clip, ENCODE)])
        await session.rollback()
    assert await numbers(stage) == (0, 0)


async def test_deleted_rendition_takes_its_job_along(stage: Stage) -> None:
    found = await ordered(stage, await uploaded(stage))
    async with stage.installation.database.begin() as session:
        await session.delete(await session.get_one(Rendition, found.id))
    assert await numbers(stage) == (0, 0)
    with pytest.raises(Exception, match="No row"):
        await rendition(stage, found.id)
