"""Real worker processes that are killed, frozen or cut off from their database, at every request."""

import asyncio
import os
import signal
import time
from datetime import timedelta

import pytest
from sqlalchemy import select, text

from clipcast.clock import clock
from clipcast.database.models.jobs import Job
from clipcast.database.models.posts import Item
from clipcast.jobs.claimed import LEASE as USUAL_LEASE
from clipcast.testing.case import Case
from clipcast.testing.checks import exactly_one_video
from clipcast.testing.harness import Stage
from clipcast.testing.loop_time import move_loop_time
from tests.crash.processes import LEASE, START, arrived, until, worker_process

# Seconds until an item ends after a crash. The aim is 10 s; the rest is for a slow machine.
RECLAIM_WITHIN = 45.0
BLOCKED = text("SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock'")


async def reclaimed(stage: Stage) -> None:
    """End the item with another worker after the lease of the first one has expired."""
    clock.move(USUAL_LEASE + timedelta(seconds=1))
    await stage.run_until_ended()


async def ended(stage: Stage, post_id: str) -> None:
    """Wait until no job is left, that of the URL included."""

    async def done() -> bool:
        return await stage.next_event() is None

    await until(done, RECLAIM_WITHIN)


@pytest.mark.parametrize("when", ["before", "after"])
async def test_worker_killed_during_a_request_leaves_one_video(
    stage: Stage, case: Case, connection: str, request_name: str, when: str, engine: str
) -> None:
    """Send SIGKILL when the platform has the request, or has done its work, but has not responded."""
    await stage.sandbox.fault(case.platform, request_name, when, "delay", seconds=60)
    post_id = await stage.post(connection, case.platform, case.metadata)
    async with worker_process(stage, engine=engine) as process:
        await arrived(stage)
        process.kill()
    await reclaimed(stage)
    await exactly_one_video(stage, case, post_id)


async def test_worker_killed_between_response_and_commit_leaves_one_video(
    stage: Stage, case: Case, connection: str, request_name: str, engine: str
) -> None:
    """Send SIGKILL while the commit of the response waits for a lock of the job's row."""
    await stage.sandbox.fault(case.platform, request_name, "after", "delay", seconds=60)
    post_id = await stage.post(connection, case.platform, case.metadata)

    async def blocked() -> bool:
        async with stage.installation.database.connect() as other:
            return (await other.execute(BLOCKED)).first() is not None

    async with worker_process(stage, 30, engine) as process:
        await arrived(stage)
        async with stage.installation.database.connect() as lock:
            jobs = select(Job.id).join(Item, Item.id == Job.subject_id).where(Item.post_id == post_id)
            await lock.execute(jobs.with_for_update(of=Job))
            move_loop_time(60)
            await until(blocked)
            process.kill()
            await asyncio.to_thread(process.join)
            async with (
                stage.installation.database.connect() as other
            ):  # the server would still execute the waiting statement
                await other.execute(text(f"SELECT pg_terminate_backend(pid) FROM ({BLOCKED.text}) AS waiting"))
    clock.move(timedelta(seconds=30))
    await reclaimed(stage)
    await exactly_one_video(stage, case, post_id)


@pytest.mark.default_methods
async def test_frozen_worker_neither_sends_nor_writes_after_its_lease(
    stage: Stage, case: Case, connection: str, request_name: str, engine: str
) -> None:
    """Freeze a worker before its response, reclaim and end the item, and thaw it: it does nothing more."""
    await stage.sandbox.fault(case.platform, request_name, "after", "delay", seconds=60)
    post_id = await stage.post(connection, case.platform, case.metadata)
    async with worker_process(stage, engine=engine) as process:
        await arrived(stage)
        assert process.pid is not None
        os.kill(process.pid, signal.SIGSTOP)
        move_loop_time(60)
        await asyncio.sleep(LEASE + 0.2)
        await reclaimed(stage)
        await exactly_one_video(stage, case, post_id)
        sent, before = len(await stage.sandbox.requests(case.platform)), (await stage.row(post_id)).updated_at
        os.kill(process.pid, signal.SIGCONT)
        await asyncio.sleep(0.5)
        process.terminate()
        await asyncio.to_thread(process.join, START)
        assert process.exitcode == 0
    assert len(await stage.sandbox.requests(case.platform)) == sent
    assert (await stage.row(post_id)).updated_at == before
    await exactly_one_video(stage, case, post_id)


@pytest.mark.default_methods
async def test_worker_continues_after_a_restart_of_the_database(
    stage: Stage, case: Case, connection: str, request_name: str, engine: str
) -> None:
    """Kill and restart the database server while the platform works: the same worker continues."""
    server = stage.installation.server
    assert server is not None
    await stage.sandbox.fault(case.platform, request_name, "after", "delay", seconds=1)
    post_id = await stage.post(connection, case.platform, case.metadata)
    async with worker_process(stage, engine=engine) as process:
        await arrived(stage)
        pid = server.pid()
        assert pid is not None
        os.kill(pid, signal.SIGQUIT)  # an immediate exit that closes no connection in order
        await asyncio.to_thread(_gone, pid)
        await asyncio.to_thread(server.ensure_running)
        await ended(stage, post_id)
        assert process.is_alive()
    await exactly_one_video(stage, case, post_id)


def _gone(pid: int) -> None:
    end = time.monotonic() + RECLAIM_WITHIN
    while os.path.exists(f"/proc/{pid}/cwd") and time.monotonic() < end:
        time.sleep(0.02)


@pytest.mark.default_methods
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_running_worker_reclaims_or_continues_the_item(
    stage: Stage, case: Case, connection: str, number: signal.Signals, engine: str
) -> None:
    """Kill or stop a worker with the real lease, in real time. A stopped worker lets its request end first."""
    seconds = 60 if number == signal.SIGKILL else 2
    await stage.sandbox.fault(case.platform, case.irreversible, "after", "delay", seconds=seconds)
    post_id = await stage.post(connection, case.platform, case.metadata)
    lease = USUAL_LEASE.total_seconds()
    async with worker_process(stage, lease, engine) as first:
        await arrived(stage)
        async with worker_process(stage, lease, engine):
            assert first.pid is not None
            os.kill(first.pid, number)
            await ended(stage, post_id)
    await exactly_one_video(stage, case, post_id)


@pytest.mark.default_methods
async def test_worker_exits_with_0_on_sigterm(stage: Stage, case: Case, connection: str, engine: str) -> None:
    post_id = await stage.post(connection, case.platform, case.metadata)
    async with worker_process(stage, engine=engine) as process:
        await ended(stage, post_id)
        process.terminate()
        await asyncio.to_thread(process.join, START)
        assert process.exitcode == 0
    await exactly_one_video(stage, case, post_id)
