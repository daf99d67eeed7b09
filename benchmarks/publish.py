"""The rate of published items, compared with the same HTTP requests without a database."""

import asyncio
import json
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import func, select

from benchmarks.figures import Figure
from benchmarks.raw_http import RawConnection, message
from benchmarks.stage import Stage, open_stage, small_clip
from clipcast.connections.tokens import unseal
from clipcast.database.models.connections import Connection
from clipcast.database.models.posts import Item

ITEMS, ACCOUNTS, CONCURRENCY = 1000, 10, 64
LABEL = "the same requests as bytes on open connections"


@dataclass
class Bare:
    """The rate of bare requests, and the milliseconds of their client's CPU time for an item."""

    items_per_second: float
    cpu: float


async def measure() -> list[Figure]:
    figures = []
    for platform, metadata, bare in (
        ("tiktok", {"privacyLevel": "PUBLIC_TO_EVERYONE"}, bare_tiktok),
        ("youtube", {"title": "A title"}, bare_youtube),
    ):
        with tempfile.TemporaryDirectory() as folder:
            async with open_stage() as stage:
                clip = small_clip(Path(folder))
                ours, cpu = await ours_per_second(stage, platform, metadata, clip)
                other = await run_bare(stage, platform, bare, clip)
                figures += [
                    Figure(f"{platform} items published", ours, "items/s", LABEL, other.items_per_second),
                    Figure(
                        "  CPU time of the worker for an item", cpu, "ms", "the CPU time of bare requests", other.cpu
                    ),
                ]
    return figures


async def ours_per_second(stage: Stage, platform: str, metadata: dict[str, Any], clip: Path) -> tuple[float, float]:
    """Measure items per second, and the milliseconds of the worker's CPU time for each."""
    edits = [await stage.upload(clip) for _ in range(ITEMS // ACCOUNTS)]
    connections = [await stage.connect(platform, f"account{n}") for n in range(ACCOUNTS)]
    targets = [{"connectionId": id, "metadata": {platform: metadata}} for id in connections]
    async with stage.client() as api:
        body = {"videos": [{"editId": edit, "targets": targets} for edit in edits]}
        created = await api.post("/posts", json=body)
        assert created.status_code == 201, created.text
    async with stage.process("worker") as worker:
        while await published(stage) == 0:
            await asyncio.sleep(0.01)
        start, cpu, before = time.perf_counter(), sum(worker.cpu_times()[:2]), await published(stage)
        while (count := await published(stage)) < ITEMS:
            await asyncio.sleep(0.1)
        done, seconds = count - before, time.perf_counter() - start
        return done / seconds, 1000 * (sum(worker.cpu_times()[:2]) - cpu) / done


async def published(stage: Stage) -> int:
    async with stage.installation.database.session() as session:
        query = select(func.count()).where(Item.status == "published")
        return int((await session.execute(query)).scalar_one())


async def run_bare(stage: Stage, platform: str, call: Any, clip: Path) -> Bare:
    content = clip.read_bytes()
    async with stage.installation.database.session() as session:
        rows = (await session.execute(select(Connection.tokens).where(Connection.platform == platform))).scalars()
        tokens = [unseal(stage.installation.vault, sealed).access_token for sealed in rows]
    left = ITEMS

    async def loop(number: int) -> None:
        nonlocal left
        connection = await RawConnection.open(stage.sandbox_url)
        headers = {"Authorization": f"Bearer {tokens[number % len(tokens)]}"}
        while left > 0:
            left -= 1
            await call(connection, stage.sandbox_url, headers, content)
        connection.close()

    start, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(loop(number) for number in range(CONCURRENCY)))
    return Bare(ITEMS / (time.perf_counter() - start), 1000 * (time.process_time() - cpu) / ITEMS)


def as_json(method: str, url: str, headers: dict[str, str], body: Any) -> bytes:
    typed = headers | {"Content-Type": "application/json; charset=UTF-8"}
    return message(method, url, typed, json.dumps(body).encode())


async def bare_tiktok(connection: RawConnection, base: str, headers: dict[str, str], content: bytes) -> None:
    api, size = f"{base}/open.tiktokapis.com/v2/post/publish", len(content)
    await connection.request(as_json("POST", f"{api}/creator_info/query/", headers, {}))
    source = {"source": "FILE_UPLOAD", "video_size": size, "chunk_size": size, "total_chunk_count": 1}
    info = {"privacy_level": "PUBLIC_TO_EVERYONE", "brand_content_toggle": False}
    body = {"post_info": info, "source_info": source}
    data = (await connection.request(as_json("POST", f"{api}/video/init/", headers, body))).json()["data"]
    ranged = {"Content-Range": f"bytes 0-{size - 1}/{size}", "Content-Type": "video/mp4"}
    await connection.request(message("PUT", data["upload_url"].replace("https:/", base), ranged, content))
    body = {"publish_id": data["publish_id"]}
    status = await connection.request(as_json("POST", f"{api}/status/fetch/", headers, body))
    assert status.json()["data"]["status"] == "PUBLISH_COMPLETE", status.content


async def bare_youtube(connection: RawConnection, base: str, headers: dict[str, str], content: bytes) -> None:
    api, size = f"{base}/www.googleapis.com", len(content)
    query = urlencode({"part": "id,snippet,contentDetails,status", "mine": "true"})
    await connection.request(message("GET", f"{api}/youtube/v3/channels?{query}", headers))
    opening = as_json(
        "POST",
        f"{api}/upload/youtube/v3/videos?uploadType=resumable&part=snippet,status",
        headers | {"X-Upload-Content-Length": str(size), "X-Upload-Content-Type": "video/mp4"},
        {"snippet": {"title": "A title"}, "status": {"privacyStatus": "private"}},
    )
    uri = (await connection.request(opening)).header("location").replace("https:/", base)
    ranged = headers | {"Content-Range": f"bytes 0-{size - 1}/{size}", "Content-Type": "video/mp4"}
    video = (await connection.request(message("PUT", uri, ranged, content))).json()
    videos = f"{api}/youtube/v3/videos"
    query = urlencode({"part": "status,processingDetails,snippet,contentDetails", "id": video["id"]})
    await connection.request(message("GET", f"{videos}?{query}", headers))
    body = {"id": video["id"], "status": {"privacyStatus": "public"}}
    await connection.request(as_json("PUT", f"{videos}?part=status", headers, body))
