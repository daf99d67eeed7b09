"""The whole installation behind PgBouncer in transaction mode, and its effect on other clients."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import text

from clipcast.common.settings import load
from clipcast.common.vault import Vault
from clipcast.database import Database
from clipcast.database.hot_queries import Statement
from clipcast.database.migrate import upgrade
from clipcast.installation import Installation
from clipcast.jobs.wake import CHANNEL
from clipcast.storage import Storage
from clipcast.testing.case import Case
from clipcast.testing.harness import Sandbox, Stage
from tests.conformance import bluesky, tiktok, youtube
from tests.database.servers import PASSWORD, TcpServer, needs_pgbouncer, pgbouncer

pytestmark = needs_pgbouncer
ECHO = Statement("SELECT CAST(:number AS int) AS number, CAST(:content AS jsonb) AS content")


@pytest.fixture
async def pooled(primary: TcpServer, folder: Path) -> AsyncIterator[str]:
    """Start a pooler with three connections to the server, and yield its URL."""
    async with pgbouncer(folder / "pgbouncer", primary.port) as port:
        yield f"postgresql://clipcast:{PASSWORD}@127.0.0.1:{port}/postgres"


@pytest.fixture
async def installation(pooled: str, sandbox: Sandbox, tmp_path: Path) -> AsyncIterator[Installation]:
    database = Database(pooled)
    await upgrade(database)
    settings = load({}, data_dir=tmp_path, sandbox_url=sandbox.url, public_url="http://127.0.0.1:8000")
    yield Installation(settings, database, Storage(None, tmp_path), Vault(["k" * 32]), None)
    await database.close()


async def hundred_of_each(database: Database) -> None:
    async def hot(number: int) -> None:
        [row] = await database.hot_pool.fetch(ECHO, {"number": number, "content": '{"a": [1]}'})
        assert (row["number"], row["content"]) == (number, {"a": [1]})

    async def other(number: int) -> None:
        async with database.begin() as session:
            for _ in range(3):
                found = await session.execute(text("SELECT CAST(:number AS int)"), {"number": number})
                assert found.scalar_one() == number

    await asyncio.gather(*(act(number) for number in range(100) for act in (hot, other)))


async def test_pooler_in_transaction_mode_is_detected_and_runs_every_statement(pooled: str, primary: TcpServer) -> None:
    first, second = Database(pooled), Database(pooled)  # two processes share the pooler's connections
    assert await first.connector.shares_sessions()
    await asyncio.gather(hundred_of_each(first), hundred_of_each(second))
    await first.close()
    await second.close()
    straight = Database(primary.url)
    assert not await straight.connector.shares_sessions()
    await straight.close()


async def test_configured_pooler_mode_skips_the_detection(pooled: str) -> None:
    named = Database(pooled, pooler="transaction")
    await hundred_of_each(named)
    await named.close()


async def test_settings_of_a_session_do_not_reach_other_clients(pooled: str) -> None:
    names = ("enable_seqscan", "plan_cache_mode", "statement_timeout", "lock_timeout", "jit", "synchronous_commit")
    look = "SELECT " + ", ".join(f"current_setting('{name}')" for name in names)

    async def seen() -> set[tuple[str, ...]]:
        clients = [await asyncpg.connect(pooled, statement_cache_size=0) for _ in range(6)]
        rows = await asyncio.gather(*(client.fetchrow(f"{look} FROM pg_sleep(0.05)") for client in clients))
        for client in clients:
            await client.close()
        return {tuple(row) for row in rows}

    before = await seen()
    database = Database(pooled)
    await upgrade(database)
    await hundred_of_each(database)
    assert await seen() == before
    await database.close()


async def test_migrations_and_notifications_use_the_direct_url(pooled: str, primary: TcpServer) -> None:
    database = Database(pooled, direct_url=primary.url)
    async with database.maintain() as connection:
        assert (await connection.execute(text("SELECT inet_server_port()"))).scalar_one() == primary.port
        backend = (await connection.execute(text("SELECT pg_backend_pid()"))).scalar_one()
        raw = await connection.get_raw_connection()
        assert raw.driver_connection.get_server_pid() == backend
    heard = asyncio.Event()
    listening = await database.connect_for_notifications()
    await listening.add_listener(CHANNEL, lambda *_: heard.set())
    async with database.begin() as session:
        await session.execute(text(f"NOTIFY {CHANNEL}"))
    await asyncio.wait_for(heard.wait(), 60)
    await listening.close()
    await database.close()
    without = Database(pooled)
    assert await without.connect_for_notifications() is None
    await without.close()


@pytest.mark.parametrize("case", [tiktok.CASE, youtube.CASE, bluesky.CASE], ids=lambda case: case.platform)
async def test_publishing_behind_a_pooler_makes_one_video(stage: Stage, case: Case) -> None:
    connection = await case.connect(stage)
    post_ids = await asyncio.gather(*(stage.post(connection, case.platform, case.metadata) for _ in range(4)))
    workers = [stage.worker, stage.new_worker()]
    for _ in range(3):
        await asyncio.gather(*(worker.run_due() for worker in workers))
    await stage.run_until_ended()
    assert [(await stage.item(post_id))["status"] for post_id in post_ids] == ["published"] * 4
    assert len(await stage.sandbox.posts(case.platform)) == 4
    await workers[1].close()


async def test_worker_without_notifications_polls(stage: Stage) -> None:
    connection = await tiktok.CASE.connect(stage)
    stop, worker = asyncio.Event(), stage.new_worker()
    running = asyncio.create_task(worker.run(stop))
    post_id = await stage.post(connection, "tiktok", tiktok.CASE.metadata)
    async with asyncio.timeout(30):
        while (await stage.item(post_id))["status"] != "published":
            await asyncio.sleep(0.05)
    stop.set()
    await running
