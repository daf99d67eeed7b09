"""Workers whose database stalls, loses responses, has no free connection, or has declared them dead."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import asyncpg
import pytest

from clipcast.clock import clock
from clipcast.database import Database, hot_queries
from clipcast.database.embedded import EmbeddedServer
from clipcast.database.hot_queries import Statement
from clipcast.jobs import supervision
from clipcast.jobs import worker as worker_module
from clipcast.jobs.claimed import HEARTBEAT as BEAT_EVERY
from clipcast.jobs.claimed import LEASE
from clipcast.jobs.engines import rows
from clipcast.jobs.journal import WRITE
from clipcast.jobs.queue import CLAIM
from clipcast.jobs.workers import HEARTBEAT, reclaim_expired
from clipcast.publishing.worker import Worker
from clipcast.testing.harness import Stage, running
from clipcast.testing.loop_time import move_loop_time
from tests.tcp_proxy import TcpProxy, tcp_proxy

METADATA = {"title": "Tide", "privacyLevel": "PUBLIC_TO_EVERYONE"}


@pytest.fixture(autouse=True)
def no_exit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the process, which is that of the tests, when a watchdog ends it."""
    monkeypatch.setattr(supervision, "end_process", lambda: None)


def worker_at(stage: Stage, database: Database) -> Worker:
    return Stage(replace(stage.installation, database=database), stage.caller, stage.sandbox, stage.clip).worker


@asynccontextmanager
async def through_proxy(server: EmbeddedServer) -> AsyncIterator[tuple[Database, TcpProxy]]:
    socket = server._socket_dir() / ".s.PGSQL.5432"
    async with tcp_proxy(socket) as proxy:
        password = quote(server._password_file.read_text())
        database = Database(f"postgresql://clipcast:{password}@127.0.0.1:{proxy.port}/postgres", pooler="none")
        yield database, proxy
        proxy.restore()
        await database.close()


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(10**6):  # the loop's time is moved
        while not await condition():
            await asyncio.sleep(0.02)


async def published(stage: Stage, post_id: str) -> None:
    async def is_published() -> bool:
        return (await stage.item(post_id))["status"] == "published"

    await until(is_published)


def is_outcome(statement: Statement) -> bool:
    return "UPDATE jobs SET" in statement.named and "worker_id = NULL" in statement.named and "held" in statement.named


STALLS: dict[str, Callable[[Statement], bool]] = {
    "heartbeat": lambda one: one is HEARTBEAT,
    "claim": lambda one: one is CLAIM,
    "journal": lambda one: one is WRITE,
    "outcome": is_outcome,
}


@pytest.mark.parametrize("lost", ["request", "response"])
@pytest.mark.parametrize("name", STALLS)
async def test_worker_whose_database_stalls_publishes_nothing_twice(
    stage: Stage, server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch, name: str, lost: str
) -> None:
    """Stall at a statement, before or after its commit, until another worker has ended the item. Then go on.

    The statement that was sent arrives late, and changes nothing. The worker gets another id and publishes the next.
    """
    stalled, original = asyncio.Event(), hot_queries._fetch
    begun = asyncio.Event()

    async def fetch(connection: Any, statement: Statement, arguments: list[Any]) -> list[asyncpg.Record]:
        if STALLS[name](statement) and begun.is_set() and not stalled.is_set():
            (proxy.hang if lost == "request" else proxy.hang_responses)()
            stalled.set()
        return await original(connection, statement, arguments)

    async with through_proxy(server) as (database, proxy), running(worker_at(stage, database)) as worker:
        connection, edit = await stage.connect("tiktok"), await stage.caller.upload(stage.clip)
        warm_up = await stage.post(connection, "tiktok", METADATA, edit)
        await published(stage, warm_up)
        former = worker.slots.lease.id
        await stage.sandbox.fault("tiktok", "chunk", "after", "delay", seconds=3)
        monkeypatch.setattr(hot_queries, "_fetch", fetch)
        begun.set()
        post_id = await stage.post(connection, "tiktok", METADATA, edit)
        await stalled.wait()
        for _ in range(30):
            move_loop_time(0.5)
            clock.move(timedelta(seconds=0.5))
            await asyncio.sleep(0.01)
        await reclaim_expired(stage.installation.database)
        await stage.run_until_ended()
        assert (await stage.item(post_id))["status"] == "published"
        row = await stage.row(post_id)
        proxy.restore()

        async def has_another_id() -> bool:
            move_loop_time(0.1)
            return worker.slots.lease.id != former

        await until(has_another_id)
        last = await stage.post(connection, "tiktok", METADATA, edit)
        await published(stage, last)
        assert len(await stage.sandbox.posts("tiktok")) == 3
        assert (await stage.row(post_id)).updated_at == row.updated_at


async def test_jobs_of_a_claim_whose_response_was_lost_run_once(
    stage: Stage, server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lose the response alone: the worker lives on, and its heartbeat releases the jobs that it does not know."""
    lost, beaten, original = asyncio.Event(), asyncio.Event(), hot_queries._fetch

    async def fetch(connection: Any, statement: Statement, arguments: list[Any]) -> list[asyncpg.Record]:
        found = await original(connection, statement, arguments)
        if statement is CLAIM and found and not lost.is_set():
            lost.set()
            connection.terminate()
            raise ConnectionResetError
        if statement is HEARTBEAT:
            beaten.set()
        return found

    monkeypatch.setattr(hot_queries, "_fetch", fetch)
    connection, edit = await stage.connect("tiktok"), await stage.caller.upload(stage.clip)
    posts = [await stage.post(connection, "tiktok", METADATA, edit) for _ in range(3)]
    async with running(stage.new_worker()) as worker:
        former = worker.slots
        await lost.wait()
        lease = former.lease.id
        for _ in range(LEASE // BEAT_EVERY + 1):
            beaten.clear()
            move_loop_time(BEAT_EVERY.total_seconds())
            clock.move(BEAT_EVERY)
            await beaten.wait()
        for post_id in posts:
            await published(stage, post_id)
        assert worker.slots.lease.id == lease
    assert len(await stage.sandbox.posts("tiktok")) == 3
    assert {(await stage.job(post_id)).crash_count for post_id in posts} == {0}


async def test_worker_that_was_declared_dead_listens_and_claims_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without polls: only a notification on its new channel can wake it."""
    connection, edit = await stage.connect("tiktok"), await stage.caller.upload(stage.clip)
    database = stage.installation.database
    async with running(worker_at(stage, database)) as worker:
        await published(stage, await stage.post(connection, "tiktok", METADATA, edit))
        former = worker.slots.lease.id
        monkeypatch.setattr(rows, "POLL", timedelta(days=1))
        await reclaim_expired(database, former)
        move_loop_time(3)

        async def listens() -> bool:
            query = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN%clipcast_' || $1 || '%'"
            raw = await database.connector.connect()
            try:
                return worker.slots.lease.id != former and bool(await raw.fetchval(query, str(worker.slots.lease.id)))
            finally:
                raw.terminate()

        await until(listens)
        await published(stage, await stage.post(connection, "tiktok", METADATA, edit))
    assert len(await stage.sandbox.posts("tiktok")) == 2


async def all_connections(database: Database) -> list[Any]:
    """Open connections until the server has no more."""
    taken: list[Any] = []
    try:
        while True:
            taken.append(await database.connector.connect())
    except asyncpg.TooManyConnectionsError:
        return taken


async def test_worker_waits_for_a_database_without_free_connections(stage: Stage, server: EmbeddedServer) -> None:
    post_id = await stage.post(await stage.connect("tiktok"), "tiktok", METADATA)
    taken = await all_connections(stage.installation.database)
    database = Database(server.acquire())
    async with running(worker_at(stage, database)) as worker:
        await asyncio.sleep(0.3)
        assert worker.slots._lease is None
        for one in taken:
            one.terminate()
        await published(stage, post_id)
    await database.close()
    assert len(await stage.sandbox.posts("tiktok")) == 1


async def test_engine_that_fails_is_logged_and_goes_on(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    calls, original = [], rows.claim

    async def claim(*arguments: Any) -> Any:
        calls.append(1)
        if len(calls) <= 2:
            raise RuntimeError("a bug")
        return await original(*arguments)

    logged: list[str] = []
    monkeypatch.setattr(worker_module.log, "exception", lambda event, **_: logged.append(event))
    monkeypatch.setattr(rows, "claim", claim)
    async with running(stage.new_worker()):
        await published(stage, await stage.post(await stage.connect("tiktok"), "tiktok", METADATA))
    assert logged == ["engine_failed", "engine_failed"]
