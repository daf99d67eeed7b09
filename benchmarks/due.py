"""10 000 items that are due at the same second: their rate, delay and CPU. And the first of 200, beside a lone one."""

import asyncio
import tempfile
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import TextClause, text

from benchmarks.figures import Figure, percentile
from benchmarks.publish import LABEL, bare_tiktok, run_bare
from benchmarks.stage import Stage, cpu, open_stage, small_clip
from clipcast.clock import clock
from clipcast.common.timestamps import format_timestamp

ITEMS, ACCOUNTS, EDITS = 10_000, 10, 10
BURST, BURSTS = 200, 5
METADATA = {"privacyLevel": "PUBLIC_TO_EVERYONE"}
PUBLISHED = text("SELECT count(*) AS number FROM items WHERE status = 'published'")
LATENESS = text("""
    SELECT extract(epoch FROM max(items.published_at) - min(posts.scheduled_at)) AS seconds,
           extract(epoch FROM min(items.published_at) - min(posts.scheduled_at)) AS first,
           percentile_disc(ARRAY[0.5, 0.99, 1.0]) WITHIN GROUP (
               ORDER BY extract(epoch FROM attempts.started_at - posts.scheduled_at)) AS late
    FROM items JOIN posts ON posts.id = items.post_id
    JOIN attempts ON attempts.item_id = items.id AND attempts.number = 1
    WHERE items.status = 'published' AND posts.scheduled_at = :due
""")


@dataclass
class Burst:
    """What one burst of items took. CPU is in milliseconds for an item, memory in MB."""

    # Items a second.
    rate: float
    # Seconds from the due time to the first live video, and to the start of each: p50, p99 and maximum.
    first: float
    late: list[float]
    worker_cpu: float
    database_cpu: float
    api_cpu: float
    memory: float


async def measure() -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        async with open_stage() as stage:
            clip = small_clip(Path(folder))
            edits = [await stage.upload(clip) for _ in range(EDITS)]
            connections = [await stage.connect("tiktok", f"account{n}") for n in range(ACCOUNTS)]
            async with stage.process("worker") as worker:
                await asyncio.sleep(4)  # start-up is not measured
                lone = [await first_of(stage, [worker], edits[:1], connections[:1], 1) for _ in range(BURSTS)]
                many = [await first_of(stage, [worker], edits, connections, BURST) for _ in range(BURSTS)]
            async with stage.process("worker") as worker:
                found = await burst(stage, [worker], edits, connections, ITEMS, timedelta(seconds=60))
            bare = await run_bare(stage, "tiktok", bare_tiktok, clip)
    late, last = found.late, ITEMS / bare.items_per_second
    return [
        Figure(f"{ITEMS} items due at the same second", found.rate, "items/s", LABEL, bare.items_per_second),
        Figure("  delay: p50", late[0], "s", "half the time of bare requests", last / 2),
        Figure("  delay: p99", late[1], "s"),
        Figure("  delay: max", late[2], "s", "the time of bare requests", last),
        Figure("  CPU time for an item: worker", found.worker_cpu, "ms", "that of the bare client", bare.cpu),
        Figure("  CPU time for an item: PostgreSQL, while it is published", found.database_cpu, "ms"),
        Figure("  CPU time for an item: API, when it is created", found.api_cpu, "ms"),
        Figure("  memory of the worker, maximum", found.memory, "MB"),
        Figure(f"first of {BURST} due items is live", percentile(many, 0.5), "s", "a lone one", percentile(lone, 0.5)),
    ]


async def first_of(
    stage: Stage, workers: list[psutil.Process], edits: list[str], connections: list[str], items: int
) -> float:
    """Measure the seconds until the first of `items` due items is live."""
    return (await burst(stage, workers, edits, connections, items, timedelta(seconds=4))).first


async def burst(
    stage: Stage,
    workers: list[psutil.Process],
    edits: list[str],
    connections: list[str],
    items: int,
    ahead: timedelta,
) -> Burst:
    """Have the workers publish `items` items that are due `ahead` from now."""
    assert stage.api is not None
    due, before = clock.now().replace(microsecond=0) + ahead, cpu(stage.api)
    await create(stage, edits, connections, items, due)
    api_cpu = cpu(stage.api) - before
    left = (due - clock.now()).total_seconds()
    assert left > 0, "the posts were not created in time"
    await asyncio.sleep(left)
    worker_before, database_before = sum(map(cpu, workers)), stage.database_cpu()
    memory, published = 0, await one(stage, PUBLISHED)
    wanted = published.number + items
    while published.number < wanted:
        await asyncio.sleep(1)
        memory = max(memory, *(worker.memory_info().rss for worker in workers))
        published = await one(stage, PUBLISHED)
    worker_cpu, database_cpu = sum(map(cpu, workers)) - worker_before, stage.database_cpu() - database_before
    found, each = await one(stage, LATENESS, due=due), 1000 / items
    rate, late = items / float(found.seconds), [float(seconds) for seconds in found.late]
    return Burst(
        rate, float(found.first), late, worker_cpu * each, database_cpu * each, api_cpu * each, memory / 1_000_000
    )


async def create(stage: Stage, edits: list[str], connections: list[str], items: int, due: datetime) -> None:
    targets = [{"connectionId": id, "metadata": {"tiktok": METADATA}} for id in connections]
    body = {"videos": [{"editId": edit, "targets": targets} for edit in edits], "scheduled_at": format_timestamp(due)}
    async with stage.client() as api:
        for _ in range(items // (len(edits) * len(connections))):
            assert (await api.post("/posts", json=body)).status_code == 201


async def one(stage: Stage, query: TextClause, **values: object) -> Any:
    async with stage.installation.database.connect() as connection:
        return (await connection.execute(query, values)).one()
