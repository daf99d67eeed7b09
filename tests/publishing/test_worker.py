"""A worker's helper tasks: one that fails is logged, counted and started again, whatever it failed with."""

import asyncio
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from clipcast.clock import clock
from clipcast.common.unavailable import DatabaseUnavailable, StorageUnavailable
from clipcast.jobs.queue import LEASE, Lease
from clipcast.publishing import helpers, worker
from clipcast.publishing.helpers import Helpers, Watchdog
from clipcast.publishing.worker import Worker
from tests.harness import Stage

METADATA = {"title": "Tide", "privacyLevel": "PUBLIC_TO_EVERYONE"}
ERRORS = [RuntimeError("a bug"), StorageUnavailable("the bucket is away"), DatabaseUnavailable("no route"), OSError(5)]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.01)


@asynccontextmanager
async def running(stage: Stage) -> AsyncIterator[Worker]:
    """A worker that runs beside the test."""
    stop = asyncio.Event()
    found = stage.new_worker()
    task = asyncio.create_task(found.run(stop))
    try:
        yield found
    finally:
        stop.set()
        await task


def failing(times: int, error: Exception, then: Callable[..., Awaitable[object]]) -> tuple[Callable, list[int]]:  # type: ignore[type-arg]
    """A function that raises so many times, and then does what `then` does; and the calls of it."""
    calls: list[int] = []

    async def act(*arguments: object) -> object:
        calls.append(1)
        if len(calls) <= times:
            raise error
        return await then(*arguments)

    return act, calls


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "HOUSEKEEPING_PAUSE", 0.01)
    monkeypatch.setattr(worker, "KEEPER_PAUSE", 0.01)
    monkeypatch.setattr(worker, "HEARTBEAT", timedelta(seconds=0.05))


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize(("helper", "act"), [("housekeeping", "delete_expired"), ("presence", "record_heartbeat")])
async def test_helper_that_raises_is_started_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, helper: str, act: str, error: Exception
) -> None:
    replaced, calls = failing(2, error, getattr(worker, act))
    monkeypatch.setattr(worker, act, replaced)
    if helper == "presence":
        monkeypatch.setattr(worker.Helpers, "start", _quick(worker.Helpers.start))
    async with running(stage) as found:
        await until(lambda: len(calls) >= 3)
        assert found.helper_failures[helper] == 2
        post = await stage.post(await stage.connect("tiktok"), "tiktok", METADATA)
        await until_published(stage, post)


def _quick(start: Callable[..., None]) -> Callable[..., None]:
    def quick(self: Helpers, name: str, loop: Callable[[], Awaitable[None]], pause: float = 0.01) -> None:
        start(self, name, loop, 0.01)

    return quick


async def until_published(stage: Stage, post: str) -> None:
    async with asyncio.timeout(60):
        while (await stage.item(post))["status"] != "published":
            await asyncio.sleep(0.05)


async def test_lease_keeper_that_fails_keeps_the_leases_of_what_runs(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An upload lasts longer than a lease while the keeper fails with errors that nobody foresaw."""
    extend, calls = failing(3, RuntimeError("a bug"), worker.extend)
    monkeypatch.setattr(worker, "extend", extend)
    await stage.sandbox.fault("tiktok", "video_init", "before", "delay", seconds=1.5)
    async with running(stage) as found:
        post = await stage.post(await stage.connect("tiktok"), "tiktok", METADATA)
        await until(lambda: len(calls) > 3)
        for _ in range(4):  # the lease would have ended in this time
            clock.move(LEASE / 3)
            seen = len(calls)
            await until(lambda seen=seen: len(calls) > seen + 1 or not found._tasks)
        await until_published(stage, post)
        assert found.helper_failures["leases"] == 3
    assert (await stage.item(post))["attempts"] == 1


async def test_database_that_is_away_ends_no_process(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[bool] = []
    monkeypatch.setattr(helpers, "end_process", lambda: ended.append(True))
    extend, calls = failing(30, DatabaseUnavailable("away"), worker.extend)
    monkeypatch.setattr(worker, "extend", extend)
    found = stage.new_worker()
    found._watchdog = Watchdog(0.3, step=0.05)
    found._tasks = {asyncio.create_task(asyncio.sleep(0)): Lease(None, 1, 0.0)}  # type: ignore[arg-type, dict-item]
    tasks = [asyncio.create_task(found._keep_leases()), asyncio.create_task(found._watchdog.watch())]
    await until(lambda: len(calls) >= 20)
    for task in tasks:
        task.cancel()
    await found.close()
    assert not ended


async def test_lease_keeper_that_always_fails_ends_the_process(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is started again each time, which keeps no lease."""
    ended = asyncio.Event()
    monkeypatch.setattr(helpers, "end_process", ended.set)
    extend, _ = failing(10_000, RuntimeError("a bug"), worker.extend)
    monkeypatch.setattr(worker, "extend", extend)
    found = stage.new_worker()
    found._watchdog = Watchdog(0.3, step=0.05)
    found._tasks = {asyncio.create_task(asyncio.sleep(0)): Lease(None, 1, 0.0)}  # type: ignore[arg-type, dict-item]
    async with asyncio.TaskGroup() as group:
        started = Helpers(group, found.helper_failures)
        started.start("leases", found._keep_leases, pause=0.01)
        started.start("watchdog", found._watchdog.watch)
        async with asyncio.timeout(60):
            await ended.wait()
        started.stop()
    await found.close()
    assert found.helper_failures["leases"] > 2


@pytest.mark.parametrize("how", ["raises", "hangs", "ends"])
async def test_lease_keeper_that_is_not_back_in_time_ends_the_process(
    monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    ended = asyncio.Event()
    monkeypatch.setattr(helpers, "end_process", ended.set)
    failures: Counter[str] = Counter()
    watchdog = Watchdog(0.3, step=0.05)

    async def keep() -> None:
        if how == "raises":
            raise RuntimeError("a bug")
        if how == "hangs":
            await asyncio.Event().wait()

    async with asyncio.TaskGroup() as group:
        found = Helpers(group, failures)
        found.start("leases", keep, pause=0.01)
        found.start("watchdog", watchdog.watch)
        async with asyncio.timeout(60):
            await ended.wait()
        found.stop()
    assert (failures["leases"] > 2) == (how != "hangs")
    assert failures["watchdog"] == 0


async def test_lease_keeper_that_works_ends_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[bool] = []
    monkeypatch.setattr(helpers, "end_process", lambda: ended.append(True))
    watchdog = Watchdog(0.5, step=0.01)
    task = asyncio.create_task(watchdog.watch())
    for _ in range(20):
        watchdog.feed()
        await asyncio.sleep(0.01)
    task.cancel()
    assert not ended


def test_process_that_cannot_keep_its_leases_ends_with_its_own_exit_code() -> None:
    """So the supervisor, which restarts whatever dies, and an operator's log know why."""
    script = (
        "import asyncio; from clipcast.publishing.helpers import Watchdog; asyncio.run(Watchdog(0.1, 0.05).watch())"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=120)
    assert ended.returncode == helpers.CANNOT_KEEP_LEASES
    assert b"leases_not_kept" in ended.stdout + ended.stderr
