"""The rate of POST /posts with 8 targets, compared with an endpoint that only inserts the same rows."""

import asyncio
import json
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import uvicorn
from sqlalchemy import insert
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from benchmarks.figures import Figure, percentile
from benchmarks.raw_http import hammer
from benchmarks.stage import Stage, open_stage, small_clip, until_ready
from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.common.timestamps import format_timestamp
from clipcast.database.models.posts import Item, Post
from clipcast.testing.harness import free_port

TARGETS, CALLERS, REQUESTS = 8, 32, 2000


async def measure() -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        async with open_stage() as stage:
            edit = await stage.upload(small_clip(Path(folder)))
            connections = [await stage.connect("youtube", f"channel{n}") for n in range(TARGETS)]
            metadata = {"youtube": {"title": "A title", "description": "A description", "tags": ["one", "two"]}}
            targets = [{"connectionId": id, "metadata": metadata} for id in connections]
            # The posts are scheduled, so that no worker competes for the CPU.
            body = {
                "videos": [{"editId": edit, "targets": targets}],
                "scheduled_at": format_timestamp(clock.now() + timedelta(days=300)),
            }
            ours = await rate(stage.api_url + "/api/v1/posts", body, {"X-Api-Key": stage.key})
            bare = await rate_of_bare(stage, body)
    label = "an endpoint that only inserts the rows"
    return [
        Figure(f"POST /posts with {TARGETS} targets, {CALLERS} callers", ours[0], "req/s", label, bare[0]),
        Figure("  p50", ours[1], "ms", label, bare[1]),
        Figure("  p99", ours[2], "ms", label, bare[2]),
    ]


async def rate(url: str, body: dict[str, Any], headers: dict[str, str]) -> tuple[float, float, float]:
    """Measure requests per second, and the p50 and p99 of a request in ms."""
    content = json.dumps(body).encode()
    await hammer(url, content, headers, CALLERS, 200)
    start = time.perf_counter()
    seconds = await hammer(url, content, headers, CALLERS, REQUESTS)
    taken = time.perf_counter() - start
    return REQUESTS / taken, 1000 * percentile(seconds, 0.5), 1000 * percentile(seconds, 0.99)


async def rate_of_bare(stage: Stage, body: dict[str, Any]) -> tuple[float, float, float]:
    """Measure an endpoint in its own process that inserts the same rows without any check."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.bare_insert", str(port),
        stage.installation.database.url, stage.workspace_id,
    )  # fmt: skip
    try:
        url = f"http://127.0.0.1:{port}/"
        await until_ready(url)
        return await rate(url, body, {})
    finally:
        process.terminate()
        await process.wait()


def bare_app(database: Any, workspace_id: str) -> Starlette:
    async def create(request: Request) -> JSONResponse:
        body = await request.json()
        now, post_id = clock.now(), new_id()
        async with database.connect() as connection:
            row = {"id": post_id, "workspace_id": workspace_id, "created_at": now, "updated_at": now}
            await connection.execute(insert(Post), [row])
            [video] = body["videos"]
            items = [
                {
                    "id": new_id(),
                    "workspace_id": workspace_id,
                    "post_id": post_id,
                    "position": position,
                    "edit_id": video["editId"],
                    "connection_id": target["connectionId"],
                    "platform": "youtube",
                    "details": target["metadata"]["youtube"],
                    "status": "pending",
                    "created_at": now,
                    "updated_at": now,
                }
                for position, target in enumerate(video["targets"])
            ]
            await connection.execute(insert(Item), items)
        return JSONResponse({"post_id": str(post_id)}, 201)

    async def alive(request: Request) -> JSONResponse:
        return JSONResponse({})

    return Starlette(routes=[Route("/", create, methods=["POST"]), Route("/", alive)])


def serve_bare(app: Starlette, port: int) -> None:
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", access_log=False)
