"""The time until another worker reclaims a killed worker's item, and the CPU and memory of an idle installation."""

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import psutil
from sqlalchemy import text

from benchmarks.figures import Figure, percentile
from benchmarks.stage import Stage, open_stage, small_clip, until_ready
from clipcast.testing.harness import free_port

DEATHS, IDLE_SECONDS, MEGABYTE = 5, 30, 1_000_000
METADATA = {"privacyLevel": "PUBLIC_TO_EVERYONE"}


async def measure() -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        async with open_stage() as stage:
            edit = await stage.upload(small_clip(Path(folder)))
            connection = await stage.connect("tiktok", "account0")
            seconds = [await reclaimed(stage, edit, connection) for _ in range(DEATHS)]
    start, cpu, memory = await idle()
    return [
        Figure("reclaim after SIGKILL: median", percentile(seconds, 0.5), "s", "the target", 10.0),
        Figure("reclaim after SIGKILL: max", max(seconds), "s", "the target", 10.0),
        Figure("`clipcast serve` to its first response, warm", start, "s", "the target", 3.0),
        Figure("idle: CPU of the whole installation", cpu, "%", "the target", 2.0),
        Figure("idle: memory of the whole installation (PSS)", memory, "MB", "the target", 400.0),
    ]


async def reclaimed(stage: Stage, edit: str, connection: str) -> float:
    """Measure the seconds from a worker's death during an upload to the claim of another worker."""
    fault = {"platform": "tiktok", "request": "chunk", "when": "after", "kind": "delay", "seconds": 15}
    async with httpx2.AsyncClient(trust_env=False) as client:
        await client.post(f"{stage.sandbox_url}/__sandbox/faults", json=fault)
    target = {"connectionId": connection, "metadata": {"tiktok": METADATA}}
    async with stage.process("worker") as first, stage.client() as api:
        created = await api.post("/posts", json={"videos": [{"editId": edit, "targets": [target]}]})
        async with httpx2.AsyncClient(trust_env=False) as client:
            while (await client.get(f"{stage.sandbox_url}/__sandbox/faults")).json():
                await asyncio.sleep(0.05)
        async with stage.process("worker"):
            await asyncio.sleep(3)  # start-up is not measured
            first.kill()
            killed = time.perf_counter()
            fence = text(
                "SELECT max(jobs.fence) FROM jobs JOIN items ON items.id = subject_id WHERE post_id = :post_id"
            )
            while True:
                async with stage.installation.database.connect() as database:
                    if (await database.execute(fence, {"post_id": created.json()["post_id"]})).scalar_one() > 1:
                        return time.perf_counter() - killed
                await asyncio.sleep(0.02)


async def idle() -> tuple[float, float, float]:
    """Measure the seconds of a warm start, then the percent of one CPU and the MB of all processes together."""
    with tempfile.TemporaryDirectory(prefix="clipcast-bench-") as folder:
        async with serving(folder):
            pass  # the first start creates the database
        async with serving(folder) as (pid, seconds):
            await asyncio.sleep(5)
            processes = [process for process in psutil.process_iter() if _belongs(process, pid, folder)]
            before = sum(_cpu(process) for process in processes)
            await asyncio.sleep(IDLE_SECONDS)
            cpu = 100 * (sum(_cpu(process) for process in processes) - before) / IDLE_SECONDS
            memory = sum(process.memory_full_info().pss for process in processes) / MEGABYTE
    return seconds, cpu, memory


@asynccontextmanager
async def serving(folder: str) -> AsyncIterator[tuple[int, float]]:
    """Run `clipcast serve` with this data directory. Yield its process id and the seconds to its first response."""
    port = free_port()
    environ = {key: value for key, value in os.environ.items() if not key.startswith("CLIPCAST_")} | {
        "CLIPCAST_DATA_DIR": folder,
        "CLIPCAST_LOG_LEVEL": "error",
    }
    start = time.perf_counter()
    serve = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "clipcast", "serve", "--port", str(port), env=environ, stdout=asyncio.subprocess.DEVNULL
    )
    try:
        await until_ready(f"http://127.0.0.1:{port}/healthz")
        yield serve.pid, time.perf_counter() - start
    finally:
        serve.terminate()
        await serve.wait()


def _belongs(process: psutil.Process, pid: int, folder: str) -> bool:
    """Return whether a process is a child of `serve`, or one of PostgreSQL's in the data directory."""
    try:
        family = {process.pid, *(parent.pid for parent in process.parents())}
        return pid in family or process.cwd().startswith(folder)
    except psutil.Error:
        return False


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
