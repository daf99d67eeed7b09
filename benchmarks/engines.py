"""Published items with each engine: workers that claim jobs from the database, and workers with a Temporal server."""

import asyncio
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path

import psutil

from benchmarks.figures import Figure
from benchmarks.publish import published
from benchmarks.stage import Stage, open_stage, small_clip
from clipcast.cli.temporal_server import TemporalServer
from clipcast.testing.harness import free_port

ITEMS, ACCOUNTS = 600, 10
METADATA = {"tiktok": {"privacyLevel": "PUBLIC_TO_EVERYONE"}}
LABEL = "rows, one worker"


async def measure() -> list[Figure]:
    figures: list[Figure] = []
    first = None
    for engine in ("rows", "temporal"):
        for workers in (1, 2):
            speed, cpu, server_cpu = await run(engine, workers)
            first = first or speed
            name = f"{ITEMS} TikTok items, {engine}, {workers} worker{'s' * (workers > 1)}"
            figures += [
                Figure(name, speed, "items/s", LABEL, first),
                Figure("  CPU time of the workers for an item", cpu, "ms"),
            ]
            if server_cpu:
                figures.append(Figure("  CPU time of the Temporal server for an item", server_cpu, "ms"))
    return figures


async def run(engine: str, workers: int) -> tuple[float, float, float]:
    """Measure items per second, and the milliseconds of the workers' and the server's CPU time for each."""
    with tempfile.TemporaryDirectory() as folder:
        server = TemporalServer(Path(folder), free_port())
        async with open_stage() as stage, AsyncExitStack() as stack:
            if engine == "temporal":
                await server.start()
                stack.callback(server.kill)
                stage.environ["CLIPCAST_ENGINE"] = server.engine
            await post(stage, small_clip(Path(folder)))
            processes = [await stack.enter_async_context(stage.process("worker")) for _ in range(workers)]
            while await published(stage) < workers:
                await asyncio.sleep(0.01)
            start, before = time.perf_counter(), await published(stage)
            cpu, server_cpu = cpu_of(processes), cpu_of(children(server))
            while (count := await published(stage)) < ITEMS:
                await asyncio.sleep(0.1)
            done, seconds = count - before, time.perf_counter() - start
            cpu, server_cpu = cpu_of(processes) - cpu, cpu_of(children(server)) - server_cpu
            return done / seconds, 1000 * cpu / done, 1000 * server_cpu / done


async def post(stage: Stage, clip: Path) -> None:
    edits = [await stage.upload(clip) for _ in range(ITEMS // ACCOUNTS)]
    connections = [await stage.connect("tiktok", f"account{n}") for n in range(ACCOUNTS)]
    targets = [{"connectionId": id, "metadata": METADATA} for id in connections]
    async with stage.client() as api:
        created = await api.post("/posts", json={"videos": [{"editId": one, "targets": targets} for one in edits]})
        assert created.status_code == 201, created.text


def children(server: TemporalServer) -> list[psutil.Process]:
    return psutil.Process(server.process.pid).children() if server.process else []


def cpu_of(processes: list[psutil.Process]) -> float:
    return sum(sum(one.cpu_times()[:2]) for one in processes)
