"""Leases of workers, and what becomes of the jobs of dead ones."""

import asyncio
import json
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import text

from clipcast.clock import clock
from clipcast.common.timestamps import format_timestamp
from clipcast.database import Database
from clipcast.database.hot_queries import Statement
from clipcast.database.models.jobs import Job, JobState
from clipcast.jobs.claimed import LEASE, ClaimedItem, ClaimedJob
from clipcast.jobs.dead_letter import CRASHES_MAX
from clipcast.jobs.engines import backlog
from clipcast.jobs.journal import Journal
from clipcast.jobs.kinds import NETWORK, QUARANTINE
from clipcast.jobs.outcomes import ItemOutcomes
from clipcast.jobs.queue import claim, offer, random_place, take
from clipcast.jobs.slots import WorkerSlots
from clipcast.jobs.timeline import Timeline
from clipcast.jobs.versions import Program
from clipcast.jobs.workers import WorkerFacts, alive, drain, heartbeat, reclaim_expired, register, stop
from clipcast.publishing.housekeeping import delete_expired
from clipcast.publishing.programs import runnable_programs
from clipcast.testing.harness import Stage

METADATA = {"title": "Tide", "privacyLevel": "PUBLIC_TO_EVERYONE"}
FACTS = WorkerFacts("one:1", "rows", "", {NETWORK: 4}, {})


async def post(stage: Stage) -> str:
    return await stage.post(await stage.connect("tiktok"), "tiktok", METADATA)


async def nothing(job: ClaimedJob) -> None:
    pass


async def names_alive(stage: Stage) -> list[str]:
    async with stage.installation.database.session() as session:
        return [one.name for one in await alive(session)]


async def test_heartbeat_renews_the_lease_until_the_worker_is_declared_dead(stage: Stage) -> None:
    database = stage.installation.database
    worker = await register(database, FACTS)
    clock.move(LEASE / 2)
    assert await heartbeat(database, worker, {NETWORK: 4}, [])
    clock.move(LEASE * 3 / 4)
    assert await reclaim_expired(database) == 0
    assert await names_alive(stage) == ["one:1"]
    clock.move(LEASE / 2)
    assert await names_alive(stage) == []
    await reclaim_expired(database)
    assert not await heartbeat(database, worker, {NETWORK: 4}, [])


async def test_jobs_of_a_dead_worker_become_ready_with_a_new_attempt(stage: Stage) -> None:
    post_id = await post(stage)
    await stage.claim()
    clock.move(LEASE + timedelta(seconds=1))
    assert await reclaim_expired(stage.installation.database) == 1
    job = await stage.job(post_id)
    assert (job.state, job.crash_count, job.queue, job.worker_id) == (JobState.READY, 1, NETWORK, None)
    [again] = await stage.claim()
    assert (again.attempts, again.lease.fence) == (2, 2)


async def test_stopped_worker_leaves_no_job_behind(stage: Stage) -> None:
    post_id = await post(stage)
    [claimed] = await stage.claim()
    await stop(stage.installation.database, claimed.lease.worker)
    assert (await stage.job(post_id)).state == JobState.READY
    assert (await stage.job(post_id)).crash_count == 0


async def test_worker_that_was_declared_dead_claims_nothing(stage: Stage) -> None:
    """Nobody would reclaim its jobs."""
    database = stage.installation.database
    worker = await register(database, FACTS)
    clock.move(LEASE + timedelta(seconds=1))
    await reclaim_expired(database)
    post_id = await post(stage)
    assert (await claim(database, worker, NETWORK, 4, random_place(), runnable_programs())).jobs == []
    [offered], _ = await offer(database, NETWORK, 4, random_place(), runnable_programs())
    assert await take(database, worker, offered.job_id, offered.number, runnable_programs()) is None
    assert (await stage.job(post_id)).state == JobState.OFFERED


async def test_worker_is_not_declared_dead_during_its_claim(stage: Stage) -> None:
    """Lock the worker's row until the claim ends: otherwise the claimed jobs would have no worker."""
    database, post_id = stage.installation.database, await post(stage)
    worker = await register(database, FACTS)
    clock.move(LEASE + timedelta(seconds=1))
    values = {"id": worker.id}
    async with database.hot_pool.transaction() as claiming:
        await claiming.fetch(Statement("SELECT FROM workers WHERE id = :id FOR KEY SHARE"), values)
        assert await reclaim_expired(database) == 0
    [claimed] = (await claim(database, worker, NETWORK, 4, random_place(), runnable_programs())).jobs
    assert await reclaim_expired(database) == 1
    assert (claimed.id, (await stage.job(post_id)).state) == ((await stage.job(post_id)).id, JobState.READY)


async def test_heartbeat_releases_a_job_that_the_worker_does_not_know(stage: Stage) -> None:
    """Release the jobs of a claim whose response was lost, but no job that the worker runs or has just claimed."""
    post_id = await post(stage)
    [claimed] = await stage.claim()
    database, worker = stage.installation.database, claimed.lease.worker
    assert await heartbeat(database, worker, {}, [])
    assert (await stage.job(post_id)).state == JobState.RUNNING
    for _ in range(3):
        clock.move(LEASE / 2)
        assert await heartbeat(database, worker, {}, [claimed.id])
    assert (await stage.job(post_id)).state == JobState.RUNNING
    assert await heartbeat(database, worker, {}, [])
    assert ((await stage.job(post_id)).state, (await stage.job(post_id)).crash_count) == (JobState.READY, 0)


async def test_order_to_drain_outlives_the_worker_that_did_not_read_it(stage: Stage) -> None:
    """A worker that is declared dead before its next heartbeat learns the order after that, and no other one does."""
    database = stage.installation.database
    frozen, other = (WorkerSlots(database, FACTS, nothing) for _ in range(2))
    await frozen.open()
    await other.open()
    async with database.begin() as session:
        assert len(await drain(session, str(frozen.lease.id))) == 1
    clock.move(LEASE + timedelta(seconds=1))
    await reclaim_expired(database)
    for slots in (frozen, other):
        await slots.beat()  # registers it again
        await slots.beat()
    assert (frozen.orders.drain, other.orders.drain) == (True, False)
    clock.move(timedelta(days=8))
    await delete_expired(database, stage.installation.storage)
    async with database.session() as session:
        assert await session.scalar(text("SELECT count(*) FROM drained_workers")) == 0


@pytest.mark.parametrize("how", ["reclaimed", "stopped", "stray", "released"])
async def test_job_that_a_worker_gives_back_keeps_its_place(stage: Stage, how: str) -> None:
    """Run it before the jobs of its workspace that were due after it."""
    posts = []
    for _ in range(3):
        posts.append(await post(stage))
        clock.move(timedelta(seconds=1))
    database = stage.installation.database
    [first] = await stage.claim(limit=1)
    before = await stage.job(posts[0])
    clock.move(timedelta(minutes=1))
    match how:
        case "reclaimed":
            await reclaim_expired(database)
        case "stopped":
            await stop(database, first.lease.worker)
        case "stray":
            await heartbeat(database, first.lease.worker, {}, [])
        case "released":
            await ItemOutcomes(database).release(first, Timeline(first.attempt_id))
    job = await stage.job(posts[0])
    assert (first.id, job.state, job.due_at) == (job.id, JobState.READY, before.due_at)
    assert (await stage.item(posts[0]))["next_attempt_at"] > str(format_timestamp(clock.now() - timedelta(seconds=30)))
    assert (await backlog(database))[1] < timedelta(minutes=2)
    assert [one.id for one in await stage.claim(limit=1)] == [job.id]


async def crash(stage: Stage, queue: str) -> ClaimedItem:
    [claimed] = await stage.claim(queue=queue)
    clock.move(LEASE + timedelta(seconds=1))
    await reclaim_expired(stage.installation.database)
    return claimed


async def test_job_that_ends_three_workers_is_dead(stage: Stage) -> None:
    post_id = await post(stage)
    await crash(stage, NETWORK)
    await crash(stage, NETWORK)
    assert (await stage.job(post_id)).queue == QUARANTINE
    await crash(stage, QUARANTINE)
    job, item = await stage.job(post_id), await stage.item(post_id)
    assert (job.state, job.crash_count) == (JobState.DEAD, CRASHES_MAX)
    assert (item["status"], item["error"]["code"], item["error"]["actor"]) == ("failed", "run_kills_worker", "operator")
    assert job.error is not None
    assert job.error["worker"] == "test"
    await stage.run_until_ended()
    assert await stage.sandbox.posts("tiktok") == []
    attempts = (await stage.caller.get(f"/posts/{post_id}/items/{item['id']}/attempts")).json()["attempts"]
    assert [one["decision"] for one in attempts] == ["lost", "lost", "failed"]


async def test_dead_job_runs_again_when_a_caller_retries_it(stage: Stage) -> None:
    post_id = await post(stage)
    for queue in (NETWORK, NETWORK, QUARANTINE):
        await crash(stage, queue)
    item = await stage.item(post_id)
    assert (await stage.caller.post(f"/posts/{post_id}/items/{item['id']}/retry")).status_code == 202
    job = await stage.job(post_id)
    assert (job.state, job.queue, job.crash_count, job.error) == (JobState.READY, NETWORK, 0, None)
    await stage.run_until_ended()
    assert (await stage.item(post_id))["status"] == "published"


async def test_dead_job_that_may_have_sent_its_video_has_an_unknown_outcome(stage: Stage) -> None:
    post_id = await post(stage)
    await crash(stage, NETWORK)
    await crash(stage, NETWORK)
    [claimed] = await stage.claim(queue=QUARANTINE)
    timeline, program = Timeline(claimed.attempt_id), Program("tiktok.publish", 1)
    journal = Journal(stage.installation.database, stage.installation.vault, claimed, timeline, program)
    await journal.intend("publish", publishes=True)
    evidence = {"signal": "SIGKILL", "exit_code": None, "peak_memory_bytes": 1}
    await reclaim_expired(stage.installation.database, claimed.lease.worker.id, evidence)
    job, item = await stage.job(post_id), await stage.item(post_id)
    assert item["error"]["class"] == "outcome_unknown"
    assert "SIGKILL" in item["error"]["message"]
    assert job.error is not None
    assert (job.error["last_entry"], job.error["signal"]) == ("publish", "SIGKILL")
    assert json.dumps(job.error)


@pytest.mark.parametrize("column", ["state", "kind"])
async def test_subject_has_one_unfinished_job_of_a_kind(stage: Stage, column: str) -> None:
    """Refuse a second job of the same kind for an item, unless the first one has ended."""
    job = await stage.job(await post(stage))
    other = Job(
        workspace_id=job.workspace_id, kind="publish", subject_id=job.subject_id, queue=NETWORK, priority=5,
        state=JobState.READY, due_at=clock.now(),
    )  # fmt: skip
    if column == "kind":
        other.kind = "finish"
    async with stage.installation.database.session() as session:
        session.add(other)
        if column == "state":
            with pytest.raises(Exception, match="uq_jobs_unfinished"):
                await session.flush()
        else:
            await session.flush()


async def test_deleted_item_takes_its_jobs_along(stage: Stage) -> None:
    post_id = await post(stage)
    job = await stage.job(post_id)
    assert (await stage.caller.call("DELETE", f"/posts/{post_id}")).status_code == 204
    async with stage.installation.database.session() as session:
        assert await session.get(Job, job.id) is None


async def test_worker_that_stops_during_its_claim_leaves_no_job_behind(stage: Stage) -> None:
    """Commit a claim while `stop` waits for the worker's row: nobody else would ever release its jobs."""
    post_id = await post(stage)
    database = stage.installation.database
    worker = await register(database, FACTS)
    async with database.hot_pool.transaction() as transaction:
        claiming: Any = SimpleNamespace(hot_pool=transaction)
        found = await claim(claiming, worker, NETWORK, 4, random_place(), runnable_programs())
        assert len(found.jobs) == 1
        assert await reclaim_expired(database) == 0
        stopping = asyncio.create_task(stop(database, worker))
        await until_blocked(database)
    await stopping
    assert (await stage.job(post_id)).state == JobState.READY


async def until_blocked(database: Database) -> None:
    """Wait until a session of this database waits for a lock."""
    query = "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    async with database.connect() as connection:
        while not (await connection.execute(text(query))).first():
            await asyncio.sleep(0.01)
