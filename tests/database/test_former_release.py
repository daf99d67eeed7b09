"""Processes of the release before, beside those of this one: its workers do nothing more, and its API still works."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from sqlalchemy import text

from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.common.unavailable import DatabaseUnavailable
from clipcast.database import Database
from clipcast.database.embedded import EmbeddedServer
from clipcast.database.hot_queries import Statement
from clipcast.database.models.jobs import JobState
from clipcast.jobs.journal import Journal
from clipcast.jobs.queue import promote
from clipcast.jobs.timeline import Timeline
from clipcast.jobs.versions import Program
from clipcast.platforms.registry import PLATFORMS
from clipcast.testing.crash_injection import Killed, killed_at
from clipcast.testing.harness import Stage
from tests.database import former_release as former
from tests.database.databases import new_database

METADATA = {"title": "Tide", "privacyLevel": "PUBLIC_TO_EVERYONE"}
LEASE = timedelta(seconds=8)


@pytest.fixture
async def database(server: EmbeddedServer) -> AsyncIterator[Database]:
    """Make a database for the test alone, because other tests need the current form of theirs."""
    async with new_database(server) as database:
        yield database


async def send(stage: Stage, statement: Statement, /, **values: Any) -> list[Any]:
    return await former.send(stage.installation.database, statement, **values)


async def claimed_by_former_worker(stage: Stage) -> tuple[str, dict[str, Any]]:
    """Have a worker of the release before run an item while the database is migrated. Return the post and the claim."""
    database = stage.installation.database
    post_id = await stage.post(await stage.connect("tiktok"), "tiktok", METADATA)
    async with former.former_form(database):
        until = clock.now() + LEASE
        [claim] = await former.send(database, former.CLAIM, until=until, limit=4, candidates=12)
    return post_id, {"item_id": claim["id"], "fence": claim["fence"]}


ENTRY = {
    "round": 0, "name": "publish", "result": None, "intended_at": None, "finished_at": None, "publishes": True,
    "stage": "uploading", "progress": 50,
}  # fmt: skip


async def test_former_worker_loses_its_jobs_and_claims_nothing(stage: Stage) -> None:
    """Each of its writes finds no row, which means to it that its lease is lost: it sends nothing more."""
    post_id, claim = await claimed_by_former_worker(stage)
    until = clock.now() + LEASE
    assert await send(stage, former.WRITE, **claim, **ENTRY) == []
    assert await send(stage, former.WITHDRAW, **claim, **ENTRY) == []
    assert await send(stage, former.END, **claim, until=until) == []
    assert await send(stage, former.EXTEND, ids=[claim["item_id"]], fences=[claim["fence"]], until=until) == []
    later = clock.now() + timedelta(days=1)
    assert await send(stage, former.CLAIM, now=later, until=until, limit=4, candidates=12) == []
    clock.move(LEASE)
    await stage.run_until_ended()
    # Neither does it after the item has run under the new release, whose fencing tokens go on from its own.
    for fence in range(5):
        write = claim | {"fence": fence}
        assert await send(stage, former.END, **write, until=until) == []
    assert (await stage.item(post_id))["status"] == "published"
    assert len(await stage.sandbox.posts("tiktok")) == 1


async def test_no_fencing_token_of_a_former_worker_is_valid_while_a_new_one_runs(stage: Stage) -> None:
    _, claim = await claimed_by_former_worker(stage)
    clock.move(LEASE)
    await promote(stage.installation.database)
    [running] = await stage.claim()
    assert running.lease.fence > claim["fence"]
    assert await send(stage, former.WRITE, **claim, **ENTRY) == []


async def test_statement_that_waits_for_the_migration_loses_its_lease(stage: Stage) -> None:
    """Block a former worker's write behind the migration: it sees the new fencing token."""
    database = stage.installation.database
    await stage.post(await stage.connect("tiktok"), "tiktok", METADATA)
    await former.downgrade(database)
    until = clock.now() + LEASE
    [claim] = await send(stage, former.CLAIM, until=until, limit=4, candidates=12)
    connection: asyncpg.Connection = await database.connector.connect()
    values = {"item_id": claim["id"], "fence": claim["fence"], "now": clock.now()} | ENTRY
    prepared = await connection.prepare(former.WRITE.sql)
    assert await prepared.fetch(*former.WRITE.arguments(values)) != []
    async with database.maintain() as blocker:
        await blocker.execute(text("LOCK TABLE journal IN ACCESS EXCLUSIVE MODE"))
        writing = asyncio.create_task(prepared.fetch(*former.WRITE.arguments(values)))
        migrating = asyncio.create_task(former.upgrade_again(database))
        await until_blocked(database)
    await migrating
    written = await writing
    # It was either before the migration, which then carried it along, or after it, in vain.
    entries = await connection.fetch("SELECT name FROM journal WHERE item_id = $1", claim["id"])
    assert len(entries) == 1
    assert written == [] or written[0]["id"] == claim["id"]
    assert await connection.fetch(former.WRITE.sql, *former.WRITE.arguments(values)) == []
    await connection.close()


async def test_migration_does_not_deadlock_with_a_former_transaction(stage: Stage) -> None:
    """Let a transaction that holds one of the tables take another one while the migration waits for the first."""
    database = stage.installation.database
    await former.downgrade(database)
    async with database.maintain() as other:
        await other.execute(text("SELECT FROM journal"))
        migrating = asyncio.create_task(former.upgrade_again(database))
        await until_blocked(database)
        await other.execute(text("UPDATE items SET progress = 1"))
        await other.execute(text("SELECT FROM workspaces FOR UPDATE"))
    await migrating


async def until_blocked(database: Database) -> None:
    """Wait until a session waits for a lock of a table."""
    connection = await database.connector.connect()
    query = """
        SELECT FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
        WHERE NOT granted AND relation IS NOT NULL AND datname = current_database()
    """
    while not await connection.fetch(query):
        await asyncio.sleep(0.01)
    await connection.close()


async def post_by_former_api(stage: Stage, after: timedelta | None = None) -> tuple[str, UUID]:
    connection, edit = await stage.connect("tiktok"), await stage.caller.upload(stage.clip)
    post_id, item_id = new_id(), new_id()
    item = {
        "id": str(item_id), "position": 0, "edit_id": edit, "connection_id": connection, "platform": "tiktok",
        "details": METADATA,
    }  # fmt: skip
    await send(
        stage, former.ADD, id=post_id, workspace_id=UUID(stage.caller.workspace_id), items=json.dumps([item]),
        scheduled_at=clock.now() + after if after else None, status="pending" if after else "processing",
        channel="clipcast_due",
    )  # fmt: skip
    return str(post_id), item_id


async def published_once(stage: Stage, post_id: str) -> None:
    await stage.run_until_ended()
    item = await stage.item(post_id)
    assert (item["status"], item["error"]) == ("published", None)
    assert len(await stage.sandbox.posts("tiktok")) == 1


async def test_post_created_by_the_former_api_is_published(stage: Stage) -> None:
    post_id, _ = await post_by_former_api(stage)
    assert (await stage.job(post_id)).state == JobState.READY
    await published_once(stage, post_id)


async def test_post_scheduled_by_the_former_api_is_published_at_its_time(stage: Stage) -> None:
    post_id, _ = await post_by_former_api(stage, timedelta(hours=2))
    assert await stage.worker.run_due() == 0
    assert (await stage.item(post_id))["status"] == "pending"
    clock.move(timedelta(hours=2))
    await published_once(stage, post_id)


async def test_scheduled_post_moved_and_started_by_the_former_api(stage: Stage) -> None:
    post_id, item_id = await post_by_former_api(stage, timedelta(hours=2))
    until = clock.now() + timedelta(hours=4)
    await send(stage, former.MOVE, item_id=item_id, until=until)
    job = await stage.job(post_id)
    assert (job.state, abs(job.due_at - until) < timedelta(seconds=1), job.offers) == (JobState.WAITING, True, 1)
    await send(stage, former.PUBLISH_NOW, item_id=item_id)
    assert (await stage.job(post_id)).state == JobState.READY
    await published_once(stage, post_id)


async def test_failed_item_retried_by_the_former_api(stage: Stage) -> None:
    await stage.sandbox.fault("tiktok", "video_init", "before", "status", status=400, body={
        "data": {}, "error": {"code": "invalid_params", "message": "told by a test", "log_id": "L1"}
    })  # fmt: skip
    post_id = await stage.post(await stage.connect("tiktok"), "tiktok", METADATA)
    await stage.run_until_ended()
    assert (await stage.item(post_id))["status"] == "failed"
    await send(stage, former.RETRY, item_id=(await stage.row(post_id)).id)
    await published_once(stage, post_id)


async def test_waiting_item_changed_by_the_former_api_starts_over(stage: Stage) -> None:
    await stage.sandbox.fault("tiktok", "video_init", "before", "status", status=502)
    post_id = await stage.post(await stage.connect("tiktok"), "tiktok", METADATA)
    await stage.worker.run_due()
    item_id = (await stage.row(post_id)).id
    await send(stage, former.CHANGE, item_id=item_id, round=1, details=json.dumps(METADATA | {"title": "Ebb"}))
    job = await stage.job(post_id)
    assert (job.round, job.program, job.failures) == (1, None, 0)
    await published_once(stage, post_id)
    assert (await stage.sandbox.posts("tiktok"))[0]["caption"] == "Ebb"


async def running(stage: Stage) -> tuple[str, UUID]:
    post_id = await stage.post(await stage.connect("tiktok"), "tiktok", METADATA)
    [claimed] = await stage.claim()
    return post_id, claimed.id


@pytest.mark.parametrize("statement", [former.RETRY, former.PUBLISH_NOW, former.MOVE, former.CHANGE])
async def test_change_of_a_running_item_by_the_former_api_is_a_conflict(stage: Stage, statement: Statement) -> None:
    """Have the former API, which sees no lease, respond 503: its caller repeats the request."""
    post_id, item_id = await running(stage)
    values = {"until": clock.now() + timedelta(hours=1), "round": 1, "details": "{}"}
    with pytest.raises(DatabaseUnavailable, match="A worker runs item"):
        await send(stage, statement, item_id=item_id, **values)
    row = await stage.row(post_id)
    assert (row.status, row.details) == ("processing", METADATA)


async def test_former_api_sees_an_intent_of_a_later_round(stage: Stage) -> None:
    """Show the former API the journal's round: otherwise it starts over an item whose video may be live."""
    post_id = await stage.post(await stage.connect("tiktok"), "tiktok", METADATA)
    async with stage.installation.database.begin() as session:
        job = await session.get_one(type(await stage.job(post_id)), (await stage.row(post_id)).id)
        job.round = 1
    [claimed] = await stage.claim()
    assert claimed.round == 1
    timeline, program = Timeline(claimed.attempt_id), Program.of(PLATFORMS["tiktok"])
    journal = Journal(stage.installation.database, stage.installation.vault, claimed, timeline, program)
    await journal.intend("publish", publishes=True)
    assert await send(stage, former.SENT, item_id=claimed.id) != []


async def test_forced_retry_by_the_former_api_begins_one_round(stage: Stage) -> None:
    post_id = await stage.post(await stage.connect("tiktok"), "tiktok", METADATA)
    with killed_at("chunk", "after"), pytest.raises(Killed):
        await stage.run_all()
    clock.move(LEASE + timedelta(seconds=1))
    await stage.run_until_ended()
    before = await stage.job(post_id)
    await send(stage, former.RETRY_FORCED, item_id=before.id, round=before.round + 1)
    job = await stage.job(post_id)
    assert (job.round, job.program, job.due_at <= clock.now()) == (before.round + 1, None, True)
    assert (await send(stage, former.SENT, item_id=job.id)) == []


async def test_item_deleted_by_the_former_api_ends_its_run(stage: Stage) -> None:
    post_id, item_id = await running(stage)
    async with stage.installation.database.connect() as connection:
        raw = (await connection.get_raw_connection()).driver_connection
        assert raw is not None
        await raw.execute("DELETE FROM posts WHERE id = $1", UUID(post_id))
        assert await raw.fetch("SELECT FROM jobs WHERE id = $1", item_id) == []
    await stage.run_until_ended()
    assert await stage.sandbox.posts("tiktok") == []
