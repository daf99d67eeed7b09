"""Supervision of a worker's tasks: a task that fails is logged, counted and restarted."""

import asyncio
import subprocess
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial

import pytest

from clipcast.clock import clock
from clipcast.common.unavailable import DatabaseUnavailable, StorageUnavailable
from clipcast.database.models.jobs import JobState
from clipcast.jobs import supervision, worker
from clipcast.jobs.claimed import LEASE
from clipcast.jobs.slots import WorkerSlots
from clipcast.jobs.supervision import Supervisor, Watchdog
from clipcast.jobs.workers import drain
from clipcast.publishing import worker as publishing
from clipcast.testing.harness import Stage, running

METADATA = {"title": "Tide", "privacyLevel": "PUBLIC_TO_EVERYONE"}
ERRORS = [RuntimeError("a bug"), StorageUnavailable("the bucket is away"), DatabaseUnavailable("no route"), OSError(5)]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.01)


def failing(times: int, error: Exception, then: Callable[..., Awaitable[object]]) -> tuple[Callable, list[int]]:  # type: ignore[type-arg]
    """Return a function that raises `times` times before it calls `then`, and the list of its calls."""
    calls: list[int] = []

    async def act(*arguments: object) -> object:
        calls.append(1)
        if len(calls) <= times:
            raise error
        return await then(*arguments)

    return act, calls


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publishing, "HOUSEKEEPING_PAUSE", 0.01)
    monkeypatch.setattr(worker, "KEEPER_PAUSE", 0.01)
    monkeypatch.setattr(worker, "HEARTBEAT", timedelta(seconds=0.05))


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize(("name", "act"), [("housekeeping", "delete_expired"), ("reclaims", "reclaim_expired")])
async def test_supervisor_task_that_raises_is_restarted(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, name: str, act: str, error: Exception
) -> None:
    module = worker if name == "reclaims" else publishing
    replaced, calls = failing(2, error, getattr(module, act))
    monkeypatch.setattr(module, act, replaced)
    if name == "reclaims":
        monkeypatch.setattr(worker, "RECLAIM_EVERY", timedelta(seconds=0.01))
        monkeypatch.setattr(worker.Supervisor, "start", _quick(worker.Supervisor.start))
    async with running(stage.new_worker()) as found:
        await until(lambda: len(calls) >= 3)
        assert found.task_failures[name] == 2
        post = await stage.post(await stage.connect("tiktok"), "tiktok", METADATA)
        await until_published(stage, post)


def _quick(start: Callable[..., None]) -> Callable[..., None]:
    def quick(self: Supervisor, name: str, loop: Callable[[], Awaitable[None]], pause: float = 0.01) -> None:
        start(self, name, loop, 0.01)

    return quick


async def until_published(stage: Stage, post: str) -> None:
    async with asyncio.timeout(60):
        while (await stage.item(post))["status"] != "published":
            await asyncio.sleep(0.05)


async def test_lease_keeper_that_fails_three_times_loses_no_lease(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keep the lease of a long upload while the keeper fails with an unexpected error and restarts."""
    beat, calls = failing(3, RuntimeError("a bug"), WorkerSlots.beat)
    monkeypatch.setattr(WorkerSlots, "beat", beat)
    await stage.sandbox.fault("tiktok", "video_init", "before", "delay", seconds=1.5)
    async with running(stage.new_worker()) as found:
        post = await stage.post(await stage.connect("tiktok"), "tiktok", METADATA)
        await until(lambda: len(calls) > 3)
        if not found.slots.running():  # it begins, or has ended
            await until_published(stage, post)
        for _ in range(6):  # the lease would have ended in this time
            clock.move(LEASE / 5)
            seen = len(calls)
            await until(lambda seen=seen: len(calls) > seen + 1 or not found.slots.running())
        await until_published(stage, post)
        assert found.task_failures["leases"] == 3
    assert (await stage.item(post))["attempts"] == 1


async def test_unavailable_database_does_not_end_the_process(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[bool] = []
    monkeypatch.setattr(supervision, "end_process", lambda: ended.append(True))
    beat, calls = failing(30, DatabaseUnavailable("away"), WorkerSlots.beat)
    monkeypatch.setattr(WorkerSlots, "beat", beat)
    found = stage.new_worker()
    found._watchdog = Watchdog(0.3, step=0.05)
    tasks = [
        asyncio.create_task(found._keep_lease(found.slots, asyncio.Event())),
        asyncio.create_task(found._watchdog.watch()),
    ]
    await until(lambda: len(calls) >= 20)
    for task in tasks:
        task.cancel()
    await found.close()
    assert not ended


async def test_lease_keeper_that_always_fails_ends_the_process(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """End the process although the keeper restarts each time: it renews no lease."""
    ended = asyncio.Event()
    monkeypatch.setattr(supervision, "end_process", ended.set)
    beat, _ = failing(10_000, RuntimeError("a bug"), WorkerSlots.beat)
    monkeypatch.setattr(WorkerSlots, "beat", beat)
    found = stage.new_worker()
    found._watchdog = Watchdog(0.3, step=0.05)
    async with asyncio.TaskGroup() as group:
        started = Supervisor(group, found.task_failures)
        started.start("leases", partial(found._keep_lease, found.slots, asyncio.Event()), pause=0.01)
        started.start("watchdog", found._watchdog.watch)
        async with asyncio.timeout(60):
            await ended.wait()
        started.stop()
    await found.close()
    assert found.task_failures["leases"] > 2


@pytest.mark.parametrize("how", ["raises", "hangs", "ends"])
async def test_lease_keeper_that_raises_hangs_or_ends_ends_the_process(
    monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    ended = asyncio.Event()
    monkeypatch.setattr(supervision, "end_process", ended.set)
    failures: Counter[str] = Counter()
    watchdog = Watchdog(0.3, step=0.05)

    async def keep() -> None:
        if how == "raises":
            raise RuntimeError("a bug")
        if how == "hangs":
            await asyncio.Event().wait()

    async with asyncio.TaskGroup() as group:
        found = Supervisor(group, failures)
        found.start("leases", keep, pause=0.01)
        found.start("watchdog", watchdog.watch)
        async with asyncio.timeout(60):
            await ended.wait()
        found.stop()
    assert (failures["leases"] > 2) == (how != "hangs")
    assert failures["watchdog"] == 0


async def test_working_lease_keeper_does_not_end_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[bool] = []
    monkeypatch.setattr(supervision, "end_process", lambda: ended.append(True))
    watchdog = Watchdog(0.5, step=0.01)
    task = asyncio.create_task(watchdog.watch())
    for _ in range(20):
        watchdog.feed()
        await asyncio.sleep(0.01)
    task.cancel()
    assert not ended


def test_process_that_cannot_renew_leases_exits_with_code_70() -> None:
    """Exit with a distinct code and a log entry, for the service manager and the operator."""
    script = "import asyncio; from clipcast.jobs.supervision import Watchdog; asyncio.run(Watchdog(0.1, 0.05).watch())"
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=120)
    assert ended.returncode == supervision.CANNOT_KEEP_LEASES
    assert b"leases_not_kept" in ended.stdout + ended.stderr


async def test_drained_worker_hands_its_jobs_over_and_ends(stage: Stage) -> None:
    await stage.sandbox.fault("tiktok", "creator_info", "before", "delay", seconds=60)
    post = await stage.post(await stage.connect("tiktok"), "tiktok", METADATA)
    stop = asyncio.Event()
    drained = stage.new_worker()
    task = asyncio.create_task(drained.run(stop))
    await until(lambda: bool(drained.slots.running()))
    async with stage.installation.database.begin() as session:
        assert [one.id for one in await drain(session, drained.slots.facts.name)] == [drained.slots.lease.id]
    async with asyncio.timeout(60):
        await task
    assert stop.is_set()
    job = await stage.job(post)
    assert (job.state, job.crash_count, drained.slots.free("network")) == (JobState.READY, 0, 0)
    await stage.sandbox.clear_faults()
    async with running(stage.new_worker()):
        await until_published(stage, post)
