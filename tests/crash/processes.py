"""Real worker processes for tests, which can be killed, frozen and cut off.

They are forked from a process that has imported all modules, so that each starts at once. Their leases are short, so
that tests do not wait long for them to expire.
"""

import asyncio
import multiprocessing
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from multiprocessing.context import ForkServerProcess

from clipcast.testing.harness import Stage

LEASE = 1.0
START = 30.0
context = multiprocessing.get_context("forkserver")
context.set_forkserver_preload(["tests.crash.processes", "clipcast.installation", "clipcast.publishing.worker"])


def run_worker(environ: dict[str, str], lease: float) -> None:
    """Run `clipcast worker` in a separate process."""
    from clipcast.cli.run import worker
    from clipcast.jobs import workers
    from clipcast.publishing import worker as module

    os.environ.update(environ)
    workers.LEASE = timedelta(seconds=lease)
    module.HEARTBEAT = module.RECLAIM_EVERY = workers.LEASE / 4
    sys.stderr = open(os.devnull, "w")  # noqa: SIM115 - for as long as the process lives
    worker()


@asynccontextmanager
async def worker_process(stage: Stage, lease: float = LEASE) -> AsyncIterator[ForkServerProcess]:
    """Start a worker at the stage's database and sandbox, and kill it at the end."""
    settings = stage.installation.settings
    environ = {
        "CLIPCAST_DATA_DIR": str(settings.data_dir),
        "CLIPCAST_DATABASE_URL": stage.installation.database.url,
        "CLIPCAST_SANDBOX_URL": stage.sandbox.url,
        "CLIPCAST_PUBLIC_URL": settings.public_base,
        "CLIPCAST_SECRET_KEY": "k" * 32,
    }
    process = context.Process(target=run_worker, args=(environ, lease), daemon=True)
    process.start()
    try:
        yield process
    finally:
        process.kill()
        await asyncio.to_thread(process.join)


async def until(what: Callable[[], Awaitable[bool]], seconds: float = START) -> None:
    """Wait until `what()` is true, in real time: the other side is another process."""
    async with asyncio.timeout(seconds):
        while not await what():
            await asyncio.sleep(0.02)
