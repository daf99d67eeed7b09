"""Real worker processes for tests, which can be killed, frozen and cut off.

Their leases are short, and their pauses after a lost child: tests do not wait long for either to end.
"""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from clipcast.testing.harness import Stage
from tests.forked import context

LEASE = 1.0
START = 60.0


def _forget_journal() -> None:
    from clipcast.jobs.journal import Journal

    async def forget(self: Journal, name: str, entry: object) -> None:
        pass

    Journal._write = forget  # type: ignore[method-assign]
    Journal.time_since = lambda self, name: timedelta()  # type: ignore[method-assign]


def _reconcile_nothing() -> None:
    from clipcast.jobs.journal import Journal
    from clipcast.platforms.base import Absent
    from clipcast.publishing.publication import PublicationRun

    send_once = PublicationRun.send_once

    async def blind(self: PublicationRun, name: str, send: Any, reconcile: Any, *rest: Any, **more: Any) -> Any:
        async def absent() -> Absent:
            return Absent()

        return await send_once(self, name, send, absent, *rest, **more)

    PublicationRun.send_once = blind  # type: ignore[assignment]
    # The time after which a request without a response may be sent again has passed.
    Journal.intent_age = lambda self, name: timedelta(days=1)  # type: ignore[method-assign]


# The texts of an item that ends the process of its run, and of items that run until then; and the number of the others.
FATAL, SLOW = "This text ends its process.", "This text takes its time."
SLOW_ITEMS, OTHER_ITEMS = 2, 29


def die_of_an_item(alone: bool = False) -> None:
    """Have this process end when it publishes an item with the text FATAL, and so the process of its quarantine.

    Before that, all others are published, except those with the text SLOW. These are published `alone`.
    """
    from clipcast.jobs.outcomes import ItemOutcomes
    from clipcast.publishing import quarantine
    from clipcast.publishing.publication import PublicationRun

    folder = Path(os.environ["CLIPCAST_DATA_DIR"]) / "runs"
    folder.mkdir(exist_ok=True)
    send_once, published = PublicationRun.send_once, ItemOutcomes.published

    async def fatal(self: PublicationRun, *arguments: Any, **more: Any) -> Any:
        text = str(self.metadata)
        if SLOW in text and not alone:
            (folder / f"slow-{os.getpid()}-{id(self)}").touch()
            await asyncio.Event().wait()
        if FATAL in text:
            while not alone and (
                len([*folder.glob(f"slow-{os.getpid()}-*")]) < SLOW_ITEMS
                or len([*folder.glob("published-*")]) < OTHER_ITEMS
            ):
                await asyncio.sleep(0.02)
            os.kill(os.getpid(), signal.SIGKILL)
        return await send_once(self, *arguments, **more)

    async def noted(self: ItemOutcomes, claimed: Any, *arguments: Any) -> None:
        await published(self, claimed, *arguments)
        (folder / f"published-{claimed.id}").touch()

    class Popen(subprocess.Popen[bytes]):
        def __init__(self, arguments: list[str], **options: Any) -> None:
            python, _, module, *rest = arguments
            script = f"import {__name__}, {module}; {__name__}.die_of_an_item(alone=True); {module}.main()"
            super().__init__([python, "-c", script, *rest], **options)

    PublicationRun.send_once = fatal  # type: ignore[assignment]
    ItemOutcomes.published = noted  # type: ignore[method-assign]
    quarantine.subprocess = SimpleNamespace(Popen=Popen, PIPE=subprocess.PIPE)  # type: ignore[assignment]


# Workers without one of their safeguards, to prove that the tests can fail, and one with a fatal item.
MUTANTS: dict[str, Callable[[], None]] = {
    "": lambda: None,
    "without the journal": _forget_journal,
    "without reconciling": _reconcile_nothing,
    "with a fatal item": die_of_an_item,
}


def run_worker(environ: dict[str, str], lease: float, mutant: str, command: str) -> None:
    """Run `clipcast worker` or `clipcast renderer` in a separate process."""
    from clipcast.cli import run
    from clipcast.jobs import slots, workers
    from clipcast.jobs import worker as module
    from clipcast.renders import runner

    os.environ.update(environ)
    runner.CHILD_PAUSE = timedelta(seconds=lease)
    workers.LEASE = slots.LEASE = timedelta(seconds=lease)
    module.HEARTBEAT = module.RECLAIM_EVERY = workers.LEASE / 4
    MUTANTS[mutant]()
    sys.stderr = open(os.devnull, "w")  # noqa: SIM115 - for as long as the process lives
    getattr(run, command)()


@asynccontextmanager
async def worker_process(
    stage: Stage, lease: float = LEASE, engine: str = "rows", mutant: str = "", command: str = "worker"
) -> AsyncIterator[ForkServerProcess]:
    """Start a worker at the stage's database and sandbox, and kill it at the end. `mutant` is a name of MUTANTS.

    `command` is worker or renderer.
    """
    settings = stage.installation.settings
    environ = {
        "CLIPCAST_DATA_DIR": str(settings.data_dir),
        "CLIPCAST_DATABASE_URL": stage.installation.database.url,
        "CLIPCAST_SANDBOX_URL": stage.sandbox.url,
        "CLIPCAST_PUBLIC_URL": settings.public_base,
        "CLIPCAST_SECRET_KEY": "k" * 32,
        "CLIPCAST_ENGINE": engine,
        "CLIPCAST_WEBHOOK_HOSTS": " ".join(settings.webhook_hosts),
    }
    process = context.Process(target=run_worker, args=(environ, lease, mutant, command), daemon=True)
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


async def arrived(stage: Stage) -> None:
    """Wait until the injected fault has begun."""

    async def taken() -> bool:
        return not (await stage.sandbox.client.get("/__sandbox/faults")).json()

    await until(taken)
