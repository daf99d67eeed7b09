"""Renderers and their children that are killed at any time: each conversion ends as one file, and nothing is left."""

import asyncio
import os
import random
import signal
from contextlib import suppress

import psutil
import pytest

from clipcast.rendering.recipe import Picture, Recipe
from clipcast.renders import space
from clipcast.renders.orphans import OrphanSearch
from clipcast.renders.sweeps import sweep
from clipcast.testing.harness import Stage
from tests.crash.processes import LEASE, worker_process
from tests.renders.orders import keep, ordered, rendition, uploaded

PROVING = "PROVE_EXAMPLES" in os.environ
KILLS = 50 if PROVING else 4
# A conversion of the clip takes about this time, on a busy machine.
SECONDS = 3.0


def recipe(number: int) -> Recipe:
    """Return a recipe of its own for each number: it is encoded every second time."""
    return Recipe(Picture(360, 640, (30, 1)) if number % 2 else None, min_bytes=100_000 + number)


def children_of(pid: int) -> list[psutil.Process]:
    with suppress(psutil.NoSuchProcess):
        return [one for one in psutil.Process(pid).children() if "clipcast.rendering.child" in " ".join(one.cmdline())]
    return []


@pytest.mark.timeout(0 if PROVING else 300)
@pytest.mark.parametrize("victim", ["renderer", "child"])
async def test_killed_conversion_leaves_one_file(stage: Stage, victim: str) -> None:
    clip, chance = await uploaded(stage), random.Random()
    for number in range(KILLS):
        found = await ordered(stage, clip, recipe(number))
        await keep(stage, found.id)
        async with worker_process(stage, command="renderer") as process:
            await until_status(stage, found.id, "active", "completed")
            await asyncio.sleep(chance.uniform(0, SECONDS if number % 2 else SECONDS / 4))
            if victim == "renderer":
                process.kill()
            else:
                for child in children_of(process.pid or 0):
                    with suppress(psutil.NoSuchProcess):  # it has ended
                        child.send_signal(signal.SIGKILL)
                await until_status(stage, found.id, "completed")
        if victim == "renderer":
            await asyncio.sleep(2 * LEASE)
            async with worker_process(stage, command="renderer"):
                await until_status(stage, found.id, "completed")
        await check_one_file(stage, found.id)


async def until_status(stage: Stage, id: object, *wanted: str) -> None:
    async with asyncio.timeout(120):
        while (await rendition(stage, id)).status not in wanted:  # type: ignore[arg-type]
            await asyncio.sleep(0.05)


async def check_one_file(stage: Stage, id: object) -> None:
    installation = stage.installation
    async with asyncio.timeout(30):  # the renderer that was killed at the end still counts as running until then
        while True:
            search = OrphanSearch(installation.database, installation.storage)
            await sweep(installation.settings, installation.database, installation.storage, search)
            stored = [key for key, _ in await installation.storage.list(f"renditions/{id}/")]
            stored += await installation.storage.unfinished(f"renditions/{id}")
            folder = installation.settings.data_dir / space.FOLDER
            if len(stored) == 2 and not any(folder.iterdir()):
                break
            await asyncio.sleep(0.2)
    made = await rendition(stage, id)  # type: ignore[arg-type]
    assert sorted(stored) == sorted([made.storage_key, made.thumbnail_key])  # type: ignore[type-var]
    read = installation.storage.read(made.storage_key or "", 0, made.size or 0)
    assert len(b"".join([piece async for piece in read])) == made.size
