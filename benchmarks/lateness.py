"""How late posts begin while every slot of the renderer encodes, beside the same posts on an idle installation."""

import asyncio
import tempfile
from datetime import timedelta
from pathlib import Path
from statistics import median

from sqlalchemy import text

from benchmarks.figures import Figure, percentile
from benchmarks.stage import Stage, open_stage, small_clip
from clipcast.clips.sample import make_clip
from clipcast.clock import clock
from clipcast.common.timestamps import format_timestamp

ROUNDS = 5
# Posts of a round, the seconds between their times, and the seconds from their creation to the first of these times.
POSTS, APART, AHEAD = 100, 0.05, 4
# More renders than slots: each slot encodes until the round ends.
RENDERS = 6
TIKTOK = {"tiktok": {"privacyLevel": "PUBLIC_TO_EVERYONE"}}
LATE = text("""
    SELECT extract(epoch FROM min(attempts.started_at) - posts.scheduled_at)
    FROM posts JOIN items ON items.post_id = posts.id JOIN attempts ON attempts.item_id = items.id
    WHERE posts.id = ANY(:posts) GROUP BY posts.id, posts.scheduled_at
""")
ENCODING = text("SELECT count(*) FROM jobs WHERE queue = 'cpu' AND state = 'running'")


async def measure() -> list[Figure]:
    idle: list[list[float]] = []
    busy: list[list[float]] = []
    with tempfile.TemporaryDirectory() as folder:
        async with open_stage() as stage, stage.process("worker"), stage.process("renderer"):
            edit = await stage.upload(small_clip(Path(folder)))
            long = make_clip(Path(folder) / "long.mp4", seconds=60, width=1080, height=1920, quality=40)
            video = await upload_video(stage, long)
            connection = await stage.connect("tiktok", "account0")
            await lateness(stage, edit, connection)  # the first posts fill caches
            for number in range(ROUNDS):
                idle.append(await lateness(stage, edit, connection))
                renders = await encode(stage, video, number)
                busy.append(await lateness(stage, edit, connection))
                assert await encoding(stage), "the renders ended before the round"
                await cancel(stage, renders)
    return [
        Figure(
            f"delay of a post while all slots encode, median of {ROUNDS} rounds: {title}",
            1000 * median(percentile(one, share) for one in busy), "ms",
            "idle", 1000 * median(percentile(one, share) for one in idle),
        )
        for title, share in (("p50", 0.5), ("p99", 0.99))
    ]  # fmt: skip


async def lateness(stage: Stage, edit: str, connection: str) -> list[float]:
    """Return the seconds from each post's time to the beginning of its attempt."""
    first = clock.now() + timedelta(seconds=AHEAD)
    videos = [{"editId": edit, "targets": [{"connectionId": connection, "metadata": TIKTOK}]}]
    posts = []
    async with stage.client() as api:
        for number in range(POSTS):
            at = format_timestamp(first + timedelta(seconds=number * APART))
            created = await api.post("/posts", json={"videos": videos, "scheduled_at": at})
            assert created.status_code == 201, created.text
            posts.append(created.json()["post_id"])
    ends = first + timedelta(seconds=POSTS * APART + 1)
    await asyncio.sleep((ends - clock.now()).total_seconds())
    async with stage.installation.database.connect() as database:
        found = [float(seconds) for (seconds,) in await database.execute(LATE, {"posts": posts})]
    assert len(found) == POSTS, f"{len(found)} of {POSTS} posts began"
    return found


async def upload_video(stage: Stage, path: Path) -> str:
    """Upload a file and return the `video_id` of which renders are made."""
    edit = await stage.upload(path)
    async with stage.client() as api:
        renders = (await api.get("/renders")).json()["renders"]
    return str(next(one["video_id"] for one in renders if one["edit_setting_id"] == edit))


async def encode(stage: Stage, video: str, number: int) -> list[str]:
    """Order renders that differ from all others, and return their ids as soon as one encodes."""
    async with stage.client() as api:
        made = [
            await api.post("/renders", json={"video_id": video, "speed": 1 + (number * RENDERS + turn + 1) / 1000})
            for turn in range(RENDERS)
        ]
    while not await encoding(stage):
        await asyncio.sleep(0.1)
    return [one.json()["render_id"] for one in made]


async def encoding(stage: Stage) -> bool:
    async with stage.installation.database.connect() as database:
        return bool(await database.scalar(ENCODING))


async def cancel(stage: Stage, renders: list[str]) -> None:
    async with stage.client() as api:
        for render in renders:
            await api.delete(f"/renders/{render}")
    while await encoding(stage):
        await asyncio.sleep(0.1)
