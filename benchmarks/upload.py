"""The speed and the peak memory of one large upload by a worker, compared with curl."""

import asyncio
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx2
from sqlalchemy import select, text

from benchmarks.figures import Figure
from benchmarks.stage import Stage, large_clip, open_stage
from clipcast.connections.tokens import unseal
from clipcast.database.models.connections import Connection
from clipcast.platforms.registry import PLATFORMS as PLATFORM_RULES

MEGABYTE = 1_000_000
# The maximum size of each platform, up to 1 GB. Instagram and Threads fetch the clip from the API.
PLATFORMS: tuple[tuple[str, int, dict[str, Any]], ...] = (
    ("tiktok", 1_000_000_000, {"privacyLevel": "PUBLIC_TO_EVERYONE"}),
    ("youtube", 1_000_000_000, {"title": "A title"}),
    ("instagram", 300_000_000, {"caption": "A caption"}),
    ("threads", 1_000_000_000, {"text": "A text"}),
    ("pinterest", 1_000_000_000, {"title": "A title"}),
    ("linkedin", 500_000_000, {"commentary": "A text"}),
    ("facebook", 1_000_000_000, {"description": "A text"}),
    ("bluesky", 300_000_000, {"text": "A text"}),
)
TARGET_RSS = 150.0
SECONDS = text("""
    SELECT extract(epoch FROM items.published_at - min(attempt_events.started_at))
    FROM items JOIN attempts ON attempts.item_id = items.id
    JOIN attempt_events ON attempt_events.attempt_id = attempts.id AND attempt_events.kind = 'request'
    WHERE items.post_id = :post_id AND coalesce(attempt_events.bytes_sent, 0) >= :least GROUP BY items.id
""")


async def measure() -> list[Figure]:
    figures = []
    with tempfile.TemporaryDirectory() as folder:
        clips = {size: large_clip(Path(folder), size) for size in sorted({size for _, size, _ in PLATFORMS})}
        async with open_stage() as stage:
            edits = {}
            for size, clip in clips.items():
                edits[size], rss = await to_the_api(stage, clip)
            figures.append(Figure("1 GB uploaded to the API: its peak memory", rss, "MB", "the target", TARGET_RSS))
            for platform, size, metadata in PLATFORMS:
                seconds, rss = await by_worker(stage, platform, metadata, edits[size])
                name = f"{size // MEGABYTE} MB to {platform}"
                curl = await by_curl(stage, clips[size])
                figures.append(Figure(f"{name}: speed", size / MEGABYTE / seconds, "MB/s", "curl -T of the file", curl))
                figures.append(Figure(f"{name}: worker's peak memory", rss, "MB", "the target", TARGET_RSS))
    return figures


async def to_the_api(stage: Stage, clip: Path) -> tuple[str, float]:
    """Upload the clip. Return its `editId` and the API's peak resident memory in MB."""
    assert stage.api is not None
    uploading = asyncio.create_task(stage.upload(clip))
    peak = 0.0
    while not uploading.done():
        peak = max(peak, stage.api.memory_info().rss / MEGABYTE)
        await asyncio.sleep(0.02)
    return uploading.result(), peak


async def by_worker(stage: Stage, platform: str, metadata: dict[str, Any], edit: str) -> tuple[float, float]:
    """Measure the seconds of the upload and the worker's peak resident memory in MB."""
    connection = await stage.connect(platform, f"large.{platform}.example")
    async with stage.process("worker") as worker, stage.client() as api:
        if platform == "pinterest":
            boards = (await api.get(f"/connections/{connection}/options")).json()["options"]["boardId"]
            metadata = metadata | {"boardId": boards[0]["id"]}
        await asyncio.sleep(4)  # start-up is not measured
        target = {"connectionId": connection, "metadata": {platform: metadata}}
        created = await api.post("/posts", json={"videos": [{"editId": edit, "targets": [target]}]})
        assert created.status_code == 201, created.text
        post_id, peak, item = created.json()["post_id"], 0.0, {"status": "processing"}
        while item["status"] == "processing":
            peak = max(peak, worker.memory_info().rss / MEGABYTE)
            item = (await api.get(f"/posts/{post_id}")).json()["items"][0]
            await asyncio.sleep(0.02)
        assert item["status"] == "published", item
    # A platform that fetches starts with the first request; else the time counts from the first large request.
    least = 0 if PLATFORM_RULES[platform].fetches_media({}) else 100_000
    async with stage.installation.database.connect() as database:
        return float((await database.execute(SECONDS, {"post_id": post_id, "least": least})).scalar_one()), peak


async def by_curl(stage: Stage, clip: Path) -> float:
    """Measure the MB/s of curl, which sends the file to the same sandbox in one piece. Return 0 without curl."""
    if not shutil.which("curl"):
        return 0.0
    async with stage.installation.database.session() as session:
        query = select(Connection.tokens).where(Connection.username == "large.youtube.example")
        sealed = (await session.execute(query)).scalar_one_or_none()
    if sealed is None:
        await stage.connect("youtube", "large.youtube.example")
        return await by_curl(stage, clip)
    bearer = f"Authorization: Bearer {unseal(stage.installation.vault, sealed).access_token}"
    async with httpx2.AsyncClient(trust_env=False) as client:
        opened = await client.post(
            f"{stage.sandbox_url}/www.googleapis.com/upload/youtube/v3/videos?uploadType=resumable&part=snippet",
            json={"snippet": {"title": "curl"}},
            headers={
                "Authorization": bearer.removeprefix("Authorization: "),
                "X-Upload-Content-Length": str(clip.stat().st_size),
                "X-Upload-Content-Type": "video/mp4",
            },
        )
    uri = opened.headers["location"].replace("https:/", stage.sandbox_url)
    start = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        "curl", "-sS", "-f", "-T", str(clip), "-H", bearer, "-H", "Content-Type: video/mp4", "-H", "Expect:",
        "-o", "/dev/null", uri,
    )  # fmt: skip
    assert await process.wait() == 0
    return clip.stat().st_size / MEGABYTE / (time.perf_counter() - start)
