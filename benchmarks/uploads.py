"""The worker's peak memory during 64 parallel uploads of 100 MB."""

import asyncio
import tempfile
from pathlib import Path

from benchmarks.figures import Figure
from benchmarks.publish import published
from benchmarks.stage import Stage, large_clip, open_stage

ITEMS, SIZE, MEGABYTE = 64, 100_000_000, 1_000_000
TARGET_RSS = 300.0


async def measure() -> list[Figure]:
    figures = []
    for platform, metadata in (("tiktok", {"privacyLevel": "PUBLIC_TO_EVERYONE"}), ("youtube", {"title": "A title"})):
        with tempfile.TemporaryDirectory() as folder:
            async with open_stage() as stage:
                edit = await stage.upload(large_clip(Path(folder), SIZE))
                peak = await peak_memory(stage, platform, metadata, edit)
        name = f"{ITEMS} uploads of {SIZE // MEGABYTE} MB at once to {platform}: peak memory"
        figures.append(Figure(name, peak, "MB", "the target", TARGET_RSS))
    return figures


async def peak_memory(stage: Stage, platform: str, metadata: dict[str, object], edit: str) -> float:
    connections = [await stage.connect(platform, f"account{n}") for n in range(ITEMS)]
    # A clip has at most 50 targets in one post.
    halves = [connections[: ITEMS // 2], connections[ITEMS // 2 :]]
    async with stage.client() as api:
        for half in halves:
            targets = [{"connectionId": id, "metadata": {platform: metadata}} for id in half]
            created = await api.post("/posts", json={"videos": [{"editId": edit, "targets": targets}]})
            assert created.status_code == 201, created.text
    peak = 0.0
    async with stage.process("worker") as worker:
        while await published(stage) < ITEMS:
            for _ in range(25):
                peak = max(peak, worker.memory_info().rss / MEGABYTE)
                await asyncio.sleep(0.02)
    return peak
