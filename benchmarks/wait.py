"""What waiting costs: callers of `?wait=` and open pages, and how long an answer takes after the commit."""

import asyncio
import os
import time
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

import httpx2
import psutil
from sqlalchemy import ARRAY, Uuid, bindparam, text, update

from benchmarks.figures import Figure, percentile
from benchmarks.raw_http import RawConnection
from benchmarks.stage import Stage, cpu, open_stage, small_clip
from clipcast.clock import clock
from clipcast.common.timestamps import format_timestamp
from clipcast.database.changes import tell
from clipcast.database.models.posts import Item

WAITING, CHANGED, PAGES = 500, 200, 50
# Seconds: less than the server's keep-alive timeout, and enough for steps of 10 ms.
IDLE_WINDOW, WINDOW = 4.0, 20.0
# What each open page asked once a second before pages shared a listener.
PREVIOUS = text("""
    SELECT (SELECT id FROM posts WHERE workspace_id = :workspace_id ORDER BY id DESC LIMIT 1),
           (SELECT row(count(*), max(updated_at)) FROM items WHERE post_id = ANY(:ids)),
           (SELECT max(updated_at) FROM posts WHERE id = ANY(:ids)),
           (SELECT array_agg(row(renditions.status, renditions.progress) ORDER BY items.id)
            FROM items JOIN renditions ON renditions.id = items.rendition_id WHERE items.post_id = ANY(:ids)),
           (SELECT row(count(*), max(updated_at)) FROM connections WHERE workspace_id = :workspace_id),
           (SELECT row(count(*), max(created_at)) FROM clips WHERE workspace_id = :workspace_id AND status = 'ready'),
           (SELECT count(*) FROM renders WHERE workspace_id = :workspace_id),
           (SELECT row(count(*), count(started_at), count(completed_at), max(completed_at), sum(progress))
            FROM renditions WHERE workspace_id = :workspace_id)
""").bindparams(bindparam("ids", type_=ARRAY(Uuid)), bindparam("workspace_id", type_=Uuid()))
BACKENDS = text("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'")


async def measure() -> list[Figure]:
    with TemporaryDirectory() as folder:
        async with open_stage() as stage, AsyncExitStack() as stack:
            posts = await _posts(stage, Path(folder))
            before = await _backends(stage)
            await _idle(stage, stack)
            idle_cpu = await _used(stage, IDLE_WINDOW)
            waiting = await _waiting(stage, stack, posts)
            waiting_cpu = await _used(stage, WINDOW)
            backends = await _backends(stage)
            bare, answers = await _latency(stage, posts, waiting)
            pages, previous = await _pages(stage, stack, posts)
    label = f"{WAITING} idle keep-alive connections"
    once = "the former query by each page, once a second"
    get = "GET of a post"
    return [
        Figure(f"{WAITING} callers of ?wait=60: API, CPU", waiting_cpu[0], "ms/s", label, idle_cpu[0]),
        Figure("  PostgreSQL, CPU", waiting_cpu[1], "ms/s", label, idle_cpu[1]),
        Figure("  connections to PostgreSQL", backends, "", "before they wait", before),
        Figure("  commit to answer, p50", percentile(answers, 0.5), "ms", get, percentile(bare, 0.5)),
        Figure("  commit to answer, p99", percentile(answers, 0.99), "ms", get, percentile(bare, 0.99)),
        Figure(f"{PAGES} open pages: CPU without PostgreSQL", pages[0], "ms/s", once, previous[0]),
        Figure("  PostgreSQL, CPU", pages[1], "ms/s", once, previous[1]),
    ]


async def _posts(stage: Stage, folder: Path) -> list[str]:
    """Create posts that no worker runs."""
    edit, connection = await stage.upload(small_clip(folder)), await stage.connect("youtube", "channel")
    target = {"connectionId": connection, "metadata": {"youtube": {"title": "A title"}}}
    at = format_timestamp(clock.now() + timedelta(days=300))
    body = {"videos": [{"editId": edit, "targets": [target]}], "scheduled_at": at}
    async with stage.client() as api:
        made = [await api.post("/posts", json=body) for _ in range(WAITING)]
    return [one.json()["post_id"] for one in made]


async def _backends(stage: Stage) -> float:
    async with stage.installation.database.connect() as connection:
        return float((await connection.execute(BACKENDS)).scalar_one())


def _message(stage: Stage, path: str, headers: str) -> bytes:
    host = stage.api_url.partition("://")[2]
    return f"GET {path} HTTP/1.1\r\nHost: {host}\r\n{headers}\r\n".encode()


async def _idle(stage: Stage, stack: AsyncExitStack) -> None:
    """Open connections that have had a response and stay open."""
    for _ in range(WAITING):
        connection = await RawConnection.open(stage.api_url)
        stack.callback(connection.close)
        await connection.request(_message(stage, "/healthz", ""))


async def _used(stage: Stage, seconds: float, process: psutil.Process | None = None) -> tuple[float, float]:
    """Return the CPU time of the API, or of another process, and of PostgreSQL, in ms a second."""
    measured = process or stage.api
    assert measured is not None
    start, of_api, of_database = time.perf_counter(), cpu(measured), stage.database_cpu()
    await asyncio.sleep(seconds)
    taken = time.perf_counter() - start
    return 1000 * (cpu(measured) - of_api) / taken, 1000 * (stage.database_cpu() - of_database) / taken


async def _waiting(stage: Stage, stack: AsyncExitStack, posts: list[str]) -> list[asyncio.Task[float]]:
    """Send a request for each post that waits, and return the tasks that end with the time of their answer.

    They are sent one by one: a burst would leave more connections in the pools.
    """

    async def wait(post_id: str) -> float:
        connection = await RawConnection.open(stage.api_url)
        stack.callback(connection.close)
        path = f"/api/v1/posts/{post_id}?wait=60"
        await connection.request(_message(stage, path, f"X-Api-Key: {stage.key}\r\n"))
        return time.perf_counter()

    tasks = []
    for post_id in posts:
        tasks.append(asyncio.create_task(wait(post_id)))
        await asyncio.sleep(0.01)
    await asyncio.sleep(2)
    return tasks


async def _latency(
    stage: Stage, posts: list[str], waiting: list[asyncio.Task[float]]
) -> tuple[list[float], list[float]]:
    """Return the ms of plain requests, and those from a commit to the answer of the one who waits for it."""
    database, bare, answers = stage.installation.database, [], []
    connection = await RawConnection.open(stage.api_url)
    key = f"X-Api-Key: {stage.key}\r\n"
    for post_id in posts[-CHANGED:]:
        start = time.perf_counter()
        await connection.request(_message(stage, f"/api/v1/posts/{post_id}", key))
        bare.append(1000 * (time.perf_counter() - start))
    connection.close()
    for post_id, answer in list(zip(posts, waiting, strict=True))[:CHANGED]:
        async with database.begin() as session:
            changed = update(Item).where(Item.post_id == UUID(post_id)).values(status="failed").returning(Item.id)
            tell(session, *await session.scalars(changed))
        committed = time.perf_counter()
        answers.append(1000 * (await answer - committed))
    assert not any(one.done() for one in waiting[CHANGED:])
    return bare, answers


async def _pages(
    stage: Stage, stack: AsyncExitStack, posts: list[str]
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return the CPU time of open pages, and that of the queries that they once sent."""
    form = {
        "name": "A Person", "email": "a@example.org", "password": "copper-lantern-47-orchid", "workspace": "Pages",
        "code": stage.installation.vault.setup_code(),
    }  # fmt: skip
    async with httpx2.AsyncClient(base_url=stage.api_url, trust_env=False, timeout=60) as browser:
        signed_in = await browser.post("/setup", data=form, headers={"Sec-Fetch-Site": "same-origin"})
        base = signed_in.headers["location"]
        [cookie] = [f"{name}={value}" for name, value in browser.cookies.items() if name.endswith("_session")]
    host = stage.api_url.partition("://")[2].split(":")
    for _ in range(PAGES):
        reader, writer = await asyncio.open_connection(host[0], int(host[1]))
        stack.callback(writer.close)
        writer.write(_message(stage, f"{base}/events?posts={','.join(posts[:20])}", f"Cookie: {cookie}\r\n"))
        assert b"200" in await reader.readline()
    await asyncio.sleep(2)
    pages = await _used(stage, WINDOW)
    values = {"workspace_id": UUID(base.rsplit("/", 1)[1]), "ids": [UUID(post) for post in posts[:20]]}

    async def ask() -> None:
        while True:
            async with stage.installation.database.connect() as connection:
                (await connection.execute(PREVIOUS, values)).one()
            await asyncio.sleep(1)

    asking = [asyncio.create_task(ask()) for _ in range(PAGES)]
    await asyncio.sleep(2)
    previous = await _used(stage, WINDOW, psutil.Process(os.getpid()))
    for task in asking:
        task.cancel()
    await asyncio.gather(*asking, return_exceptions=True)
    return pages, previous
