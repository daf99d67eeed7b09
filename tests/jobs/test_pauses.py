"""Paused queues, platforms and workspaces: their jobs wait, without an attempt, until they are resumed."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from clipcast.clock import clock
from clipcast.database.models.jobs import JobState
from clipcast.jobs.claimed import LEASE
from clipcast.jobs.kinds import NETWORK
from clipcast.jobs.pauses import PLATFORM, QUEUE, WORKSPACE, Pauses, list_pauses, pause, resume, set_aside
from clipcast.jobs.slots import WorkerSlots
from clipcast.jobs.workers import WorkerFacts
from clipcast.testing.harness import Stage

TIKTOK = {"title": "Tide", "privacyLevel": "PUBLIC_TO_EVERYONE"}


async def post(stage: Stage) -> str:
    return await stage.post(await stage.connect("tiktok"), "tiktok", TIKTOK)


async def scheduled(stage: Stage) -> str:
    """Create a post that is due in an hour."""
    target = {"connectionId": await stage.connect("tiktok"), "metadata": {"tiktok": TIKTOK}}
    at = (clock.now() + timedelta(hours=1)).isoformat()
    body = {"videos": [{"editId": await stage.caller.upload(stage.clip), "targets": [target]}], "scheduled_at": at}
    response = await stage.caller.post("/posts", body)
    assert response.status_code == 201, response.text
    return str(response.json()["post_id"])


async def begin(stage: Stage, kind: str, name: str) -> bool:
    async with stage.installation.database.begin() as session:
        return await pause(session, kind, name, "test")


async def end(stage: Stage, kind: str, name: str) -> int | None:
    async with stage.installation.database.begin() as session:
        return await resume(session, kind, name)


def targets(stage: Stage) -> dict[str, str]:
    return {PLATFORM: "tiktok", WORKSPACE: stage.caller.workspace_id}


def about(item: dict[str, Any]) -> tuple[str, str | None]:
    return item["status"], item["error"] and item["error"]["code"]


@pytest.mark.parametrize("kind", [PLATFORM, WORKSPACE])
async def test_job_is_set_aside_without_an_attempt_until_it_is_resumed(stage: Stage, kind: str) -> None:
    name = targets(stage)[kind]
    assert await begin(stage, kind, name)
    assert not await begin(stage, kind, name)
    post_id = await post(stage)
    await stage.run_all()
    item, job = await stage.item(post_id), await stage.job(post_id)
    assert about(item) == ("processing", "paused_by_operator")
    assert (item["error"]["class"], item["error"]["actor"]) == ("transient", "operator")
    assert item["next_attempt_at"] is None
    assert (job.state, job.failures, job.worker_id) == (JobState.PAUSED, 0, None)
    clock.move(timedelta(days=3))
    await stage.run_until_ended()
    assert await stage.sandbox.posts("tiktok") == []
    assert await end(stage, kind, name) == 1
    assert about(await stage.item(post_id)) == ("processing", None)
    await stage.run_until_ended()
    item = await stage.item(post_id)
    assert (about(item), item["attempts"]) == (("published", None), 1)
    assert await end(stage, kind, name) is None


async def test_due_item_of_a_paused_workspace_stays_pending_and_is_not_missed(stage: Stage) -> None:
    """After the pause, the item is published even if its time is past CLIPCAST_MISSED_GRACE."""
    await begin(stage, WORKSPACE, stage.caller.workspace_id)
    post_id = await scheduled(stage)
    clock.move(timedelta(hours=2))
    await stage.run_all()
    assert about(await stage.item(post_id)) == ("pending", "paused_by_operator")
    clock.move(timedelta(days=2))
    await end(stage, WORKSPACE, stage.caller.workspace_id)
    assert about(await stage.item(post_id)) == ("pending", None)
    await stage.run_until_ended()
    assert (await stage.item(post_id))["status"] == "published"


@pytest.mark.parametrize(("hours_before", "hours_after", "status"), [(1, 1, "published"), (1, 30, "failed")])
async def test_time_for_which_the_queue_was_paused_is_not_missed(
    stage: Stage, hours_before: int, hours_after: int, status: str
) -> None:
    """A pause ends long after the item's time, and workers start some time after the pause."""
    post_id = await scheduled(stage)
    clock.move(timedelta(hours=1 + hours_before))
    await begin(stage, QUEUE, NETWORK)
    await stage.run_all()
    clock.move(timedelta(days=3))
    await end(stage, QUEUE, NETWORK)
    clock.move(timedelta(hours=hours_after))
    await stage.run_until_ended()
    item = await stage.item(post_id)
    assert item["status"] == status
    if status == "failed":
        assert (item["error"]["code"], "It is 1 day, 7:00:" in item["error"]["message"]) == ("missed_schedule", True)


async def test_pauses_before_an_item_s_time_and_of_other_queues_do_not_count(stage: Stage) -> None:
    for queue in (NETWORK, "quarantine"):
        await begin(stage, QUEUE, queue)
    clock.move(timedelta(days=3))
    await end(stage, QUEUE, NETWORK)
    post_id = await scheduled(stage)
    clock.move(timedelta(hours=26))
    await end(stage, QUEUE, "quarantine")
    await stage.run_until_ended()
    assert (await stage.item(post_id))["error"]["code"] == "missed_schedule"


async def test_other_platforms_and_workspaces_go_on(stage: Stage) -> None:
    await begin(stage, PLATFORM, "youtube")
    await begin(stage, WORKSPACE, str(UUID(int=1)))
    post_id = await post(stage)
    await stage.run_until_ended()
    assert (await stage.item(post_id))["status"] == "published"


@pytest.mark.parametrize("make", [post, scheduled])
async def test_paused_item_can_be_changed_moved_and_deleted(stage: Stage, make: Any) -> None:
    await begin(stage, PLATFORM, "tiktok")
    post_id = await make(stage)
    clock.move(timedelta(hours=2))
    await stage.run_all()
    assert (await stage.job(post_id)).state == JobState.PAUSED
    item = await stage.item(post_id)
    changed = {"metadata": {"tiktok": TIKTOK | {"title": "Ebb"}}}
    edited = await stage.caller.call("PATCH", f"/posts/{post_id}/items/{item['id']}", json=changed)
    assert edited.status_code == 200, edited.text
    assert (await stage.job(post_id)).state == JobState.PAUSED
    at = (clock.now() + timedelta(days=1)).isoformat()
    moved = await stage.caller.call("PATCH", f"/posts/{post_id}", json={"scheduled_at": at})
    assert moved.status_code == 200, moved.text
    assert about(await stage.item(post_id)) == ("pending", None)
    assert (await stage.job(post_id)).state == JobState.WAITING
    assert await end(stage, PLATFORM, "tiktok") == 0
    await stage.run_until_ended()
    [video] = await stage.sandbox.posts("tiktok")
    assert "Ebb" in str(video)


async def test_paused_item_can_be_deleted(stage: Stage) -> None:
    await begin(stage, PLATFORM, "tiktok")
    post_id = await post(stage)
    await stage.run_all()
    assert (await stage.caller.call("DELETE", f"/posts/{post_id}")).status_code == 204
    assert await end(stage, PLATFORM, "tiktok") == 0


async def test_paused_item_that_is_published_now_is_set_aside_again(stage: Stage) -> None:
    await begin(stage, PLATFORM, "tiktok")
    post_id = await scheduled(stage)
    clock.move(timedelta(hours=2))
    await stage.run_all()
    published = await stage.caller.post(f"/posts/{post_id}/publish")
    assert published.status_code == 200, published.text
    await stage.run_all()
    assert about(await stage.item(post_id))[1] == "paused_by_operator"
    assert await end(stage, PLATFORM, "tiktok") == 1
    await stage.run_until_ended()
    assert (await stage.item(post_id))["status"] == "published"


async def test_job_that_two_pauses_cover_waits_for_both(stage: Stage) -> None:
    for kind, name in targets(stage).items():
        await begin(stage, kind, name)
    post_id = await post(stage)
    for kind, name in targets(stage).items():
        await stage.run_all()
        assert (await stage.job(post_id)).state == JobState.PAUSED
        assert await end(stage, kind, name) == 1
    await stage.run_until_ended()
    assert (await stage.item(post_id))["status"] == "published"


async def test_paused_queue_is_not_claimed(stage: Stage) -> None:
    await begin(stage, QUEUE, NETWORK)
    post_id = await post(stage)
    assert await stage.worker.run_due() == 0
    assert (await stage.job(post_id)).state == JobState.READY
    assert await end(stage, QUEUE, NETWORK) == 0
    await stage.run_until_ended()
    assert (await stage.item(post_id))["status"] == "published"


async def test_worker_learns_pauses_with_its_heartbeat(stage: Stage) -> None:
    database = stage.installation.database
    slots = WorkerSlots(database, WorkerFacts("one:1", "rows", "", {NETWORK: 4}, {}), stage.worker.slots._run)
    await slots.open()
    assert slots.free(NETWORK) == 4
    await begin(stage, QUEUE, NETWORK)
    await slots.beat()
    assert (slots.free(NETWORK), slots.woken.is_set()) == (0, True)
    slots.woken.clear()
    await slots.beat()
    assert not slots.woken.is_set()
    await end(stage, QUEUE, NETWORK)
    await slots.beat()
    assert (slots.free(NETWORK), slots.woken.is_set()) == (4, True)


async def test_job_runs_if_its_pause_has_ended_since_the_heartbeat(stage: Stage) -> None:
    """A worker that has read an ended pause must not set jobs aside: nobody would resume them."""
    await post(stage)
    [claimed] = await stage.claim()
    assert not await set_aside(stage.installation.database, claimed, Pauses.of([(PLATFORM, "tiktok")]))
    assert (await stage.job(str(claimed.item.post_id))).state == JobState.RUNNING


async def test_resume_sees_a_job_that_is_set_aside_at_the_same_time(stage: Stage) -> None:
    """The pause's row is locked while a job is set aside. Resume waits for that, and makes the job ready."""
    await begin(stage, PLATFORM, "tiktok")
    post_id = await post(stage)
    [claimed] = await stage.claim()
    database = stage.installation.database
    async with database.begin() as session:
        await session.execute(text("SELECT FROM items FOR UPDATE"))  # holds `set_aside` up after its first lock
        aside = asyncio.create_task(set_aside(database, claimed, Pauses.of([(PLATFORM, "tiktok")])))
        await until_waiting(stage, 1)
        resuming = asyncio.create_task(end(stage, PLATFORM, "tiktok"))
        await until_waiting(stage, 2)
    assert await aside
    assert await resuming == 1
    assert (await stage.job(post_id)).state == JobState.READY


async def until_waiting(stage: Stage, number: int) -> None:
    """Wait until so many statements of this database wait for a lock."""
    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    async with asyncio.timeout(60), stage.installation.database.session() as session:
        while (await session.execute(waiting)).scalar_one() < number:
            await asyncio.sleep(0.01)


async def test_set_aside_by_a_stale_claim_changes_nothing(stage: Stage) -> None:
    await begin(stage, PLATFORM, "tiktok")
    post_id = await post(stage)
    [claimed] = await stage.claim()
    clock.move(LEASE + timedelta(seconds=1))
    await stage.worker.run_due()
    before = await stage.job(post_id)
    assert before.state == JobState.PAUSED
    assert await set_aside(stage.installation.database, claimed, Pauses.of([(PLATFORM, "tiktok")]))
    assert (await stage.job(post_id)).updated_at == before.updated_at
    async with stage.installation.database.session() as session:
        [found] = await list_pauses(session)
    assert (found.kind, found.name, found.paused_by) == (PLATFORM, "tiktok", "test")


async def test_paused_item_that_moves_to_another_platform_is_published(stage: Stage) -> None:
    """Publish it at once: the pause does not cover its new account."""
    await begin(stage, PLATFORM, "tiktok")
    post_id = await scheduled(stage)
    clock.move(timedelta(hours=1, seconds=1))
    await stage.run_all()
    assert (await stage.job(post_id)).state == JobState.PAUSED
    change = {"connectionId": await stage.connect("bluesky"), "metadata": {"bluesky": {"text": "Tide"}}}
    path = f"/posts/{post_id}/items/{(await stage.item(post_id))['id']}"
    assert (await stage.caller.call("PATCH", path, json=change)).status_code == 200
    await stage.run_all()
    assert (await stage.item(post_id))["status"] == "published"
