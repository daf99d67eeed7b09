"""The engines side by side: rate, CPU, start of a post and reclaim. And several workers on one database.

Temporal is its own development server, on the same machine.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import psutil

from benchmarks.due import Burst, burst
from benchmarks.figures import Figure, percentile
from benchmarks.pickup import picked_up
from benchmarks.recovery import reclaimed
from benchmarks.stage import Stage, cpu, open_stage, small_clip
from clipcast.cli.temporal_server import MISSING, TemporalServer, find_program
from clipcast.testing.harness import free_port

ITEMS, ACCOUNTS, EDITS, WORKERS, DEATHS = 1000, 10, 10, 3, 3
# Items that are not measured: they fill caches and prepare statements in each worker.
FIRST = 300
# From the creation of items to their start.
AHEAD = timedelta(seconds=15)
# Seconds. The start of the workers is not measured.
WARM_UP = 6


@dataclass
class Measured:
    """The figures of one engine: with one worker, and with several."""

    alone: Burst
    # Milliseconds of CPU time of the engine's server for an item.
    server_cpu: float
    many: Burst
    picked_up: list[float]
    reclaimed: list[float]


async def measure() -> list[Figure]:
    rows = await measured(None)
    async with temporal_server() as server:
        temporal = await measured(server) if server else None
    label = "on Temporal" if temporal else f"on Temporal: not measured. {MISSING}"

    def beside(name: str, unit: str, value: Callable[[Measured], float]) -> Figure:
        return Figure(name, value(rows), unit, label, value(temporal) if temporal else None)

    return [
        beside(f"{ITEMS} items due at the same second", "items/s", lambda it: it.alone.rate),
        beside("  CPU time for an item: worker", "ms", lambda it: it.alone.worker_cpu),
        beside("  CPU time for an item: PostgreSQL", "ms", lambda it: it.alone.database_cpu),
        beside("  CPU time for an item: the engine's server", "ms", lambda it: it.server_cpu),
        beside("start of a new post: p50", "ms", lambda it: 1000 * percentile(it.picked_up, 0.5)),
        beside("start of a new post: p99", "ms", lambda it: 1000 * percentile(it.picked_up, 0.99)),
        beside("reclaim after SIGKILL: median", "s", lambda it: percentile(it.reclaimed, 0.5)),
        beside("reclaim after SIGKILL: max", "s", lambda it: max(it.reclaimed)),
        *(figure for one, title in ((rows, "rows"), (temporal, "Temporal")) if one for figure in _several(one, title)),
    ]


def _several(one: Measured, title: str) -> list[Figure]:
    return [
        Figure(
            f"{title}, {WORKERS} workers on one database",
            one.many.rate, "items/s", "one worker", one.alone.rate,
        ),
        Figure(
            "  CPU time for an item: workers and PostgreSQL",
            one.many.worker_cpu + one.many.database_cpu, "ms",
            "one worker", one.alone.worker_cpu + one.alone.database_cpu,
        ),
    ]  # fmt: skip


async def measured(server: TemporalServer | None) -> Measured:
    """Measure rows, or Temporal if its server is given."""
    with tempfile.TemporaryDirectory() as folder:
        async with open_stage() as stage:
            if server:
                stage.environ["CLIPCAST_ENGINE"] = server.engine
            clip = small_clip(Path(folder))
            edits = [await stage.upload(clip) for _ in range(EDITS)]
            connections = [await stage.connect("tiktok", f"account{n}") for n in range(ACCOUNTS)]
            async with workers(stage, 1) as processes:
                await burst(stage, processes, edits, connections, FIRST, AHEAD)
                picks = await picked_up(stage, edits[0], connections[0])
                before = server_cpu(server)
                alone = await burst(stage, processes, edits, connections, ITEMS, AHEAD)
                of_server = 1000 * (server_cpu(server) - before) / ITEMS
            async with workers(stage, WORKERS) as processes:
                await burst(stage, processes, edits, connections, FIRST, AHEAD)
                many = await burst(stage, processes, edits, connections, ITEMS, AHEAD)
            reclaims = [await reclaimed(stage, edits[0], connections[0]) for _ in range(DEATHS)]
    return Measured(alone, of_server, many, picks, reclaims)


@asynccontextmanager
async def workers(stage: Stage, number: int) -> AsyncIterator[list[psutil.Process]]:
    async with AsyncExitStack() as stack:
        started = [await stack.enter_async_context(stage.process("worker")) for _ in range(number)]
        await asyncio.sleep(WARM_UP)
        yield started


@asynccontextmanager
async def temporal_server() -> AsyncIterator[TemporalServer | None]:
    """Run a Temporal server, or yield None if it is not installed."""
    if find_program() is None:
        yield None
        return
    with tempfile.TemporaryDirectory() as folder:
        server = TemporalServer(Path(folder), free_port())
        await server.start()
        yield server
        server.kill()


def server_cpu(server: TemporalServer | None) -> float:
    """Return the CPU seconds of the server's processes until now."""
    if server is None or server.process is None:
        return 0.0
    return sum(cpu(process) for process in psutil.Process(server.process.pid).children(recursive=True))
