"""Real processes, really killed, frozen and cut off from their database, at every request."""

import asyncio
import os
import signal
import time
from datetime import timedelta

import pytest
from sqlalchemy import select, text

from clipcast.clock import clock
from clipcast.database.models.posts import Item
from clipcast.jobs.queue import LEASE as USUAL_LEASE
from clipcast.testing.case import Case
from clipcast.testing.checks import exactly_one_video
from clipcast.testing.harness import Stage
from tests.crash.processes import LEASE, until, worker_process

# The aim is ten seconds from the death; the rest is for a slow machine.
TAKE_OVER = 45.0
BLOCKED = text("SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock'")


async def arrived(stage: Stage) -> None:
    """Waits until the fault that was ordered has begun to happen."""

    async def taken() -> bool:
        return not (await stage.sandbox.client.get("/__sandbox/faults")).json()

    await until(taken)


async def taken_over(stage: Stage) -> None:
    """Another worker ends the item once the lease of the first one has ended."""
    clock.move(USUAL_LEASE + timedelta(seconds=1))
    await stage.run_until_ended()


async def ended(stage: Stage, post_id: str) -> None:
    """Waits until nothing is left to do for the item, its address included."""

    async def done() -> bool:
        return (await stage.row(post_id)).due_at is None

    await until(done, TAKE_OVER)


@pytest.mark.parametrize("when", ["before", "after"])
async def test_killed_with_a_request_under_way(
    stage: Stage, case: Case, connection: str, request_name: str, when: str
) -> None:
    """SIGKILL, once the platform has the request, or has done its work, and before it answers."""
    await stage.sandbox.fault(case.platform, request_name, when, "delay", seconds=60)
    post_id = await stage.post(connection, case.platform, case.metadata)
    async with worker_process(stage) as process:
        await arrived(stage)
        process.kill()
    await taken_over(stage)
    await exactly_one_video(stage, case, post_id)


async def test_killed_between_the_answer_and_our_commit(
    stage: Stage, case: Case, connection: str, request_name: str
) -> None:
    """SIGKILL, while what was answered waits to be written down: the item's row is locked by somebody else."""
    await stage.sandbox.fault(case.platform, request_name, "after", "delay", seconds=0.3)
    post_id = await stage.post(connection, case.platform, case.metadata)

    async def blocked() -> bool:
        async with stage.installation.database.connect() as other:
            return (await other.execute(BLOCKED)).first() is not None

    async with worker_process(stage, lease=30) as process:
        await arrived(stage)
        async with stage.installation.database.connect() as lock:
            await lock.execute(select(Item.id).where(Item.post_id == post_id).with_for_update())
            await until(blocked)
            process.kill()
            await asyncio.to_thread(process.join)
            async with (
                stage.installation.database.connect() as other
            ):  # the server would still do what it was asked for
                await other.execute(text(f"SELECT pg_terminate_backend(pid) FROM ({BLOCKED.text}) AS waiting"))
    clock.move(timedelta(seconds=30))
    await taken_over(stage)
    await exactly_one_video(stage, case, post_id)


@pytest.mark.default_methods
async def test_frozen_past_its_lease(stage: Stage, case: Case, connection: str, request_name: str) -> None:
    """SIGSTOP with the answer on its way; another one ends the item; SIGCONT. It neither sends nor writes any more."""
    await stage.sandbox.fault(case.platform, request_name, "after", "delay", seconds=0.2)
    post_id = await stage.post(connection, case.platform, case.metadata)
    async with worker_process(stage) as process:
        await arrived(stage)
        assert process.pid is not None
        os.kill(process.pid, signal.SIGSTOP)
        await asyncio.sleep(LEASE + 0.2)
        await taken_over(stage)
        await exactly_one_video(stage, case, post_id)
        sent, before = len(await stage.sandbox.requests(case.platform)), (await stage.row(post_id)).updated_at
        os.kill(process.pid, signal.SIGCONT)
        await asyncio.sleep(0.5)
        process.terminate()
        await asyncio.to_thread(process.join, 15)
        assert process.exitcode == 0
    assert len(await stage.sandbox.requests(case.platform)) == sent
    assert (await stage.row(post_id)).updated_at == before
    await exactly_one_video(stage, case, post_id)


@pytest.mark.default_methods
async def test_the_database_is_restarted(stage: Stage, case: Case, connection: str, request_name: str) -> None:
    """Its server dies while the platform works, and comes back. The same worker goes on by itself."""
    server = stage.installation.server
    assert server is not None
    await stage.sandbox.fault(case.platform, request_name, "after", "delay", seconds=1)
    post_id = await stage.post(connection, case.platform, case.metadata)
    async with worker_process(stage) as process:
        await arrived(stage)
        pid = server.pid()
        assert pid is not None
        os.kill(pid, signal.SIGQUIT)  # at once, without a word to anybody
        await asyncio.to_thread(_gone, pid)
        await asyncio.to_thread(server.ensure_running)
        await ended(stage, post_id)
        assert process.is_alive()
    await exactly_one_video(stage, case, post_id)


def _gone(pid: int) -> None:
    end = time.monotonic() + TAKE_OVER
    while os.path.exists(f"/proc/{pid}/cwd") and time.monotonic() < end:
        time.sleep(0.02)


@pytest.mark.default_methods
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_another_worker_takes_over_by_itself(
    stage: Stage, case: Case, connection: str, number: signal.Signals
) -> None:
    """In real time, with the lease that everybody has. A worker that is told to stop lets the call end first."""
    seconds = 60 if number == signal.SIGKILL else 2
    await stage.sandbox.fault(case.platform, case.irreversible, "after", "delay", seconds=seconds)
    post_id = await stage.post(connection, case.platform, case.metadata)
    lease = USUAL_LEASE.total_seconds()
    async with worker_process(stage, lease) as first:
        await arrived(stage)
        async with worker_process(stage, lease):
            assert first.pid is not None
            os.kill(first.pid, number)
            await ended(stage, post_id)
    await exactly_one_video(stage, case, post_id)


@pytest.mark.default_methods
async def test_a_worker_stops_by_itself_when_told_to(stage: Stage, case: Case, connection: str) -> None:
    post_id = await stage.post(connection, case.platform, case.metadata)
    async with worker_process(stage) as process:
        await ended(stage, post_id)
        process.terminate()
        await asyncio.to_thread(process.join, 15)
        assert process.exitcode == 0
    await exactly_one_video(stage, case, post_id)
