"""Webhooks: deliveries a second beside the same requests by the bare client, beside a dead webhook, and the delay."""

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import httpx2
from sqlalchemy import text
from yarl import URL

from benchmarks.figures import Figure, percentile
from benchmarks.stage import Stage, cpu, open_stage, small_clip
from clipcast.audit.service import Actor
from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.jobs.wake import wake_router
from clipcast.platforms.transport import HttpClient
from clipcast.testing.harness import free_port, some_day
from clipcast.webhooks.run import AT_ONCE
from clipcast.webhooks.schemas import CreateWebhook
from clipcast.webhooks.service import create_webhook

EVENTS, ITEMS, LONE = 10_000, 100, 200
LABEL = f"the same requests by the bare client, {AT_ONCE} at a time"
METADATA = {"tiktok": {"privacyLevel": "PUBLIC_TO_EVERYONE"}}
# Events of real items, whose bodies hold the items as the API shows them.
ADD = text("""
    INSERT INTO events (id, workspace_id, type, subject_id, post_id, item_id, connection_id, data, created_at)
    SELECT gen_random_uuid(), workspace_id, 'item.needs_action', items.id, post_id, items.id, connection_id,
           item_facts(items) || '{"reason": "reconnect"}', clock_timestamp()
    FROM generate_series(1, :rounds) AS turn, items ORDER BY turn, items.id
""")
ONE = text("UPDATE items SET status = :status, updated_at = :now WHERE id = :id")
BODIES = text("SELECT body FROM events WHERE body IS NOT NULL LIMIT :number")
RECEIVER = "benchmarks.webhook_receiver"


async def measure() -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        async with open_stage() as stage, receiver() as healthy:
            stage.environ["CLIPCAST_WEBHOOK_HOSTS"] = "127.0.0.1"
            items = await make_items(stage, Path(folder))
            await add_webhook(stage, healthy)
            async with stage.process("worker") as worker:
                await asyncio.sleep(4)  # start-up is not measured
                delays = [await delay_of(stage, healthy, items[number % ITEMS]) for number in range(LONE)]
                before = cpu(worker), stage.database_cpu()
                rate = await rate_of(stage, healthy)
                worker_cpu, database_cpu = cpu(worker) - before[0], stage.database_cpu() - before[1]
                async with dead() as silent:
                    await add_webhook(stage, silent)
                    beside = await rate_of(stage, healthy)
            bare = await bare_rate(stage, healthy)
    return [
        Figure(f"{EVENTS} events to a webhook", rate, "events/s", LABEL, bare),
        Figure("  beside a webhook that never responds", beside, "events/s", "alone", rate),
        Figure("  CPU time for an event: worker", 1000 * worker_cpu / EVENTS, "ms"),
        Figure("  CPU time for an event: PostgreSQL", 1000 * database_cpu / EVENTS, "ms"),
        Figure("idle, from the change to its receipt: p50", 1000 * percentile(delays, 0.5), "ms"),
        Figure("  p99", 1000 * percentile(delays, 0.99), "ms"),
    ]


async def make_items(stage: Stage, folder: Path) -> list[UUID]:
    """Create scheduled posts of one item each, and return their items."""
    edit, connection = await stage.upload(small_clip(folder)), await stage.connect("tiktok", "account")
    videos = [{"editId": edit, "targets": [{"connectionId": connection, "metadata": METADATA}]}]
    async with stage.client() as api:
        for _ in range(ITEMS):
            made = await api.post("/posts", json={"videos": videos, "scheduled_at": f"{some_day()}T18:00:00Z"})
            assert made.status_code == 201, made.text
    async with stage.installation.database.session() as session:
        return list(await session.scalars(text("SELECT id FROM items")))


async def add_webhook(stage: Stage, url: str) -> None:
    settings = stage.installation.settings.model_copy(update={"webhook_hosts": ("127.0.0.1",)})
    installation = replace(stage.installation, settings=settings)
    actor = Actor("command", new_id(), "bench", "")
    async with stage.installation.database.begin() as session:
        types = ["item.needs_action", "item.failed"]
        body = CreateWebhook(url=url, events=types)  # type: ignore[arg-type]
        await create_webhook(installation, session, UUID(stage.workspace_id), body, actor)


async def rate_of(stage: Stage, url: str) -> float:
    """Return the events a second from their commit to the last receipt."""
    before, _ = await received(url)
    async with stage.installation.database.begin() as session:
        await session.execute(ADD, {"rounds": EVENTS // ITEMS})
        wake_router(session)
    began = time.monotonic()
    while (await received(url))[0] < before + EVENTS:
        await asyncio.sleep(0.1)
    return EVENTS / (time.monotonic() - began)


async def delay_of(stage: Stage, url: str, item: UUID) -> float:
    """Return the seconds from the commit of an item's failure to the receipt of its event."""
    before, _ = await received(url)
    for status in ("processing", "failed"):
        async with stage.installation.database.begin() as session:
            await session.execute(ONE, {"id": item, "status": status, "now": clock.now()})
            wake_router(session)
    committed = time.time()
    while (found := await received(url))[0] == before:
        await asyncio.sleep(0.02)
    return found[1] - committed


async def bare_rate(stage: Stage, url: str) -> float:
    """Return the requests a second of the HTTP client with the same bodies."""
    async with stage.installation.database.session() as session:
        bodies = [body.encode() for body in await session.scalars(BODIES, {"number": EVENTS})]
    left = iter(bodies)
    async with HttpClient() as client:

        async def send() -> None:
            for body in left:
                response = await client.send("POST", URL(url), {"content-type": "application/json"}, body)
                response.close()

        began = time.monotonic()
        await asyncio.gather(*(send() for _ in range(AT_ONCE)))
        return len(bodies) / (time.monotonic() - began)


async def received(url: str) -> tuple[int, float]:
    """Return the number of requests, and when the last one arrived."""
    async with httpx2.AsyncClient(trust_env=False) as client:
        count, last = json.loads((await client.get(url)).content)
    return count, last


@asynccontextmanager
async def receiver() -> AsyncIterator[str]:
    """Run a receiver in a process of its own. Yield its URL."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", RECEIVER, str(port))
    try:
        await asyncio.sleep(1)
        yield f"http://127.0.0.1:{port}/"
    finally:
        process.terminate()
        await process.wait()


@asynccontextmanager
async def dead() -> AsyncIterator[str]:
    """Accept connections and never respond. Yield the URL."""

    async def ignore(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(65536):
            pass
        writer.close()

    server = await asyncio.start_server(ignore, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    finally:
        server.close()
