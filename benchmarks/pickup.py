"""The time from a post's creation to its first request to the platform: idle, and with 1 million scheduled posts.

The comparison is the queue alone: the time from a committed row with a NOTIFY to the UPDATE that claims the row.
"""

import asyncio
import json
import tempfile
import time
from pathlib import Path

import asyncpg
from sqlalchemy import text

from benchmarks.figures import Figure, percentile
from benchmarks.stage import Stage, open_stage, small_clip
from clipcast.jobs.wake import CHANNEL

POSTS, PAUSE = 200, 0.05
WAITING = (500_000, 1_000_000)
METADATA = {"privacyLevel": "PUBLIC_TO_EVERYONE"}
BEGUN = text("""
    SELECT extract(epoch FROM min(attempt_events.started_at) - posts.created_at)
    FROM posts JOIN items ON items.post_id = posts.id JOIN attempts ON attempts.item_id = items.id
    JOIN attempt_events ON attempt_events.attempt_id = attempts.id AND attempt_events.kind = 'request'
    WHERE posts.id = ANY(:posts) GROUP BY posts.id, posts.created_at
""")
# Scheduled posts with one item each, from tomorrow on, 20 s apart.
FILL = """
    WITH new AS (
        INSERT INTO posts (id, workspace_id, scheduled_at, created_at, updated_at)
        SELECT gen_random_uuid(), $1, now() + interval '1 day' + n * interval '20 seconds', now(), now()
        FROM generate_series(1, $2) AS n RETURNING id, scheduled_at
    )
    , added AS (
        INSERT INTO items (id, workspace_id, post_id, position, edit_id, connection_id, platform, details, status,
                           progress, attempts, created_at, updated_at)
        SELECT gen_random_uuid(), $1, id, 0, $3, $4, 'tiktok', $5::jsonb, 'pending', 0, 0, now(), now() FROM new
        RETURNING id, post_id
    )
    INSERT INTO jobs (id, workspace_id, kind, subject_id, platform, queue, priority, state, due_at, created_at,
                      updated_at)
    SELECT added.id, $1, 'publish', added.id, 'tiktok', 'network', 5, 'waiting', new.scheduled_at, now(), now()
    FROM added JOIN new ON new.id = added.post_id
"""


async def measure() -> list[Figure]:
    figures = []
    with tempfile.TemporaryDirectory() as folder:
        async with open_stage() as stage:
            edit = await stage.upload(small_clip(Path(folder)))
            connection = await stage.connect("tiktok", "account0")
            bare = await no_op(stage)
            async with stage.process("worker"):
                await asyncio.sleep(4)  # start-up is not measured
                idle = await picked_up(stage, edit, connection)
                figures += _figures("start of a new post, idle", idle, "the queue alone", bare)
                before = 0
                for number in WAITING:
                    await fill(stage, number - before, edit, connection)
                    before = number
                    found = await picked_up(stage, edit, connection)
                    figures += _figures(f"  with {number:,} scheduled posts", found, "idle", idle)
    return figures


def _figures(name: str, seconds: list[float], label: str, others: list[float]) -> list[Figure]:
    return [
        Figure(f"{name}: {title}", 1000 * percentile(seconds, share), "ms", label, 1000 * percentile(others, share))
        for title, share in (("p50", 0.5), ("p99", 0.99))
    ]


async def picked_up(stage: Stage, edit: str, connection: str) -> list[float]:
    """Measure the seconds from each post's creation to its first request."""
    target = {"connectionId": connection, "metadata": {"tiktok": METADATA}}
    posts = []
    async with stage.client() as api:
        for _ in range(POSTS + 20):
            created = await api.post("/posts", json={"videos": [{"editId": edit, "targets": [target]}]})
            assert created.status_code == 201, created.text
            posts.append(created.json()["post_id"])
            await asyncio.sleep(PAUSE)
    await asyncio.sleep(2)
    async with stage.installation.database.connect() as database:
        rows = await database.execute(BEGUN, {"posts": posts[20:]})  # the first posts fill caches
        return [float(seconds) for (seconds,) in rows]


async def fill(stage: Stage, number: int, edit: str, connection: str) -> None:
    url = stage.installation.database.url
    database = await asyncpg.connect(url)
    for _ in range(number // 100_000):
        await database.execute(FILL, stage.workspace_id, 100_000, edit, connection, json.dumps(METADATA))
    await database.execute("ANALYZE posts")
    await database.execute("ANALYZE items")
    await database.execute("ANALYZE jobs")
    await database.close()


async def no_op(stage: Stage) -> list[float]:
    """Measure the seconds from before a row and its NOTIFY are written until a listener has claimed the row."""
    url = stage.installation.database.url
    writer, reader = await asyncpg.connect(url), await asyncpg.connect(url)
    await writer.execute("CREATE TABLE no_op (id serial PRIMARY KEY, claimed boolean NOT NULL DEFAULT false)")
    notified, seconds = asyncio.Event(), list[float]()
    await reader.add_listener(f"{CHANNEL}no_op", lambda *_: notified.set())
    for _ in range(POSTS):
        notified.clear()
        start = time.perf_counter()
        async with writer.transaction():
            await writer.execute("INSERT INTO no_op DEFAULT VALUES")
            await writer.execute(f"NOTIFY {CHANNEL}no_op")
        await notified.wait()
        claim = (
            "UPDATE no_op SET claimed = true WHERE id = "
            "(SELECT id FROM no_op WHERE NOT claimed LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING id"
        )
        assert await reader.fetchval(claim)
        seconds.append(time.perf_counter() - start)
        await asyncio.sleep(PAUSE)
    await writer.execute("DROP TABLE no_op")
    await writer.close()
    await reader.close()
    return seconds
