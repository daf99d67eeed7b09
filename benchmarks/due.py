"""The rate and the delay of 10 000 items that are due at the same second."""

import asyncio
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import text

from benchmarks.figures import Figure
from benchmarks.publish import LABEL, bare_per_second, bare_tiktok
from benchmarks.stage import Stage, open_stage, small_clip
from clipcast.clock import clock
from clipcast.common.timestamps import format_timestamp

ITEMS, ACCOUNTS, EDITS = 10_000, 10, 10
METADATA = {"privacyLevel": "PUBLIC_TO_EVERYONE"}
LATENESS = text("""
    SELECT count(*) AS number, extract(epoch FROM max(items.published_at) - min(posts.scheduled_at)) AS seconds,
           percentile_disc(ARRAY[0.5, 0.99, 1.0]) WITHIN GROUP (
               ORDER BY extract(epoch FROM attempts.started_at - posts.scheduled_at)) AS late
    FROM items JOIN posts ON posts.id = items.post_id
    JOIN attempts ON attempts.item_id = items.id AND attempts.number = 1
    WHERE items.status = 'published'
""")


async def measure() -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        async with open_stage() as stage:
            clip = small_clip(Path(folder))
            found = await ours(stage, clip)
            bare = await bare_per_second(stage, "tiktok", bare_tiktok, clip)
    late = [float(seconds) for seconds in found.late]
    last = ITEMS / bare
    return [
        Figure(f"{ITEMS} items due at the same second", ITEMS / float(found.seconds), "items/s", LABEL, bare),
        Figure("  delay: p50", late[0], "s", "half the time of bare requests", last / 2),
        Figure("  delay: p99", late[1], "s"),
        Figure("  delay: max", late[2], "s", "the time of bare requests", last),
    ]


async def ours(stage: Stage, clip: Path) -> Any:
    edits = [await stage.upload(clip) for _ in range(EDITS)]
    connections = [await stage.connect("tiktok", f"account{n}") for n in range(ACCOUNTS)]
    targets = [{"connectionId": id, "metadata": {"tiktok": METADATA}} for id in connections]
    due = clock.now() + timedelta(seconds=30)
    async with stage.client() as api:
        body = {
            "videos": [{"editId": edit, "targets": targets} for edit in edits],
            "scheduled_at": format_timestamp(due),
        }
        for _ in range(ITEMS // (EDITS * ACCOUNTS)):
            assert (await api.post("/posts", json=body)).status_code == 201
    assert clock.now() < due, "the posts were not created in time"
    async with stage.process("worker"):
        while True:
            await asyncio.sleep(1)
            async with stage.installation.database.connect() as connection:
                found = (await connection.execute(LATENESS)).one()
            if found.number == ITEMS:
                return found
