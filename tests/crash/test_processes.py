"""Real processes, really killed."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.conformance.case import Case
from tests.crash.test_matrix import exactly_one_video
from tests.harness import Stage

pytestmark = pytest.mark.usual_ways
START = 30.0
# The aim is ten seconds from the death; the rest is for a slow machine.
TAKE_OVER = 45.0


@asynccontextmanager
async def worker_process(stage: Stage) -> AsyncIterator[asyncio.subprocess.Process]:
    settings = stage.here.settings
    environ = os.environ | {
        "CLIPCAST_DATA_DIR": str(settings.data_dir),
        "CLIPCAST_DATABASE_URL": stage.here.database.url.render_as_string(hide_password=False),
        "CLIPCAST_SANDBOX_URL": stage.sandbox.url,
        "CLIPCAST_SECRET_KEY": "k" * 32,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "clipcast", "worker", env=environ, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def until(what, seconds: float) -> None:  # type: ignore[no-untyped-def]
    """Waits until `what()` is true, in real time: the other side is another process."""
    end = time.monotonic() + seconds
    while not await what():
        assert time.monotonic() < end, "it took too long"
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_another_worker_takes_over(stage: Stage, case: Case, connection: str, number: signal.Signals) -> None:
    """The first one dies while the platform has done the work and its answer is on the way."""
    await stage.sandbox.fault(case.platform, case.irreversible, "after", "delay", seconds=60)
    post_id = await stage.post(connection, case.platform, case.metadata)

    async def sent() -> bool:
        return case.irreversible in await stage.sandbox.requests(case.platform)

    async def ended() -> bool:
        return (await stage.row(post_id)).due_at is None  # nothing is left to do, its address included

    async with worker_process(stage) as first:
        await until(sent, START)
        async with worker_process(stage):
            await asyncio.sleep(3)  # let it start: what is measured is the take-over
            os.kill(first.pid, number)
            await until(ended, TAKE_OVER)
    await exactly_one_video(stage, case, post_id)


async def test_a_worker_stops_by_itself_when_told_to(stage: Stage, case: Case, connection: str) -> None:
    post_id = await stage.post(connection, case.platform, case.metadata)

    async def ended() -> bool:
        return (await stage.row(post_id)).due_at is None

    async with worker_process(stage) as process:
        await until(ended, START)
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 15) == 0
    await exactly_one_video(stage, case, post_id)
