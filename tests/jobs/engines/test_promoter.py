"""Waiting jobs become ready when they are due, whatever else is ready."""

import asyncio
from datetime import timedelta

import pytest

from clipcast.clock import clock
from clipcast.database.models.jobs import Job, JobState
from clipcast.jobs.claimed import ClaimedJob
from clipcast.jobs.engines import POLL
from clipcast.jobs.engines.promoter import LOCKED_PAUSE, Promoter
from clipcast.jobs.engines.rows import RowsEngine
from clipcast.jobs.slots import Run, WorkerSlots
from clipcast.jobs.wake import CHANNEL
from clipcast.jobs.workers import WorkerFacts
from clipcast.publishing.programs import runnable_programs
from clipcast.testing.harness import Caller, Stage

METADATA = {"title": "Tide", "privacyLevel": "PUBLIC_TO_EVERYONE"}
LATER = timedelta(minutes=1)


async def run_nothing(job: ClaimedJob) -> None:
    raise AssertionError("nothing claims")


async def open_slots(stage: Stage, run: Run = run_nothing, **queues: int) -> WorkerSlots:
    """Register a worker that has these slots by queue."""
    facts = WorkerFacts("here:1", "rows", "1", queues, runnable_programs())
    slots = WorkerSlots(stage.installation.database, facts, run)
    await slots.open()
    return slots


async def schedule(stage: Stage, later: timedelta = LATER) -> str:
    target = {"connectionId": await stage.connect("tiktok"), "metadata": {"tiktok": METADATA}}
    video = {"editId": await stage.caller.upload(stage.clip), "targets": [target]}
    body = {"videos": [video], "scheduled_at": (clock.now() + later).isoformat()}
    return str((await stage.caller.post("/posts", body)).json()["post_id"])


async def test_job_is_promoted_when_it_is_due(stage: Stage) -> None:
    promoter, slots = Promoter(stage.installation.database), await open_slots(stage, network=1)
    post_id = await schedule(stage)
    assert await promoter.pause() == POLL
    await promoter.promote(slots)
    assert (await stage.job(post_id)).state == JobState.WAITING
    clock.move(LATER)
    assert await promoter.pause() == timedelta()
    await promoter.promote(slots)
    assert (await stage.job(post_id)).state == JobState.READY
    assert await promoter.pause() == POLL


async def test_promotion_of_a_large_batch_goes_on_at_once(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clipcast.jobs.queue.PROMOTED_AT_ONCE", 1)
    monkeypatch.setattr("clipcast.jobs.queue.promote.__defaults__", (1,))
    monkeypatch.setattr("clipcast.jobs.engines.promoter.PROMOTED_AT_ONCE", 1)
    posts = [await schedule(stage), await schedule(stage)]
    clock.move(LATER)
    promoter, slots = Promoter(stage.installation.database), await open_slots(stage, network=1)
    for number in (1, 2):
        await promoter.promote(slots)
        assert [(await stage.job(post_id)).state for post_id in posts].count(JobState.READY) == number


async def test_backlog_of_one_workspace_does_not_delay_the_due_post_of_another(stage: Stage) -> None:
    installation = stage.installation
    caller = await Caller.create(installation, stage.caller.http, "Other")
    other = Stage(installation, caller, stage.sandbox, stage.clip)
    edit, connection = await stage.caller.upload(stage.clip), await stage.connect("tiktok")
    for _ in range(12):
        await stage.post(connection, "tiktok", METADATA, edit)
    await schedule(other)
    stop, begun = asyncio.Event(), list[str]()

    async def run(job: ClaimedJob) -> None:
        begun.append(str(job.workspace_id))
        if len(begun) == 3:
            clock.move(LATER)
        if len(begun) == 13:
            stop.set()

    slots = await open_slots(stage, run, network=1)
    async with asyncio.timeout(60):
        await RowsEngine(installation.database).serve(slots, stop)
    # The first claim after its due time may be under way.
    assert caller.workspace_id in begun[3:5]
    await other.close()


async def test_job_that_another_transaction_locks_does_not_make_the_engine_spin(stage: Stage) -> None:
    promoter, slots = Promoter(stage.installation.database), await open_slots(stage, network=1)
    post_id = await schedule(stage)
    clock.move(LATER)
    async with stage.installation.database.begin() as other:
        await other.get_one(Job, (await stage.job(post_id)).id, with_for_update=True)
        await promoter.promote(slots)
        assert await promoter.pause() == LOCKED_PAUSE
    await promoter.promote(slots)
    assert (await stage.job(post_id)).state == JobState.READY


async def test_locked_job_does_not_delay_the_next_one(stage: Stage) -> None:
    promoter, slots = Promoter(stage.installation.database), await open_slots(stage, network=1)
    locked, following = await schedule(stage), await schedule(stage, LATER * 2)
    clock.move(LATER)
    async with stage.installation.database.begin() as other:
        await other.get_one(Job, (await stage.job(locked)).id, with_for_update=True)
        await promoter.promote(slots)
        clock.move(LATER)
        assert await promoter.pause() == timedelta()
        await promoter.promote(slots)
        assert (await stage.job(following)).state == JobState.READY


@pytest.mark.parametrize(("queues", "woken"), [({"cpu": 1}, True), ({"network": 0}, True), ({"network": 1}, False)])
async def test_worker_is_woken_for_a_job_that_the_promoting_one_cannot_run(
    stage: Stage, queues: dict[str, int], woken: bool
) -> None:
    # For example a renderer that looks first.
    database = stage.installation.database
    promoting, other = await open_slots(stage, **queues), await open_slots(stage, network=1)
    notified = asyncio.Event()
    listening = await database.connect_for_notifications()
    assert listening is not None
    try:
        post_id = await schedule(stage)
        clock.move(LATER)
        await database.hot_pool.following.close()
        await listening.add_listener(f"{CHANNEL}{other.lease.id}", lambda *_: notified.set())
        await Promoter(database).promote(promoting)
        assert (await stage.job(post_id)).state == JobState.READY
        await database.hot_pool.following.close()  # whatever follows the commit has been sent
        await listening.fetchval("SELECT 1")  # notifications come before the response
        assert notified.is_set() is woken
    finally:
        await listening.close()
