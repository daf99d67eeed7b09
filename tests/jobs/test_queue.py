"""Claims, promotions and offers of jobs."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.database.models.clips import Render
from clipcast.database.models.jobs import JobState
from clipcast.database.models.renditions import Rendition
from clipcast.jobs.claimed import ClaimedItem, Lease, LeaseLost
from clipcast.jobs.kinds import NETWORK
from clipcast.jobs.outcomes import ItemOutcomes
from clipcast.jobs.queue import OFFER_LIFETIME, next_due, offer, promote, take
from clipcast.jobs.timeline import Timeline
from clipcast.jobs.workers import WorkerFacts, reclaim_expired, register
from clipcast.platforms.base import Published
from clipcast.publishing.programs import runnable_programs
from clipcast.testing.harness import Caller, Stage, some_day

PROGRAMS = runnable_programs()
METADATA = {"title": "Tide", "privacyLevel": "PUBLIC_TO_EVERYONE"}


async def claimed_job(stage: Stage) -> tuple[str, ClaimedItem]:
    post_id = await stage.post(await stage.connect("tiktok"), "tiktok", METADATA)
    [claimed] = await stage.claim()
    return post_id, claimed


async def test_claim_returns_the_facts_that_a_run_needs(stage: Stage) -> None:
    post_id, claimed = await claimed_job(stage)
    item = await stage.item(post_id)
    assert (str(claimed.item.id), claimed.item.details, claimed.item.platform) == (item["id"], METADATA, "tiktok")
    assert (claimed.kind, claimed.queue, claimed.attempts, claimed.lease.fence) == ("publish", NETWORK, 1, 1)
    assert claimed.clip.size == stage.clip.stat().st_size
    assert claimed.connection.status == "active"
    assert (item["status"], item["attempts"]) == ("processing", 1)


async def test_claim_returns_the_file_of_the_render_s_rendition(stage: Stage) -> None:
    edit = await stage.caller.upload(stage.clip, "tide.mov")
    post_id = await stage.post(await stage.connect("tiktok"), "tiktok", METADATA, edit)
    async with stage.installation.database.begin() as session:
        render = (await session.scalars(select(Render).where(Render.edit_setting_id == UUID(edit)))).one()
        render.rendition = Rendition(
            workspace_id=render.workspace_id, key="1", inputs=[], recipe={}, action="video", status="completed",
            storage_key="renditions/1.mp4", size=7, sha256="ab", media={"size": 7},
        )  # fmt: skip
    [claimed] = await stage.claim()
    clip = claimed.clip
    assert (clip.storage_key, clip.size, clip.sha256, clip.media) == ("renditions/1.mp4", 7, "ab", {"size": 7})
    assert (clip.status, clip.file_name, clip.content_type) == ("ready", "tide.mp4", "video/mp4")
    assert str(claimed.item.id) == (await stage.item(post_id))["id"]


async def test_outcome_of_an_ended_job_loses_the_lease(stage: Stage) -> None:
    post_id, claimed = await claimed_job(stage)
    timeline, outcomes = Timeline(claimed.attempt_id), ItemOutcomes(stage.installation.database)
    await outcomes.published(claimed, timeline, Published("1", "https://example.org/1"))
    with pytest.raises(LeaseLost):
        await outcomes.release(claimed, timeline)
    assert (await stage.item(post_id))["status"] == "published"
    assert (await stage.job(post_id)).state == JobState.DONE


async def test_stale_fencing_token_loses_the_lease(stage: Stage) -> None:
    _, claimed = await claimed_job(stage)
    claimed.lease = Lease(claimed.id, claimed.lease.fence - 1, claimed.lease.worker)
    with pytest.raises(LeaseLost):
        await ItemOutcomes(stage.installation.database).release(claimed, Timeline(new_id()))


async def of_another_workspace(stage: Stage, name: str) -> Stage:
    return Stage(
        stage.installation, await Caller.create(stage.installation, stage.caller.http, name), stage.sandbox, stage.clip
    )


async def post_many(stage: Stage, count: int) -> list[str]:
    edit = await stage.caller.upload(stage.clip)
    connection = await stage.connect("tiktok")
    return [await stage.post(connection, "tiktok", METADATA, edit) for _ in range(count)]


async def claim_workspaces(stage: Stage, limit: int) -> list[str]:
    """Claim jobs without running them, and return their workspaces."""
    return [str(claimed.workspace_id) for claimed in await stage.claim(limit)]


async def test_claim_shares_slots_between_workspaces(stage: Stage) -> None:
    other = await of_another_workspace(stage, "Other")
    await post_many(stage, 20)
    await post_many(other, 2)
    mine, others = stage.caller.workspace_id, other.caller.workspace_id
    assert sorted(await claim_workspaces(stage, 4)) == sorted([mine, mine, others, others])
    assert await claim_workspaces(stage, 3) == [mine] * 3
    await other.close()


async def test_claim_prefers_the_workspace_with_the_fewest_running_jobs(stage: Stage) -> None:
    other = await of_another_workspace(stage, "Other")
    await post_many(stage, 8)
    assert len(await claim_workspaces(stage, 5)) == 5
    await post_many(other, 3)
    # One slot at a time, as they become free.
    assert [(await claim_workspaces(stage, 1))[0] for _ in range(3)] == [other.caller.workspace_id] * 3
    assert await claim_workspaces(stage, 1) == [stage.caller.workspace_id]
    await other.close()


async def test_claim_takes_the_longest_due_jobs_of_a_workspace_first(stage: Stage) -> None:
    await post_many(stage, 6)
    batches = [[claimed.id for claimed in await stage.claim(2)] for _ in range(3)]
    ids = sorted(id for batch in batches for id in batch)  # their ids sort as they were made
    assert [sorted(batch) for batch in batches] == [ids[0:2], ids[2:4], ids[4:6]]
    assert await stage.claim() == []


async def test_concurrent_claims_take_each_job_once(stage: Stage) -> None:
    await post_many(stage, 12)
    found = await asyncio.gather(*(stage.claim(4) for _ in range(3)))
    ids = [claimed.id for batch in found for claimed in batch]
    assert len(ids) == len(set(ids)) == 12


async def test_scheduled_job_is_claimed_after_its_promotion(stage: Stage) -> None:
    database = stage.installation.database
    edit, connection = await stage.caller.upload(stage.clip), await stage.connect("tiktok")
    target = {"connectionId": connection, "metadata": {"tiktok": METADATA}}
    at = clock.now() + timedelta(hours=1)
    body = {"videos": [{"editId": edit, "targets": [target]}], "scheduled_at": at.isoformat()}
    post_id = (await stage.caller.post("/posts", body)).json()["post_id"]
    assert (await stage.job(post_id)).state == JobState.WAITING
    due = await next_due(database)
    assert due is not None
    assert abs(due - at) < timedelta(seconds=1)
    assert not await promote(database)
    assert await stage.claim() == []
    clock.move(timedelta(hours=1))
    assert await promote(database) == {NETWORK: 1}
    assert [claimed.post_id for claimed in (one.item for one in await stage.claim())] == [
        (await stage.row(post_id)).post_id
    ]


async def test_job_of_an_unknown_program_is_left_alone(stage: Stage) -> None:
    post_id = (await post_many(stage, 1))[0]
    async with stage.installation.database.begin() as session:
        job = await session.get_one(type(await stage.job(post_id)), (await stage.job(post_id)).id)
        job.program = "tiktok.publish@99"
    assert await stage.claim() == []


async def test_offered_job_is_taken_once_and_by_its_newest_offer(stage: Stage) -> None:
    database = stage.installation.database
    [post_id] = await post_many(stage, 1)
    worker = await register(database, WorkerFacts("one:1", "temporal", "", {NETWORK: 1}, PROGRAMS))
    [first], place = await offer(database, NETWORK, 5, 0, PROGRAMS)
    assert (await stage.job(post_id)).state == JobState.OFFERED
    assert await stage.claim() == []
    assert await offer(database, NETWORK, 5, place, PROGRAMS) != ([first], place)
    clock.move(OFFER_LIFETIME + timedelta(seconds=1))
    await reclaim_expired(database)
    worker = await register(database, WorkerFacts("one:1", "temporal", "", {NETWORK: 1}, PROGRAMS))
    [second], _ = await offer(database, NETWORK, 5, 0, PROGRAMS)
    assert (second.job_id, second.number) == (first.job_id, first.number + 1)
    assert await take(database, worker, first.job_id, first.number, PROGRAMS) is None
    taken = await take(database, worker, second.job_id, second.number, PROGRAMS)
    assert taken is not None
    assert taken.lease.fence == 1
    assert await take(database, worker, second.job_id, second.number, PROGRAMS) is None


async def test_change_of_a_post_makes_its_offer_stale(stage: Stage) -> None:
    database = stage.installation.database
    edit, connection = await stage.caller.upload(stage.clip), await stage.connect("tiktok")
    target = {"connectionId": connection, "metadata": {"tiktok": METADATA}}
    body = {"videos": [{"editId": edit, "targets": [target]}]}
    at = (clock.now() + timedelta(minutes=1)).isoformat()
    post_id = (await stage.caller.post("/posts", body | {"scheduled_at": at})).json()["post_id"]
    clock.move(timedelta(minutes=2))
    await promote(database)
    [offered], _ = await offer(database, NETWORK, 5, 0, PROGRAMS)
    moved = await stage.caller.call("PATCH", f"/posts/{post_id}", json={"scheduled_at": f"{some_day()}T10:00:00Z"})
    assert moved.status_code == 200, moved.text
    worker = await register(database, WorkerFacts("one:1", "temporal", "", {NETWORK: 1}, PROGRAMS))
    assert await take(database, worker, offered.job_id, offered.number, PROGRAMS) is None
    assert (await stage.job(post_id)).state == JobState.WAITING
