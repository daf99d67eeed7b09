"""The rate of published items, compared with the same HTTP requests without a database."""

import asyncio
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx2
from sqlalchemy import func, select

from benchmarks.figures import Figure
from benchmarks.stage import Stage, open_stage, small_clip
from clipcast.connections.tokens import unseal
from clipcast.database.models.connections import Connection
from clipcast.database.models.posts import Item
from clipcast.platforms.http import make_client

ITEMS, ACCOUNTS, CONCURRENCY = 1000, 10, 64


async def measure() -> list[Figure]:
    figures = []
    for platform, metadata, bare in (
        ("tiktok", {"privacyLevel": "PUBLIC_TO_EVERYONE"}, bare_tiktok),
        ("youtube", {"title": "A title"}, bare_youtube),
    ):
        with tempfile.TemporaryDirectory() as folder:
            async with open_stage() as stage:
                clip = small_clip(Path(folder))
                ours = await ours_per_second(stage, platform, metadata, clip)
                other = await bare_per_second(stage, platform, bare, clip)
                label = "the same requests by bare httpx2"
                figures.append(Figure(f"{platform} items published", ours, "items/s", label, other))
    return figures


async def ours_per_second(stage: Stage, platform: str, metadata: dict[str, Any], clip: Path) -> float:
    edits = [await stage.upload(clip) for _ in range(ITEMS // ACCOUNTS)]
    connections = [await stage.connect(platform, f"account{n}") for n in range(ACCOUNTS)]
    targets = [{"connectionId": id, "metadata": {platform: metadata}} for id in connections]
    async with stage.client() as api:
        body = {"videos": [{"editId": edit, "targets": targets} for edit in edits]}
        created = await api.post("/posts", json=body)
        assert created.status_code == 201, created.text
    async with stage.process("worker"):
        while await published(stage) == 0:
            await asyncio.sleep(0.01)
        start, before = time.perf_counter(), await published(stage)
        while (count := await published(stage)) < ITEMS:
            await asyncio.sleep(0.1)
        return (count - before) / (time.perf_counter() - start)


async def published(stage: Stage) -> int:
    async with stage.installation.database.session() as session:
        query = select(func.count()).where(Item.status == "published")
        return int((await session.execute(query)).scalar_one())


async def bare_per_second(stage: Stage, platform: str, call: Any, clip: Path) -> float:
    content = clip.read_bytes()
    async with stage.installation.database.session() as session:
        rows = (await session.execute(select(Connection.tokens).where(Connection.platform == platform))).scalars()
        tokens = [unseal(stage.installation.vault, sealed).access_token for sealed in rows]
    left = ITEMS
    async with make_client() as client:

        async def loop(number: int) -> None:
            nonlocal left
            headers = {"Authorization": f"Bearer {tokens[number % len(tokens)]}"}
            while left > 0:
                left -= 1
                await call(client, stage.sandbox_url, headers, content)

        start = time.perf_counter()
        await asyncio.gather(*(loop(number) for number in range(CONCURRENCY)))
        return ITEMS / (time.perf_counter() - start)


async def bare_tiktok(client: httpx2.AsyncClient, base: str, headers: dict[str, str], content: bytes) -> None:
    api, size = f"{base}/open.tiktokapis.com/v2/post/publish", len(content)
    await client.post(f"{api}/creator_info/query/", headers=headers)
    source = {"source": "FILE_UPLOAD", "video_size": size, "chunk_size": size, "total_chunk_count": 1}
    info = {"privacy_level": "PUBLIC_TO_EVERYONE", "brand_content_toggle": False}
    response = await client.post(f"{api}/video/init/", json={"post_info": info, "source_info": source}, headers=headers)
    data = response.json()["data"]
    ranged = {"Content-Range": f"bytes 0-{size - 1}/{size}", "Content-Type": "video/mp4"}
    await client.put(data["upload_url"].replace("https:/", base), content=content, headers=ranged)
    body = {"publish_id": data["publish_id"]}
    status = await client.post(f"{api}/status/fetch/", json=body, headers=headers)
    assert status.json()["data"]["status"] == "PUBLISH_COMPLETE", status.text


async def bare_youtube(client: httpx2.AsyncClient, base: str, headers: dict[str, str], content: bytes) -> None:
    api, size = f"{base}/www.googleapis.com", len(content)
    params = {"part": "id,snippet,contentDetails,status", "mine": "true"}
    await client.get(f"{api}/youtube/v3/channels", params=params, headers=headers)
    session = await client.post(
        f"{api}/upload/youtube/v3/videos?uploadType=resumable&part=snippet,status",
        json={"snippet": {"title": "A title"}, "status": {"privacyStatus": "private"}},
        headers=headers | {"X-Upload-Content-Length": str(size), "X-Upload-Content-Type": "video/mp4"},
    )
    ranged = headers | {"Content-Range": f"bytes 0-{size - 1}/{size}", "Content-Type": "video/mp4"}
    uri = session.headers["location"].replace("https:/", base)
    video = (await client.put(uri, content=content, headers=ranged)).json()
    videos = f"{api}/youtube/v3/videos"
    params = {"part": "status,processingDetails,snippet,contentDetails", "id": video["id"]}
    await client.get(videos, params=params, headers=headers)
    body = {"id": video["id"], "status": {"privacyStatus": "public"}}
    done = await client.put(videos, params={"part": "status"}, json=body, headers=headers)
    assert done.status_code == 200, done.text
