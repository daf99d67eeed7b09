"""Recovery after downtime or a lost account: items continue, or fail with a clear error."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from clipcast.clock import clock
from clipcast.database.models.connections import Connection
from clipcast.database.models.jobs import JobState
from clipcast.jobs.outcomes import ItemOutcomes
from clipcast.jobs.timeline import Timeline
from clipcast.platforms.errors import ReconnectNeeded
from clipcast.testing.harness import Stage

METADATA = {"title": "Tide", "privacyLevel": "PUBLIC_TO_EVERYONE"}


async def schedule(stage: Stage, after: timedelta) -> str:
    edit = await stage.caller.upload(stage.clip)
    target = {"connectionId": await stage.connect("tiktok"), "metadata": {"tiktok": METADATA}}
    at = (clock.now() + after).isoformat()
    response = await stage.caller.post(
        "/posts", {"videos": [{"editId": edit, "targets": [target]}], "scheduled_at": at}
    )
    return str(response.json()["post_id"])


@pytest.mark.parametrize(("late", "status"), [(timedelta(hours=23), "published"), (timedelta(hours=25), "failed")])
async def test_scheduled_post_without_a_worker_starts_late_or_fails(stage: Stage, late: timedelta, status: str) -> None:
    """Publish up to 24 h late; after that, fail with `missed_schedule` until a caller retries."""
    post_id = await schedule(stage, timedelta(hours=1))
    clock.move(timedelta(hours=1) + late)
    await stage.run_until_ended()
    item = await stage.item(post_id)
    assert item["status"] == status
    if status == "published":
        return
    assert (item["error"]["code"], item["error"]["actor"], item["error"]["retryable"]) == (
        "missed_schedule", "operator", True,
    )  # fmt: skip
    assert "video_init" not in await stage.sandbox.requests("tiktok")
    await stage.caller.post(f"/posts/{post_id}/items/{item['id']}/retry")
    await stage.run_until_ended()
    assert (await stage.item(post_id))["status"] == "published"


async def test_post_that_started_in_time_finishes_any_time_later(stage: Stage) -> None:
    await stage.sandbox.settings(tiktok={"processing_seconds": 60})
    post_id = await schedule(stage, timedelta(hours=1))
    clock.move(timedelta(hours=1))
    await stage.worker.run_due()
    clock.move(timedelta(days=2))
    await stage.run_until_ended()
    assert (await stage.item(post_id))["status"] == "published"


async def test_reconnect_continues_all_waiting_items(stage: Stage) -> None:
    connection = await stage.connect("tiktok")
    clock.move(timedelta(minutes=5))
    await stage.sandbox.change_account("tiktok", revoked=True)
    posts = [await stage.post(connection, "tiktok", METADATA) for _ in range(3)]
    await stage.run_until_ended(timedelta(hours=1))
    assert {(await stage.item(post))["status"] for post in posts} == {"processing"}
    assert await stage.connect("tiktok") == connection
    await stage.run_until_ended(timedelta(hours=1))
    assert {(await stage.item(post))["status"] for post in posts} == {"published"}
    assert len(await stage.sandbox.posts("tiktok")) == 3


async def test_reconnect_before_the_item_waits_makes_it_due_now(stage: Stage) -> None:
    """Make the item due at once if the account was connected again before the worker saved the rejection."""
    connection = await stage.connect("tiktok")
    post_id = await stage.post(connection, "tiktok", METADATA)
    [claimed] = await stage.claim()
    async with stage.installation.database.begin() as session:
        (await session.get_one(Connection, UUID(connection))).status = "needs_reconnect"
    assert await stage.connect("tiktok") == connection
    until = clock.now() + timedelta(days=7)
    error = ReconnectNeeded("token_refused", "The token was refused.")
    await ItemOutcomes(stage.installation.database).waiting_for_owner(
        claimed, Timeline(claimed.attempt_id), error, 0, until
    )
    assert (await stage.job(post_id)).state == JobState.READY
    await stage.run_until_ended(timedelta(hours=1))
    assert (await stage.item(post_id))["status"] == "published"


async def test_concurrent_reconnect_and_wait_publish_the_item(stage: Stage) -> None:
    """Run both at once, several times: no item keeps waiting for a reconnect that has happened."""
    connection = await stage.connect("tiktok")
    for _ in range(5):
        post_id = await stage.post(connection, "tiktok", METADATA)
        [claimed] = await stage.claim()
        async with stage.installation.database.begin() as session:
            (await session.get_one(Connection, UUID(connection))).status = "needs_reconnect"
        error = ReconnectNeeded("token_refused", "The token was refused.")
        waiting = ItemOutcomes(stage.installation.database).waiting_for_owner(
            claimed, Timeline(claimed.attempt_id), error, 0, clock.now() + timedelta(days=7)
        )
        await asyncio.gather(waiting, stage.connect("tiktok"))
        await stage.run_until_ended(timedelta(hours=1))
        assert (await stage.item(post_id))["status"] == "published"
